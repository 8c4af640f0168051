CREATE TABLE trades (at timestamptz NOT NULL, pair text NOT NULL, amount numeric NOT NULL);
SELECT create_hypertable('trades', 'at');
