"""Which tickets report the same problem as a major incident: trigrams of subjects, and full text of what was written.

Both directions look at a bounded number of tickets: the newest open ones since shortly before the incident, or the
newest of the incidents that are open. Neither cost grows with the tickets that are over.

Words of subjects are compared by their stems, in each language that the product speaks: a ticket that came by mail says
of no language. Messages are looked through by the words that are stored for the search, which have no stems: a word is
in them if they hold it, or one that begins as its stem does.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Row, TextClause

from services.assignment.models import Ticket
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_lists.index_scans import IS_OPEN, statement
from services.assignment.queries.ticket_lists.scopes import visible
from services.assignment.queries.ticket_page.incidents import IS_OPEN_INCIDENT, related
from services.assignment.queries.ticket_page.sought_words import SoughtWord, sought_words
from services.assignment.schemas.incidents import SimilarTicketView
from shared.kit.db import Session

BEFORE: Final = timedelta(hours=24)
"""How long before the incident a ticket may have been opened: the first reports come before somebody sees the whole."""
LOOKED_AT: Final = 1_000
EXAMINED: Final = 5_000
"""Open tickets among which those are sought: the others have a parent already, or are incidents themselves."""
LEAST_TRIGRAMS: Final = 0.3
LEAST_WORDS: Final = 0.5
"""Of 1: the share of the subject's telling words that a ticket must hold, if its subject is not alike."""
HOLDS: Final = """(
  english = any(near.stems) or german = any(near.stems)
  or exists (select from messages as s where s.ticket_id = near.id and s.search @@ cast(query as tsquery))
)"""
STEMS: Final = "tsvector_to_array(to_tsvector('english', {0})) || tsvector_to_array(to_tsvector('german', {0}))"
PARTS: Final = {
    "open": IS_OPEN,
    "is_open_incident": IS_OPEN_INCIDENT,
    "free": """tickets.merged_into is null and tickets.erased_at is null
    and not exists (select from ticket_links as link where link.ticket_id = tickets.id and link.kind = 'child')
    and not exists (select from incidents where incidents.ticket_id = tickets.id)""",
    "like": f"(trigrams >= {LEAST_TRIGRAMS} or share >= {LEAST_WORDS})",
    "share": f"coalesce(sum(case when {HOLDS} then 1.0 else 0.0 end) / greatest(count(*), 2), 0)",
    "stems": STEMS.format("newest.subject"),
    "own_stems": STEMS.format("cast(:subject as text)"),
    "looked_at": str(LOOKED_AT),
    "examined": str(EXAMINED),
}
"""What the statements are put together from. The share of one word alone is no more than a half: it says too little."""
TICKETS: Final = """
with recent as materialized (
  select tickets.id, tickets.number, tickets.subject, tickets.status, tickets.created_at from tickets
  where {open} and tickets.created_at >= :since and tickets.id <> :incident_id
    and tickets.merged_into is null and tickets.erased_at is null{visible}
  order by tickets.created_at desc, tickets.id desc limit {examined}
), taken as materialized (
  select link.ticket_id from ticket_links as link
  where link.ticket_id = any(array(select id from recent)) and link.kind = 'child'
  union all select ticket_id from incidents where ticket_id = any(array(select id from recent))
)
select near.*, least(1, greatest(trigrams, share)) as likeness from (
  select newest.*, {stems} as stems from (
    select * from recent where id not in (select ticket_id from taken)
    order by created_at desc, id desc limit {looked_at}
  ) as newest offset 0
) as near cross join lateral (
  select similarity(lower(near.subject), lower(cast(:subject as text))) as trigrams,
    (select {share}
     from unnest(cast(:queries as text[]), cast(:english as text[]), cast(:german as text[]))
       as sought (query, english, german)) as share
) as measured where {like} order by trigrams + share desc, near.created_at desc limit :most"""
"""Links are looked up for all tickets at once: of each alone, it would be a walk from the root of their index."""
INCIDENTS: Final = """
select tickets.id, tickets.number, tickets.subject, tickets.status, tickets.created_at
from incidents join tickets on tickets.id = incidents.ticket_id
where {is_open_incident} and tickets.created_at <= :until and tickets.id <> :ticket_id{visible}
order by incidents.declared_at desc limit 20"""
MEASURED: Final = """
select place, trigrams, share from (
  select place, similarity(lower(incident.subject), lower(cast(:subject as text))) as trigrams,
    (select {share}
     from unnest(cast(:owners as integer[]), cast(:queries as text[]), cast(:english as text[]),
       cast(:german as text[])) as sought (owner, query, english, german)
     where sought.owner = incident.place) as share
  from (select cast(:ticket_id as uuid) as id, {own_stems} as stems offset 0) as near
  cross join unnest(cast(:subjects as text[])) with ordinality as incident (subject, place)
) as measured where {like} order by trigrams + share desc limit 1"""
FREE: Final = "select 1 from tickets where tickets.id = :ticket_id and {open} and {free}"


async def list_similar(session: Session, caller: Caller, incident: Ticket, limit: int) -> list[SimilarTicketView]:
    """Open tickets without a parent that are like a major incident, the likest first."""
    conditions, values = visible(caller)
    [words] = await sought_words(session, [incident.subject])
    given: dict[str, Any] = {
        "since": incident.created_at - BEFORE,
        "incident_id": incident.id,
        "subject": incident.subject,
        "most": limit,
        **_sought(words),
    }
    rows = (await session.execute(_filled(TICKETS, conditions), values | given)).all()
    return [_similar(row, row.likeness) for row in rows]


async def find_similar_incident(session: Session, caller: Caller, ticket: Ticket) -> SimilarTicketView | None:
    """The open major incident that a ticket is like; None for one that has a parent or is an incident itself."""
    conditions, values = visible(caller)
    if await session.scalar(_filled(FREE), {"ticket_id": ticket.id}) is None:
        return None
    given = {"ticket_id": ticket.id, "until": ticket.created_at + BEFORE}
    incidents = (await session.execute(_filled(INCIDENTS, conditions), values | given)).all()
    if not incidents:
        return None
    each = await sought_words(session, [one.subject for one in incidents])
    found = (await session.execute(_filled(MEASURED), _measures(ticket, incidents, each))).one_or_none()
    if found is None:
        return None
    return _similar(incidents[found.place - 1], max(found.trigrams, found.share))


def _measures(ticket: Ticket, incidents: Sequence[Row[Any]], each: Sequence[Sequence[SoughtWord]]) -> dict[str, Any]:
    """A ticket against the subjects of incidents, which are counted from 1, and their words."""
    return {
        "ticket_id": ticket.id,
        "subject": ticket.subject,
        "subjects": [one.subject for one in incidents],
        "owners": [place for place, words in enumerate(each, start=1) for _ in words],
        **_sought([word for words in each for word in words]),
    }


def _sought(words: Sequence[SoughtWord]) -> dict[str, list[str]]:
    return {
        "queries": [word.query for word in words],
        "english": [word.english for word in words],
        "german": [word.german for word in words],
    }


def _filled(sql: str, visible_if: Sequence[str] = ()) -> TextClause:
    return statement(sql.format(**PARTS, visible="".join(f" and {one}" for one in visible_if)))


def _similar(row: Row[Any], likeness: float) -> SimilarTicketView:
    return SimilarTicketView(ticket=related(row), created_at=row.created_at, likeness=round(float(likeness), 2))
