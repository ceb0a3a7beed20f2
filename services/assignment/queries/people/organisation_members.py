"""The people of an organisation, put there by hand or by the domain of their primary address, and their tickets.

Whoever is put there by hand is a range of one index, and so are the people of each domain, both in the order of names.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Text,
    and_,
    cast,
    column,
    func,
    literal_column,
    or_,
    select,
    text,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.orm import aliased

from services.assignment.models import RequesterAddress, RequesterRecord, Ticket
from services.assignment.models.ticket_indexes import REQUESTER_DOMAIN
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.cursors import uuid_in
from services.assignment.queries.people.requesters import may_see, newest_tickets, printable, summaries
from services.assignment.schemas.requesters import OrganisationMember, RequesterTicket
from shared.kit.db import Session
from shared.kit.http.paging import Page, decode_cursor, encode_cursor

MOST_ADDRESSES = 2000
"""Of members, outside the organisation's domains, whose tickets are looked for."""
LOOKED_AT: Final = 100
"""People who are looked at for one page: how many of them the caller may see is not known beforehand."""
DOMAINS: Final = text("""
with recursive own as (
  select domain, reverse(domain) collate "C" as backwards from organisation_domains
  where organisation_id = :organisation_id
), present as (
  select own.domain as own, own.backwards, below.domain from own cross join lateral (
    select domain from requesters where organisation_id is null and merged_into is null
      and domain > own.backwards || '.' and domain < own.backwards || '/' order by domain limit 1) as below
  union all
  select present.own, present.backwards, below.domain from present cross join lateral (
    select domain from requesters where organisation_id is null and merged_into is null
      and domain > present.domain and domain < present.backwards || '/' order by domain limit 1) as below
)
select backwards from own union select domain from present where not exists (
  select from organisation_domains as other
  where other.organisation_id <> :organisation_id and length(other.domain) > length(present.own)
    and (reverse(present.domain) = other.domain or reverse(present.domain) like '%.' || other.domain)
)
""")
"""Its domains and those below that people have, backwards, but for what another organisation has a longer domain of.

Each is found by one look into the index, however many people have it.
"""
NAME: Final = func.lower(RequesterRecord.name)
IS_THERE: Final = RequesterRecord.merged_into.is_(None)
IS_BY_DOMAIN: Final = and_(RequesterRecord.organisation_id.is_(None), IS_THERE)
FURTHER: Final = RequesterRecord.has_further_addresses
SENT_FROM: ColumnElement[str] = literal_column(REQUESTER_DOMAIN)
"""In the words of the index, which a parameter would hide."""
DOMAIN_OF_ADDRESS: Final = func.reverse(func.split_part(RequesterAddress.email, "@", 2))
Position = tuple[bool, str, UUID]
"""Whether it is among the managers, a name in lower case, and whose it is."""


async def list_members(
    session: Session, caller: Caller, organisation_id: UUID, limit: int, cursor: str | None
) -> Page[OrganisationMember]:
    """Members whom the caller may see, managers first, then by name.

    A page may hold fewer than asked for, or none, and have a next one all the same.
    """
    after = _after(decode_cursor(cursor, str, str, str))
    near = _near(organisation_id, await _domains(session, organisation_id), after)
    person = aliased(RequesterRecord, near)
    order = person.is_manager.desc(), func.lower(person.name), person.id
    looked_at = select(person, may_see(caller.principal, person)).order_by(*order)
    rows = (await session.execute(looked_at)).tuples().all()
    places = [place for place, (_, is_seen) in enumerate(rows[:LOOKED_AT]) if is_seen][:limit]
    shown = [rows[place][0] for place in places]
    end = places[-1] if len(places) == limit else LOOKED_AT - 1
    last = rows[end][0] if end + 1 < len(rows) else None
    people = await summaries(session, shown)
    items = [
        OrganisationMember(**one.model_dump(), is_manager=row.is_manager)
        for one, row in zip(people, shown, strict=True)
    ]
    more = encode_cursor("false" if last.is_manager else "true", last.name, str(last.id)) if last is not None else None
    return Page(items=items, next_cursor=more)


def _after(position: tuple[str | int, ...] | None) -> Position | None:
    if position is None:
        return None
    return position[0] == "false", printable(position[1]), uuid_in(position[2])


async def _domains(session: Session, organisation_id: UUID) -> Sequence[str]:
    return list(await session.scalars(DOMAINS, {"organisation_id": organisation_id}))


def _near(organisation_id: UUID, domains: Sequence[str], after: Position | None) -> Any:
    """The first people after a position: managers, then those put there by hand together with those by domain."""
    by_hand = and_(RequesterRecord.organisation_id == organisation_id, IS_THERE)
    others = _first(and_(by_hand, RequesterRecord.is_manager.is_(False)), after if after and not after[0] else None)
    named = func.unnest(cast(list(domains), ARRAY(Text))).table_valued(column("domain", Text), name="domains")
    domain = named.render_derived()
    theirs = and_(IS_BY_DOMAIN, RequesterRecord.domain == domain.c.domain)
    of_domain = _first(theirs, after if after and not after[0] else None).lateral("of_domain")
    parts = [others, select(of_domain).select_from(domain.join(of_domain, true()))]
    if after is None or after[0]:
        parts.insert(0, _first(and_(by_hand, RequesterRecord.is_manager.is_(True)), after))
    everybody = union_all(*(select(part.subquery()) for part in parts)).subquery("everybody")
    order = everybody.c.is_manager.desc(), func.lower(everybody.c.name), everybody.c.id
    return select(everybody).order_by(*order).limit(LOOKED_AT + 1).subquery("near")


def _first(condition: ColumnElement[bool], after: Position | None) -> Select[Any]:
    """The next people by name of those meant."""
    people = select(RequesterRecord.__table__).where(condition)
    if after is not None:
        people = people.where(tuple_(NAME, RequesterRecord.id) > tuple_(func.lower(after[1]), after[2]))
    return people.order_by(NAME, RequesterRecord.id).limit(LOOKED_AT + 1)


async def list_organisation_tickets(
    session: Session, caller: Caller, organisation_id: UUID, limit: int, cursor: str | None
) -> Page[RequesterTicket]:
    """Tickets of the organisation's people that the caller may see, newest first.

    Those sent from its domains are a range of an index each, and so are those of each other address of its people.
    """
    domains = await _domains(session, organisation_id)
    is_by_hand = and_(RequesterRecord.organisation_id == organisation_id, IS_THERE)
    is_by_domain = and_(IS_BY_DOMAIN, RequesterRecord.domain.in_(domains))
    member = select(RequesterRecord.id).where(
        RequesterRecord.id == RequesterAddress.requester_id, or_(is_by_hand, is_by_domain)
    )
    is_theirs = select(RequesterAddress.email).where(
        RequesterAddress.email == func.lower(Ticket.requester_email), member.exists()
    )
    elsewhere = await _addresses_elsewhere(session, domains, is_by_hand, and_(is_by_domain, FURTHER))
    ranges = [
        (domains, SENT_FROM, is_theirs.exists()),
        (elsewhere, func.lower(Ticket.requester_email), true()),
    ]
    return await newest_tickets(session, caller, ranges, limit, cursor)


async def _addresses_elsewhere(
    session: Session, domains: Sequence[str], *members: ColumnElement[bool]
) -> Sequence[str]:
    """Addresses outside these domains of people put there by hand, or who have more than one."""
    found: set[str] = set()
    for some in members:
        theirs = (
            select(RequesterAddress.email)
            .join(RequesterRecord, RequesterRecord.id == RequesterAddress.requester_id)
            .where(some, DOMAIN_OF_ADDRESS.not_in(domains))
        )
        found.update(await session.scalars(theirs.limit(MOST_ADDRESSES)))
    return sorted(found)
