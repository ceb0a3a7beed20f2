#!/bin/sh
# Makes or upgrades Temporal's two schemas, in the databases that deploy/postgres made; safe to repeat.
# Runs in temporalio/admin-tools; the password is in SQL_PASSWORD, where the tool reads it.
set -eu
: "${POSTGRES_HOST:=postgres}" "${POSTGRES_USER:=temporal}"

for database in temporal temporal_visibility; do
  case $database in temporal) kind=temporal ;; *) kind=visibility ;; esac
  tool="temporal-sql-tool --plugin postgres12 --ep $POSTGRES_HOST -p 5432 -u $POSTGRES_USER --db $database"
  $tool setup-schema -v 0.0
  $tool update-schema -d "/etc/temporal/schema/postgresql/v12/$kind/versioned"
done
