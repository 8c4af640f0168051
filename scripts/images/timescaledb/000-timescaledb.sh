#!/bin/bash
# As the official image: the extension is there in the database from the start.
# shellcheck disable=SC2154 # user and db: the entrypoint sources this file
as_postgres psql -q -U "$user" -d "$db" -c 'CREATE EXTENSION IF NOT EXISTS timescaledb' 2>/dev/null
