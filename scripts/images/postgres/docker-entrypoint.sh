#!/bin/bash
# The part of the official image's behaviour that the examples rely on: POSTGRES_USER, POSTGRES_PASSWORD[_FILE], POSTGRES_DB,
# PGDATA, /docker-entrypoint-initdb.d/*.{sh,sql} on an empty data directory, and arguments that go to the server.
set -euo pipefail

[ "${1:-}" = postgres ] || [ "${1#-}" != "$1" ] || exec "$@"
[ "${1:-}" != postgres ] || shift

user=${POSTGRES_USER:-postgres} db=${POSTGRES_DB:-${POSTGRES_USER:-postgres}} password=${POSTGRES_PASSWORD:-}
[ -z "${POSTGRES_PASSWORD_FILE:-}" ] || password=$(cat "$POSTGRES_PASSWORD_FILE")
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }

mkdir -p "$PGDATA" /run/postgresql
chown -R postgres: "$PGDATA" /run/postgresql
chmod 700 "$PGDATA"

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  if [ -z "$password" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
    echo 'error: the data directory is empty and POSTGRES_PASSWORD is not set' >&2
    exit 1
  fi
  install -m 600 -o postgres /dev/null /run/postgresql/password
  printf '%s\n' "${password:-unused}" >/run/postgresql/password
  as_postgres initdb --no-sync -U "$user" --pwfile=/run/postgresql/password -A "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" \
    --auth-local=trust -E UTF8 --locale=C.UTF-8 >/dev/null
  rm /run/postgresql/password
  echo "host all all all ${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"
  # A server that only this script can reach, so that nobody finds the database half made.
  as_postgres pg_ctl -w start -o "-c listen_addresses=''" >/dev/null
  [ "$db" = postgres ] || as_postgres createdb -U "$user" --maintenance-db=postgres "$db"
  shopt -s nullglob
  for file in /docker-entrypoint-initdb.d/*; do
    echo "running $file"
    case $file in
      *.sh) # shellcheck disable=SC1090
        . "$file" ;;
      *.sql) as_postgres psql -v ON_ERROR_STOP=1 -q -U "$user" -d "$db" -f "$file" ;;
    esac
  done
  as_postgres pg_ctl -w -m fast stop >/dev/null
fi
exec setpriv --reuid=postgres --regid=postgres --init-groups postgres "$@"
