"""Requesters: lists, one person, who may see whom, and the tickets of a set of addresses."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
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
    select,
    true,
    tuple_,
    union_all,
)

from services.assignment.models import Organisation, RequesterAddress, RequesterNote, RequesterRecord, Ticket
from services.assignment.models.ticket_indexes import OPEN
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.access.visibility import VIEW, visible_to
from services.assignment.queries.cursors import bad_cursor, instant_in, uuid_in
from services.assignment.queries.people.organisations import organisations_of
from services.assignment.schemas.requesters import (
    OrganisationRef,
    RequesterAddressView,
    RequesterNoteView,
    RequesterProfile,
    RequesterSummary,
    RequesterTicket,
)
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import Principal, holds, reach
from shared.kit.addresses import address_key
from shared.kit.db import Session
from shared.kit.http.paging import Page, decode_cursor, encode_cursor
from shared.kit.http.problems import not_found

IS_OPEN: ColumnElement[bool] = literal_column(f"tickets.{OPEN}")
"""In the words of the index, which a parameter would hide."""
MOST_NOTES = 200
MOST_COUNTED = 10_000
"""Open tickets of one person; more are counted as this many."""


def may_see(principal: Principal, person: type[RequesterRecord] = RequesterRecord) -> ColumnElement[bool]:
    """Whether the caller may see a person: everybody who sees all tickets, others those with a ticket they see."""
    if not holds(principal, VIEW):
        return person.id.is_(None)
    if reach(principal, VIEW).is_everything:
        return true()
    sent_from_it = func.lower(Ticket.requester_email) == RequesterAddress.email
    one = select(Ticket.id).where(sent_from_it, visible_to(principal)).offset(0)
    theirs = select(RequesterAddress.email).where(RequesterAddress.requester_id == person.id, one.exists()).offset(0)
    return theirs.exists()  # looked for of each address: joined, all tickets might be read, or all of an address


def may_join_addresses(principal: Principal) -> bool:
    """Whether the caller may say which addresses are one person: that opens all tickets of each to the others."""
    return reach(principal, Permission.TICKET_EDIT).is_everything


def printable(part: str | int) -> str:
    """A part of a cursor that PostgreSQL can take. Raises Problem 422."""
    if not (text := str(part)).isprintable():
        raise bad_cursor()
    return text


async def summaries(session: Session, rows: Sequence[RequesterRecord]) -> list[RequesterSummary]:
    """The rows of a list, with addresses and organisations."""
    addresses = await addresses_of(session, [row.id for row in rows])
    organisations = await _organisations(session, rows, addresses)
    return [
        RequesterSummary(
            id=row.id,
            name=row.name,
            email=next((one.email for one in addresses.get(row.id, [])), ""),
            addresses=len(addresses.get(row.id, [])),
            organisation=organisations.get(row.id),
        )
        for row in rows
    ]


async def addresses_of(session: Session, ids: Collection[UUID]) -> dict[UUID, list[RequesterAddress]]:
    """The addresses of each person, the primary one first."""
    found: dict[UUID, list[RequesterAddress]] = {}
    query = select(RequesterAddress).where(RequesterAddress.requester_id.in_(ids))
    order = RequesterAddress.is_primary.desc(), RequesterAddress.added_at, RequesterAddress.email
    fresh = query.order_by(*order).execution_options(populate_existing=True)
    for row in await session.scalars(fresh):
        found.setdefault(row.requester_id, []).append(row)
    return found


async def _organisations(
    session: Session, rows: Sequence[RequesterRecord], addresses: dict[UUID, list[RequesterAddress]]
) -> dict[UUID, OrganisationRef]:
    by_hand = {row.organisation_id for row in rows if row.organisation_id}
    named = select(Organisation.id, Organisation.name).where(Organisation.id.in_(by_hand))
    names = dict((await session.execute(named)).tuples().all()) if by_hand else {}
    domains = {row.id: one[0].email for row in rows if not row.organisation_id and (one := addresses.get(row.id))}
    known = await organisations_of(session, domains.values())
    found: dict[UUID, OrganisationRef] = {}
    for row in rows:
        if row.organisation_id in names:
            found[row.id] = OrganisationRef(id=row.organisation_id, name=names[row.organisation_id], is_by_hand=True)
        elif (by_domain := known.get(domains.get(row.id, ""))) is not None:
            found[row.id] = OrganisationRef(id=by_domain.id, name=by_domain.name, is_by_hand=False)
    return found


async def get_record(
    session: Session, caller: Caller, requester_id: UUID, *, for_update: bool = False
) -> RequesterRecord:
    """A person whom the caller may see. Raises Problem 404, as for one that does not exist."""
    query = select(RequesterRecord).where(RequesterRecord.id == requester_id, may_see(caller.principal))
    if for_update:
        query = query.with_for_update(key_share=True)
    row = await session.scalar(query)
    if row is None:
        raise not_found("requester")
    return row


async def get_profile(session: Session, caller: Caller, requester_id: UUID) -> RequesterProfile:
    """A person with what the desk keeps about them. Raises Problem 404."""
    return await profile_of(session, await get_record(session, caller, requester_id), caller)


async def profile_of(session: Session, row: RequesterRecord, caller: Caller | None) -> RequesterProfile:
    """The same of a row. Without a caller no ticket is counted: of somebody who was just added."""
    own = (await addresses_of(session, [row.id])).get(row.id, [])
    others = await merged_into(session, row.id)
    emails = [one.email for one in own]
    return RequesterProfile(
        id=row.id,
        name=row.name,
        emails=emails,
        addresses=[
            RequesterAddressView(email=one.email, is_primary=one.is_primary, added_at=one.added_at) for one in own
        ],
        phone=row.phone,
        organisation=(await _organisations(session, [row], {row.id: own})).get(row.id),
        is_manager=row.is_manager,
        open_tickets=await count_open(session, emails, visible_to(caller.principal)) if caller else 0,
        merged=await summaries(session, others),
        merged_into=row.merged_into,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


async def merged_into(session: Session, requester_id: UUID) -> list[RequesterRecord]:
    """Everybody who turned out to be this person, directly or through somebody else, the last merge first."""
    chain = select(RequesterRecord.id).where(RequesterRecord.merged_into == requester_id).cte("chain", recursive=True)
    further = select(RequesterRecord.id).where(RequesterRecord.merged_into == chain.c.id)
    ids = chain.union(further)
    rows = await session.scalars(
        select(RequesterRecord)
        .where(RequesterRecord.id.in_(select(ids.c.id)))
        .order_by(RequesterRecord.updated_at.desc())
    )
    return list(rows)


async def find_requester_id(session: Session, email: str) -> UUID | None:
    """Whose address it is."""
    if not email:
        return None
    query = select(RequesterAddress.requester_id).where(RequesterAddress.email == address_key(email))
    found: UUID | None = await session.scalar(query)
    return found


async def find_emails_beside(session: Session, email: str) -> list[str]:
    """All addresses of the person who has this one, itself included."""
    own = select(RequesterAddress.requester_id).where(RequesterAddress.email == address_key(email)).scalar_subquery()
    found = list(await session.scalars(select(RequesterAddress.email).where(RequesterAddress.requester_id == own)))
    return found or [address_key(email)]


async def count_open(session: Session, emails: Sequence[str], condition: ColumnElement[bool]) -> int:
    """Open tickets sent from these addresses."""
    theirs = func.lower(Ticket.requester_email).in_(emails), IS_OPEN, condition
    some = select(Ticket.id).where(*theirs).limit(MOST_COUNTED).subquery()
    return int(await session.scalar(select(func.count()).select_from(some)) or 0)


async def list_notes(session: Session, requester_id: UUID) -> list[RequesterNoteView]:
    """Notes about a person, newest first."""
    query = select(RequesterNote).where(RequesterNote.requester_id == requester_id)
    rows = await session.scalars(
        query.order_by(RequesterNote.created_at.desc(), RequesterNote.id.desc()).limit(MOST_NOTES)
    )
    return [
        RequesterNoteView(
            id=row.id, author_id=row.author_id, author_name=row.author_name, body=row.body, created_at=row.created_at
        )
        for row in rows
    ]


async def list_tickets_of(
    session: Session, caller: Caller, emails: Sequence[str], limit: int, cursor: str | None
) -> Page[RequesterTicket]:
    """Tickets sent from these addresses that the caller may see, newest first; each address is read by its index."""
    return await newest_tickets(session, caller, [(emails, func.lower(Ticket.requester_email), true())], limit, cursor)


async def newest_tickets(
    session: Session,
    caller: Caller,
    ranges: Sequence[tuple[Sequence[str], ColumnElement[str], ColumnElement[bool]]],
    limit: int,
    cursor: str | None,
) -> Page[RequesterTicket]:
    """Tickets that the caller may see, newest first.

    `ranges`: values, the expression of tickets that must be one of them, which an index has before the time of opening,
    and a condition. Each value is a range of the index; no ticket may be in two of them.
    """
    position = _position(cursor)
    parts: list[Select[Any]] = []
    for values, expression, condition in ranges:
        value = func.unnest(cast(list(values), ARRAY(Text))).table_valued(column("value", Text)).render_derived()
        is_one = expression == value.c.value
        newest = _newest(and_(is_one, visible_to(caller.principal), condition), limit + 1, position).lateral()
        parts.append(select(newest).select_from(value.join(newest, true())))
    found = union_all(*parts).subquery("found")
    newest_first = select(found).order_by(found.c.created_at.desc(), found.c.id.desc()).limit(limit + 1)
    rows = (await session.execute(newest_first)).all()
    shown = rows[:limit]
    more = encode_cursor(shown[-1].created_at.isoformat(), str(shown[-1].id)) if len(rows) > limit else None
    return Page(items=[RequesterTicket.model_validate(dict(row._mapping)) for row in shown], next_cursor=more)


def _newest(
    condition: ColumnElement[bool], limit: int, position: tuple[datetime, UUID] | None
) -> Select[*tuple[Any, ...]]:
    query = select(
        Ticket.id,
        Ticket.number,
        Ticket.subject,
        Ticket.status,
        Ticket.priority,
        Ticket.requester_name,
        Ticket.requester_email,
        Ticket.created_at,
        Ticket.updated_at,
    ).where(condition)
    if position is not None:
        query = query.where(tuple_(Ticket.created_at, Ticket.id) < position)
    return query.order_by(Ticket.created_at.desc(), Ticket.id.desc()).limit(limit)


def _position(cursor: str | None) -> tuple[datetime, UUID] | None:
    after = decode_cursor(cursor, str, str)
    return (instant_in(after[0]), uuid_in(after[1])) if after is not None else None
