"""The people of an organisation, put there by hand or by the domain of their primary address, and their tickets."""

from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, String, Uuid, and_, bindparam, cast, column, func, or_, select, text, tuple_

from services.assignment.models import RequesterAddress, RequesterRecord
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.cursors import uuid_in
from services.assignment.queries.people.requesters import list_tickets_of, may_see, printable, summaries
from services.assignment.schemas.requesters import OrganisationMember, RequesterTicket
from shared.kit.db import Session
from shared.kit.http.paging import Page, decode_cursor, encode_cursor

MOST_ADDRESSES = 2000
"""Of members, whose tickets are looked for."""
BY_DOMAIN: Final = text("""
select address.requester_id from organisation_domains as own join requester_addresses as address on
  reverse(split_part(address.email, '@', 2)) = reverse(own.domain)
  or (reverse(split_part(address.email, '@', 2)) ~>=~ (reverse(own.domain) || '.')
    and reverse(split_part(address.email, '@', 2)) ~<~ (reverse(own.domain) || '/'))
where own.organisation_id = :organisation_id and address.is_primary and not exists (
  select from organisation_domains as other
  where other.organisation_id <> :organisation_id and length(other.domain) > length(own.domain)
    and (split_part(address.email, '@', 2) = other.domain
      or split_part(address.email, '@', 2) like '%.' || other.domain)
)
""")
"""Names are compared backwards, so that what lies below a domain is one range of the index."""


def is_member(organisation_id: UUID) -> ColumnElement[bool]:
    """Whether a person belongs to an organisation."""
    named = BY_DOMAIN.bindparams(bindparam("organisation_id", organisation_id, Uuid())).columns(
        column("requester_id", Uuid())
    )
    by_domain = and_(RequesterRecord.organisation_id.is_(None), RequesterRecord.id.in_(select(named.subquery())))
    return or_(RequesterRecord.organisation_id == organisation_id, by_domain)


async def list_members(
    session: Session, caller: Caller, organisation_id: UUID, limit: int, cursor: str | None
) -> Page[OrganisationMember]:
    """Members whom the caller may see, managers first, then by name."""
    name = func.lower(RequesterRecord.name)
    rank = cast(~RequesterRecord.is_manager, String)
    query = select(RequesterRecord).where(
        RequesterRecord.merged_into.is_(None), is_member(organisation_id), may_see(caller.principal)
    )
    if (after := decode_cursor(cursor, str, str, str)) is not None:
        position = tuple_(printable(after[0]), func.lower(printable(after[1])), uuid_in(after[2]))
        query = query.where(tuple_(rank, name, RequesterRecord.id) > position)
    rows = list(await session.scalars(query.order_by(rank, name, RequesterRecord.id).limit(limit + 1)))
    shown = rows[:limit]
    more = None
    if len(rows) > limit:
        last = shown[-1]
        more = encode_cursor("false" if last.is_manager else "true", last.name, str(last.id))
    people = await summaries(session, shown)
    items = [
        OrganisationMember(**one.model_dump(), is_manager=row.is_manager)
        for one, row in zip(people, shown, strict=True)
    ]
    return Page(items=items, next_cursor=more)


async def list_organisation_tickets(
    session: Session, caller: Caller, organisation_id: UUID, limit: int, cursor: str | None
) -> Page[RequesterTicket]:
    """Tickets of the organisation's people that the caller may see, newest first."""
    people = select(RequesterRecord.id).where(is_member(organisation_id), RequesterRecord.merged_into.is_(None))
    addresses = select(RequesterAddress.email).where(RequesterAddress.requester_id.in_(people))
    emails = list(await session.scalars(addresses.order_by(RequesterAddress.email).limit(MOST_ADDRESSES)))
    return await list_tickets_of(session, caller, emails, limit, cursor)
