"""Fills the three databases: a fixed number of tickets that are worked on, and as many closed ones as wanted.

Closed tickets end months ago, so that a report on the last weeks is about the same verdicts however long the past is.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from tests.support.growth import fill_beside
from tests.support.growth.numbering import NUMBERED, ticket_id

OPEN: Final = 1000
RARE: Final = "rare@example.org"
"""Somebody with a handful of tickets."""
BUSY: Final = "person7@example.org"
"""Somebody with one ticket in two hundred."""
KEY: Final = "growthkey"
A_TICKET: Final = ticket_id(77)
LOG_IN_RANGES: Final = 100_000
"""Closed tickets with which a report's share of the event log is less than the whole log.

Its index by time is of ranges of pages, and trees of fewer have a level less, for each of thousands of lines looked up.
"""
ASSIGNMENT: Final = (
    f"""
    insert into tickets (id, number, seq, revision, status, priority, priority_rank, team_id, assignee_id, assigned_at,
      next_due_at, is_archived, subject, requester_name, requester_email, created_at, updated_at, snapshot, tags,
      is_incident)
    select id, number, 3, 2, status, priority, rank, team_id, agent_id, at,
      case when is_closed then '9999-12-31Z'::timestamptz else at + interval '8 hours' end, is_closed,
      'Subject of ' || number, 'Person', email, at, at + interval '1 hour',
      jsonb_build_object('ticket_id', id, 'number', number, 'seq', 3, 'revision', 2, 'status', status,
        'priority', priority, 'team_id', team_id, 'assignee_id', agent_id, 'opened_at', at, 'updated_at', at,
        'is_archived', is_closed, 'policy_id', md5('policy')::uuid, 'policy_version', 1, 'clocks', '[]'::jsonb),
      array['tag' || i % 4] ||
        case when i between 1 and 5 then array['rare'] else '{{}}' end,
      {fill_beside.INCIDENT}
    from (
      select n.*, ($3::uuid[])[abs(i) % cardinality($3::uuid[]) + 1] as team_id,
        case when i % 7 <> 0 then ($4::uuid[])[abs(i) / 7 % cardinality($4::uuid[]) + 1] end as agent_id
      from ({NUMBERED}) as n) as one
    """,
    f"""
    insert into ticket_words (ticket_id, words)
    select id, number || ' printer ' || md5(number) || case when i in (3, 4) then ' zeppelin ' else ' ' end || email
    from ({NUMBERED}) as n
    """,
    f"""
    insert into messages (id, ticket_id, author_kind, author_name, author_email, body, body_format, channel,
      attachments, is_automatic, posted_at)
    select md5('message' || i)::uuid, id, 'requester', 'Person', email, 'The printer is on fire', 'text', 'portal',
      '[]', false, at from ({NUMBERED}) as n
    """,
    f"""
    insert into events (event_id, ticket_id, seq, type, at, recorded_at, data)
    select 'event' || i || ':' || seq, id, seq, case seq when 1 then 'ticket.opened' else 'ticket.updated' end, at,
      least(at, now()),
      jsonb_build_object('snapshot', jsonb_build_object('status', status))
    from ({NUMBERED}) as n, generate_series(1, 2) as seq
    """,
    f"""
    insert into verdicts (ticket_id, metric, cycle, revision, outcome, elapsed_seconds, target_seconds, settled_at,
      team_id, agent_id, priority)
    select id, metric, 1, revision, case when i % 9 = 0 then 'breached' else 'met' end, abs(i) % 5000, 4000, at,
      ($3::uuid[])[abs(i) % cardinality($3::uuid[]) + 1], ($4::uuid[])[abs(i) % cardinality($4::uuid[]) + 1], priority
    from ({NUMBERED}) as n, unnest(array['first_response', 'resolution']) as metric, generate_series(1, 2) as revision
    where revision = 1 or i % 50 = 0 or (not is_closed and i % 5 = 0)
    order by i
    """,
    f"""
    insert into routing_decisions (ticket_id, team_id, agent_id, policy_id, policy_version, priority, state, evidence,
      decided_at)
    select id, ($3::uuid[])[1], ($4::uuid[])[1], md5('policy')::uuid, 1, priority, 'applied', '{{}}', at
    from ({NUMBERED}) as n
    """,
)
INTAKE: Final = (
    f"""
    insert into tickets (id, number, requester_email, requester_name, subject, channel, fields, cc, api_key_id,
      created_at, status, priority, seq, revision, is_archived, updated_at, closed_at, topic_id)
    select id, number, email, 'Person', 'Subject of ' || number, case when i % 2 = 0 then 'api' else 'email' end,
      '{{}}', case when i % 100 = 0 then array['copy' || i % 1000 || '@example.org'] else '{{}}' end,
      case when i % 2 = 0 then '{KEY}' end,
      at, status, priority, 3, 2, is_closed, at, case when is_closed then at end, md5('topic' || i % 5)::uuid
    from ({NUMBERED}) as n
    """,
    f"""
    insert into messages (id, ticket_id, author_kind, author_name, author_email, body, body_format, channel,
      received_at, is_automatic)
    select md5('message' || i)::uuid, id, 'requester', 'Person', case when i % 3 = 0 then email end, 'Fire', 'text',
      'email', at, false
    from ({NUMBERED}) as n
    """,
    f"""
    insert into timeline_entries (ticket_id, kind, at, actor, message_id, status, revision)
    select id, 'message', at, 'requester', md5('message' || i)::uuid, status, 1 from ({NUMBERED}) as n
    """,
    f"""
    insert into raw_mails (id, identity, digest, size, source, sender, recipients, received_at, state, settled_at,
      ticket_id, message_id, author, attempts, outcome)
    select md5('mail' || i)::uuid, md5('identity' || i), encode(sha256(('mail' || i)::bytea), 'hex'), 1000, 'smtp',
      email, array['help@example.org'], at,
      case when i % 50 = 0 or i between -300 and -201 then 'ignored'
        when i between -100 and -91 then 'received' else 'done' end,
      case when i not between -100 and -91 then at end, id, md5('message' || i)::uuid, email, 0, ''
    from ({NUMBERED}) as n
    """,
    f"insert into mail_ids (mail_id, ticket_id) select '<' || i || '@example.org>', id from ({NUMBERED}) as n",
    f"insert into mail_ancestors (mail_id, ticket_id) select '<a' || i || '@example.org>', id from ({NUMBERED}) as n",
    f"""
    insert into attachments (id, digest, name, media_type, size, state, owner, ticket_id, message_id, is_inline,
      created_at)
    select md5('file' || i)::uuid, encode(sha256(('file' || i)::bytea), 'hex'), 'a.txt', 'text/plain', 10,
      case when i between -50 and -1 then 'pending' else 'clean' end, 'mail:1', id, md5('message' || i)::uuid, false, at
    from ({NUMBERED}) as n where i % 2 = 0
    """,
)
NOTIFICATION: Final = (
    f"""
    insert into tickets (id, number, subject, requester_email, requester_name, submitted_at, seq)
    select id, number, 'Subject', email, 'Person', at, 3 from ({NUMBERED}) as n
    """,
    f"""
    insert into deliveries (id, cause, recipient, template, template_version, ticket_id, facts, status, address, name,
      message_id, created_at, sent_at, next_attempt_at)
    select md5('delivery' || i || recipient)::uuid, 'event' || i, recipient, 'reply', 1, id, '{{}}',
      case when i between 1 and 1000 and i % 10 = 0 or i between -200 and -101 then 'failed'
        when i between -20 and -1 then 'queued' when i between -40 and -21 then 'waiting' else 'sent' end,
      email, 'Person', '<' || i || recipient || '@example.org>', at, at,
      case when i between -20 and -1 then now() end
    from ({NUMBERED}) as n, unnest(array['requester', 'assignee']) as recipient
    """,
)
STATEMENTS: Final = {
    "assignment": ASSIGNMENT + fill_beside.ASSIGNMENT,
    "intake": INTAKE + fill_beside.INTAKE,
    "notification": NOTIFICATION + fill_beside.NOTIFICATION,
}


LONG_THREAD: Final = (
    """
    insert into messages (id, ticket_id, author_kind, author_name, author_email, body, body_format, channel,
      attachments, is_automatic, posted_at)
    select md5('more' || number || n)::uuid, id, case when n % 2 = 0 then 'requester' else 'agent' end, 'Person',
      requester_email, 'The printer is on fire, again', 'text', 'portal', '[]', false,
      created_at - make_interval(mins => n)
    from tickets, generate_series(1, $2::int) as n where number = $1::text
    """,
    """
    insert into events (event_id, ticket_id, seq, type, at, data)
    select 'more' || number || ':' || n, id, 10 + n, 'ticket.updated', created_at - make_interval(mins => n),
      jsonb_build_object('snapshot', jsonb_build_object('status', status))
    from tickets, generate_series(1, $2::int) as n where number = $1::text
    """,
)


async def long_thread(dsn: str, number: str, entries: int) -> None:
    """Gives a ticket so many messages, and as many events."""
    connection = await asyncpg.connect(dsn)
    for statement in LONG_THREAD:
        await connection.execute(statement, number, entries)
    await connection.execute("analyze messages, events")
    await connection.close()


SECONDARY: Final = """
select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition from pg_index
where indrelid::regclass::text = any($1::text[]) and not indisunique order by pg_relation_size(indrelid) desc, 1
"""
QUICKLY: Final = """
set session_replication_role = replica; set synchronous_commit = off; set maintenance_work_mem = '256MB'
"""
"""Foreign keys hold by construction and need no look-up for each row."""


async def fill(
    dsn: str, service: str, span: tuple[int, int], teams: Sequence[object] = (), agents: Sequence[object] = ()
) -> None:
    """Writes the tickets with these numbers and all that belongs to them, and has the planner count them.

    `dsn` is a superuser's. Indexes are built afterwards, which takes a fraction of what each row alone would.
    """
    connection = await asyncpg.connect(dsn)
    try:
        async with without_indexes(connection, [statement.split()[2] for statement in STATEMENTS[service]]):
            for statement in STATEMENTS[service]:
                more = [given for name, given in (("$3", list(teams)), ("$4", list(agents))) if name in statement]
                await connection.execute(statement, *span, *more)
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()


@asynccontextmanager
async def without_indexes(connection: "asyncpg.Connection[Any]", tables: Sequence[str]) -> AsyncIterator[None]:
    """A superuser's connection that writes many rows quickly; the tables' indexes are built at the end."""
    await connection.execute(QUICKLY)
    indexes = await connection.fetch(SECONDARY, tables)
    for index in indexes:
        await connection.execute(f"drop index {index['name']}")
    yield
    for index in indexes:
        await connection.execute(index["definition"])
    await connection.execute("reset session_replication_role")
