#!/bin/sh
# `everdesk` for the whole installation, in the container `operator` of docker-compose.yml. Says where Temporal keeps
# its state, by profile, and where the files are, so that back-ups hold them.
set -eu

case ",${COMPOSE_PROFILES:-}," in
  *,single-binary,*)
    export EVERDESK_BACKUP_TEMPORAL_FILE=/var/lib/temporal/temporal.db
    ;;
  *,official,*)
    server="postgresql://temporal:$EVERDESK_TEMPORAL_DB_PASSWORD@postgres:5432"
    export EVERDESK_BACKUP_TEMPORAL_URLS="$server/temporal $server/temporal_visibility"
    ;;
esac
case "$EVERDESK_STORAGE_URL" in
  s3:*) ;;
  *) export EVERDESK_BACKUP_FILES="$EVERDESK_STORAGE_URL" ;;
esac
unset EVERDESK_TEMPORAL_DB_PASSWORD
exec everdesk "$@"
