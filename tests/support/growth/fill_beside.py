"""What grows beside the tickets: people, tasks, links, ratings, offers, alerts, the change feed, inboxes.

`$3` are teams and `$4` agents, where a statement names both.
"""

from typing import Final

from tests.support.growth.numbering import NUMBERED

PEOPLE: Final = "i % 20 = 0 or i between -200 and -1"
"""Who wrote: two hundred with many tickets each, and ever more of whom little is known."""
INCIDENT: Final = "i in (-3, -7, 77) or i % 2000 = 0 and i > 0"
"""What was declared one, now and then. Their mark is filled in, for no trigger fires meanwhile."""
_ADDRESS: Final = """case when i between -200 and -1 then 'person' || abs(i) % 200 || '@example.org'
  else 'caller' || i || '@org' || abs(i) % 50 + 1 || '.example' end"""
ASSIGNMENT: Final = (
    f"""
    insert into organisations (id, name, version) select md5('organisation' || -i)::uuid, 'Organisation ' || -i, 1
    from ({NUMBERED}) as n where i between -50 and -1
    """,
    f"""
    insert into organisation_domains (domain, organisation_id)
    select 'org' || -i || '.example', md5('organisation' || -i)::uuid from ({NUMBERED}) as n where i between -50 and -1
    """,
    f"""
    insert into requesters (id, name, version) select md5('requester' || i)::uuid, 'Caller ' || md5(i::text), 1
    from ({NUMBERED}) as n where {PEOPLE}
    """,
    f"""
    insert into requester_addresses (email, requester_id, is_primary)
    select {_ADDRESS}, md5('requester' || i)::uuid, true
    from ({NUMBERED}) as n where {PEOPLE}
    """,
    f"""
    insert into ticket_tasks (id, ticket_id, position, title, is_blocking, created_at, created_by)
    select md5('task' || i)::uuid, id, 1, 'Call back', false, at, ($4::uuid[])[1]
    from ({NUMBERED}) as n where i % 10 = 0 and cardinality($3::uuid[]) > 0
    """,
    f"""
    insert into satisfaction_ratings (ticket_id, resolution, team_id, agent_id, asked_at, score, rated_at)
    select id, 1, ($3::uuid[])[abs(i) % cardinality($3::uuid[]) + 1],
      ($4::uuid[])[abs(i) % cardinality($4::uuid[]) + 1], at, case when i % 2 = 0 then abs(i) % 5 + 1 end,
      case when i % 2 = 0 then at end
    from ({NUMBERED}) as n where i % 3 = 0
    """,
    f"""
    insert into ticket_assignments (id, ticket_id, team_id, agent_id, revision, priority, cause, state, evidence,
      attempts, next_attempt_at, decided_at)
    select md5('assignment' || i)::uuid, id, ($3::uuid[])[abs(i) % cardinality($3::uuid[]) + 1],
      ($4::uuid[])[abs(i) % cardinality($4::uuid[]) + 1], 1, priority, 'reopened', 'applied', '{{}}', 1, at, at
    from ({NUMBERED}) as n where i % 4 = 0
    """,
    f"""
    insert into follow_ups (ticket_id, follow_up_id, is_opened_by) select id, md5('ticket' || i - 1)::uuid, false
    from ({NUMBERED}) as n where i > 50 and i % 50 = 0
    """,
    f"""
    insert into ticket_links (ticket_id, other_id, kind, agent_id, added_at)
    select id, md5('ticket' || 77)::uuid, 'child', ($4::uuid[])[1], at
    from ({NUMBERED}) as n where i between 100 and 120 and cardinality($3::uuid[]) > 0
    """,
    f"""
    insert into ticket_links (ticket_id, other_id, kind, agent_id, added_at)
    select id, md5('ticket' || i + 1)::uuid, 'related', ($4::uuid[])[1], at
    from ({NUMBERED}) as n where i % 100 = 0 and cardinality($3::uuid[]) > 0
    """,
    f"""
    insert into incidents (ticket_id, declared_by, declared_at) select id, ($4::uuid[])[1], at
    from ({NUMBERED}) as n where ({INCIDENT}) and cardinality($3::uuid[]) > 0
    """,
    f"""
    insert into participants (ticket_id, email, name, state, version, changed_at, added_by, added_at)
    select id, 'copy' || i || '@example.org', 'Copy', 'confirmed', 1, at, 'requester', at
    from ({NUMBERED}) as n where i % 50 = 0
    """,
    f"""
    insert into notes (id, ticket_id, author_kind, author_id, author_name, body, body_format, added_at)
    select md5('note' || i)::uuid, id, 'agent', ($4::uuid[])[1], 'Agent', 'Looked at the printer', 'text', at
    from ({NUMBERED}) as n where i % 5 = 0 and cardinality($3::uuid[]) > 0
    """,
    f"""
    insert into followers (ticket_id, agent_id, since, is_mentioned) select id, ($4::uuid[])[2], at, false
    from ({NUMBERED}) as n where i % 20 = 0 and cardinality($3::uuid[]) > 0
    """,
    f"""
    insert into report_schedules (id, name, report, parameters, frequency, at, time_zone, recipients, owner_id,
      next_due_at, created_at, version)
    select md5('schedule' || i)::uuid, 'Weekly ' || i, 'sla', '{{}}', 'daily', '08:00', 'UTC',
      ($4::uuid[])[1:1], ($4::uuid[])[1], now() + interval '1 hour', now(), 1
    from ({NUMBERED}) as n where i between -5 and -1 and cardinality($3::uuid[]) > 0
    """,
    f"""
    insert into report_runs (schedule_id, period, at, result, detail, sent_to)
    select md5('schedule' || -1 - i / 1000 % 5)::uuid, i::text, at, 'sent', '', 1
    from ({NUMBERED}) as n where i > 0 and i % 1000 = 0
    """,
)
INTAKE: Final = (
    f"""
    insert into participants (ticket_id, email, name, state, version)
    select id, 'copy' || i || '@example.org', 'Copy', 'confirmed', 1 from ({NUMBERED}) as n where i % 50 = 0
    """,
    f"""
    insert into satisfaction_surveys (ticket_id, resolution, asked_at, open_until, score, rated_at)
    select id, 1, at, at + interval '14 days', case when i % 2 = 0 then abs(i) % 5 + 1 end,
      case when i % 2 = 0 then at end
    from ({NUMBERED}) as n where i % 3 = 0
    """,
    f"""
    insert into person_addresses (email, requester_id, changed_at) select {_ADDRESS}, md5('requester' || i)::uuid, at
    from ({NUMBERED}) as n where {PEOPLE}
    """,
    f"""
    insert into alerts (id, key_id, fingerprint, state, report, ticket_id, is_collected, is_told, first_at, last_at,
      repeats, relapses, digest, attempts)
    select md5('alert' || i)::uuid, 'growthkey', 'print' || i, 'resolved', '{{"title": "Disk"}}', id, false, true, at,
      now() - make_interval(days => i / 50 % 80), 1, 0, decode(md5(i::text), 'hex'), 0
    from ({NUMBERED}) as n where i > 0 and i % 50 = 0
    """,
    f"""
    insert into incident_children (ticket_id, parent_id, changed_at) select id, md5('ticket' || i + 1)::uuid, at
    from ({NUMBERED}) as n where i % 200 = 0
    """,
)
NOTIFICATION: Final = (
    f"""
    insert into deliveries (id, cause, recipient, channel, template, template_version, ticket_id, agent_id, facts,
      status, name, message_id, created_at, sent_at, read_at)
    select md5('entry' || i)::uuid, 'event' || i, 'inbox', 'inbox', 'reply', 1, id,
      md5('agent' || abs(i) % 8)::uuid, '{{}}', 'sent', 'Agent', '', at, at, case when is_closed then at end
    from ({NUMBERED}) as n
    """,
    f"""
    insert into feed_events (position, event_id, type, entity_id, ticket_id, envelope, recorded_at)
    select 10000000 - 2 * i + step, 'event' || i || ':' || step,
      case step when 0 then 'ticket.opened' else 'ticket.closed' end, id, id, '{{}}', at
    from ({NUMBERED}) as n, generate_series(0, 1) as step
    """,
    """
    insert into feed_end (id, position)
    select 1, max(position) from feed_events where $1::int <= $2::int
    on conflict (id) do update set position = excluded.position
    """,
    f"insert into feed_tickets (ticket_id, seq) select id, 3 from ({NUMBERED}) as n",
    f"""
    insert into csat_asks (ticket_id, resolution, requester_key, asked_at)
    select id, 1, md5(email), at from ({NUMBERED}) as n where i % 3 = 0
    """,
    f"""
    insert into participants (ticket_id, key, email, name, state, version)
    select id, md5('copy' || i), 'copy' || i || '@example.org', 'Copy', 'confirmed', 1
    from ({NUMBERED}) as n where i % 50 = 0
    """,
    f"""
    insert into followers (ticket_id, agent_id, is_following, changed_at)
    select id, md5('agent' || abs(i) % 8)::uuid, true, at from ({NUMBERED}) as n where i % 20 = 0
    """,
    f"""
    insert into webhooks (id, name, url, types, state, secret)
    select md5('webhook')::uuid, 'Billing', 'https://billing.example/hook', array['ticket.opened'], 'enabled', 'x'
    from ({NUMBERED}) as n where i = -1
    """,
    f"""
    insert into webhook_deliveries (id, webhook_id, event_id, position, type, entity_id, status, attempts)
    select md5('hook' || i)::uuid, md5('webhook')::uuid, 'event' || i || ':0', 10000000 - 2 * i, 'ticket.opened', id,
      case when i % 1000 = 0 then 'failed' else 'delivered' end, 1
    from ({NUMBERED}) as n where i % 2 = 0
    """,
)
