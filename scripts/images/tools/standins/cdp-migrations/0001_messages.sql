CREATE TABLE messages (at timestamptz NOT NULL DEFAULT now(), height bigint NOT NULL, body jsonb NOT NULL, done boolean NOT NULL DEFAULT false);
SELECT create_hypertable('messages', 'at');
