#!/bin/bash
# One role and one database per service, each closed to the others, and two databases for Temporal.
# Runs at the first start of an empty volume; run again it applies changed passwords and adds what is missing.
# In a subshell, because the image may source this file instead of executing it.
(
  set -euo pipefail

  provision() { # role, name of the variable with its password, databases...
    local role=$1 variable=$2
    shift 2
    : "${!variable:?is not set: the role $role needs a password}"
    query --set role="$role" <<SQL
\\getenv password $variable
SELECT format('CREATE ROLE %I LOGIN', :'role')
 WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = :'role') \\gexec
SELECT format('ALTER ROLE %I PASSWORD %L', :'role', :'password') \\gexec
SQL
    local database
    for database in "$@"; do  # sorted by code point: an index never depends on the system's locale version
      query --set role="$role" --set database="$database" <<'SQL'
SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING ''UTF8'' LC_COLLATE ''C'' LC_CTYPE ''C.UTF-8''',
              :'database', :'role')
 WHERE NOT EXISTS (SELECT 1 FROM pg_database WHERE datname = :'database') \gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'database') \gexec
SQL
    done
  }

  query() { psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres "$@"; }

  for _ in {1..60}; do # run by hand, the server may be on its way up
    pg_isready --quiet --username "${POSTGRES_USER:-postgres}" && break
    sleep 1
  done
  query --command 'REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC'
  provision intake INTAKE_DB_PASSWORD intake
  provision assignment ASSIGNMENT_DB_PASSWORD assignment
  provision notification NOTIFICATION_DB_PASSWORD notification
  provision temporal TEMPORAL_DB_PASSWORD temporal temporal_visibility
)
