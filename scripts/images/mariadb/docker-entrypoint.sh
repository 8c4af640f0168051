#!/bin/bash
# The part of the official image's behaviour that the examples rely on: {MARIADB,MYSQL}_ROOT_PASSWORD, _DATABASE, _USER, _PASSWORD
# on an empty data directory, and arguments that go to the server.
set -euo pipefail

[ "${1:-}" = mariadbd ] || [ "${1#-}" != "$1" ] || exec "$@"
[ "${1:-}" != mariadbd ] || shift
data=/var/lib/mysql
mkdir -p /run/mysqld
chown -R mysql: "$data" /run/mysqld

first_sql() { # one statement per line: the bootstrap mode knows no other
  local root=${MARIADB_ROOT_PASSWORD:-${MYSQL_ROOT_PASSWORD:-}} db=${MARIADB_DATABASE:-${MYSQL_DATABASE:-}}
  local user=${MARIADB_USER:-${MYSQL_USER:-}} password=${MARIADB_PASSWORD:-${MYSQL_PASSWORD:-}}
  [ -n "$root$MARIADB_EMPTY" ] || { echo 'error: the data directory is empty and MARIADB_ROOT_PASSWORD is not set' >&2; return 1; }
  echo 'FLUSH PRIVILEGES;'
  echo "CREATE USER IF NOT EXISTS root@'%' IDENTIFIED BY '$root';"
  echo "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;"
  [ -z "$db" ] || echo "CREATE DATABASE IF NOT EXISTS \`$db\` CHARACTER SET utf8mb4;"
  if [ -n "$user" ]; then
    echo "CREATE USER '$user'@'%' IDENTIFIED BY '$password';"
    [ -z "$db" ] || echo "GRANT ALL ON \`$db\`.* TO '$user'@'%';"
  fi
  echo "SET PASSWORD FOR root@localhost = PASSWORD('$root');"
}

MARIADB_EMPTY=${MARIADB_ALLOW_EMPTY_ROOT_PASSWORD:-${MYSQL_ALLOW_EMPTY_PASSWORD:-}}
if [ ! -d "$data/mysql" ]; then
  sql=$(first_sql)
  mariadb-install-db --user=mysql --datadir="$data" --skip-test-db --auth-root-authentication-method=normal >/dev/null
  mariadbd --user=mysql --bootstrap <<<"$sql"
fi
exec mariadbd --user=mysql --bind-address=0.0.0.0 "$@"
