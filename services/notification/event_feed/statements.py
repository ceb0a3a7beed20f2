"""The statements of the feed's recorder; rows come as one JSON parameter, so that each is prepared once."""

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

_ROWS = bindparam("rows", type_=JSONB())

LOCK_END = text("select position, began_at from feed_end where id = 1 for update")

LOOK_UP = text("""
select
  (select array_agg(event_id) from (
    select event_id from feed_events where event_id = any(cast(:ids as text[]))
    union all select event_id from feed_early where event_id = any(cast(:ids as text[]))
  ) as known) as seen,
  (select jsonb_object_agg(ticket_id, seq) from feed_tickets
    where ticket_id = any(cast(cast(:tickets as text[]) as uuid[]))) as seqs,
  (select array_agg(ticket_id::text) from feed_tickets
    where ticket_id = any(cast(cast(:tickets as text[]) as uuid[])) and erased_at is not null) as erased,
  (select array_agg(envelope order by seq) from feed_early
    where ticket_id = any(cast(cast(:tickets as text[]) as uuid[]))
    or ticket_id in (select ticket_id from feed_early where release_at <= now())) as held,
  (select array_agg(event_id) from feed_early where release_at <= now()) as due,
  (select jsonb_agg(jsonb_build_object('id', id, 'types', types)) from webhooks where state <> 'disabled') as webhooks
""")
"""What is known of a batch's events and tickets. Asked once the feed's end is locked, so that it is still true when
the events are appended."""

APPEND = text("""
with given as (
  select * from jsonb_to_recordset(:rows) as one(
    position bigint, event_id varchar, type varchar, entity_id uuid, ticket_id uuid, seq bigint, envelope text)
), added as (
  insert into feed_events (position, event_id, type, entity_id, ticket_id, envelope)
  select position, event_id, type, entity_id, ticket_id, envelope from given order by position
), moved as (
  update feed_end set position = position + :count where id = 1
), advanced as (
  insert into feed_tickets (ticket_id, seq)
  select ticket_id, max(seq) from given where seq is not null group by ticket_id order by ticket_id
  on conflict (ticket_id) do update set seq = greatest(feed_tickets.seq, excluded.seq)
)
delete from feed_early where event_id in (select event_id from given where seq is not null)
""").bindparams(_ROWS)

HOLD = text("""
insert into feed_early (event_id, ticket_id, seq, envelope, release_at)
select * from jsonb_to_recordset(:rows) as one(
  event_id varchar, ticket_id uuid, seq bigint, envelope text, release_at timestamptz)
on conflict do nothing
""").bindparams(_ROWS)

DELIVER = text("""
insert into webhook_deliveries (id, webhook_id, event_id, position, type, entity_id, status, next_attempt_at)
select one.id, one.webhook_id, one.event_id, one.position, one.type, one.entity_id, 'queued',
  coalesce((
    select max(before.next_attempt_at) from webhook_deliveries as before
    where before.webhook_id = one.webhook_id and before.entity_id = one.entity_id and before.status = 'queued'
  ), now())
from jsonb_to_recordset(:rows) as one(
  id uuid, webhook_id uuid, event_id varchar, position bigint, type varchar, entity_id uuid)
join webhooks on webhooks.id = one.webhook_id and webhooks.state <> 'disabled'
on conflict do nothing
""").bindparams(_ROWS)
"""One row per event and endpoint. What stands behind a delivery that waits for another attempt waits as long."""

NEXT_RELEASE = text("select extract(epoch from min(release_at) - now())::float from feed_early")
