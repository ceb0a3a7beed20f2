#!/bin/sh
# Makes the namespace keep closed tickets long enough and know our search attributes; safe to repeat.
# Needs Temporal's command-line program `temporal` and nothing else.
set -eu
: "${TEMPORAL_ADDRESS:=temporal:7233}" "${NAMESPACE:=default}"
# Longer than the event stream keeps a message (30 days): a late redelivery must find the closed workflow.
: "${RETENTION:=45d}"
unset TEMPORAL_NAMESPACE
server="--address $TEMPORAL_ADDRESS --command-timeout 10s"

tries=0
until temporal operator cluster health $server >/dev/null 2>&1; do
  tries=$((tries + 1))
  if [ "$tries" -ge 60 ]; then
    echo "Temporal at $TEMPORAL_ADDRESS was not healthy after 60 tries:" >&2
    exec temporal operator cluster health $server
  fi
  sleep 1
done

if temporal operator namespace describe $server --namespace "$NAMESPACE" >/dev/null 2>&1; then
  temporal operator namespace update $server --namespace "$NAMESPACE" --retention "$RETENTION" >/dev/null
else
  temporal operator namespace create $server --namespace "$NAMESPACE" --retention "$RETENTION" >/dev/null
fi

# A new namespace is known to every part of the server a few seconds after it was made.
for attribute in EverdeskStatus EverdeskTeam EverdeskAssignee EverdeskPriority; do
  tries=0
  until said=$(temporal operator search-attribute create $server --namespace "$NAMESPACE" \
                 --name "$attribute" --type Keyword 2>&1); do
    case $said in *"already exist"*) break ;; esac
    tries=$((tries + 1))
    if [ "$tries" -ge 30 ]; then
      echo "search attribute $attribute: $said" >&2
      exit 1
    fi
    sleep 2
  done
done
echo "Namespace $NAMESPACE keeps closed workflows for $RETENTION and has Everdesk's search attributes"
