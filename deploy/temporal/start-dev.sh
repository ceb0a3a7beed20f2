#!/bin/sh
# Temporal's single-binary server, its state in one SQLite file that survives restarts.
set -eu
exec temporal server start-dev \
  --disable-config-file --disable-config-env \
  --ip 0.0.0.0 --port 7233 \
  --ui-ip 0.0.0.0 --ui-port 8233 --ui-disable-news-fetch \
  --db-filename "${TEMPORAL_DB:-/data/temporal.db}" \
  --sqlite-pragma journal_mode=wal --sqlite-pragma synchronous=1 \
  --log-level warn
