"""Merging duplicate requesters and undoing it: addresses and notes move, tickets follow their addresses."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Update, func, select, true, update

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import changing
from services.assignment.commands.configuration.audit import record_change
from services.assignment.commands.requesters.requesters import audited, check_present, require_to_join, touch
from services.assignment.models import RequesterAddress, RequesterNote, RequesterRecord, Ticket
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.requesters import (
    addresses_of,
    count_open,
    get_profile,
    get_record,
    merged_into,
    summaries,
)
from services.assignment.schemas.requesters import MergePreview, RequesterProfile
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.http.problems import Problem, invalid


async def preview_merge(session: Session, caller: Caller, requester_id: UUID, into: UUID) -> MergePreview:
    """What a merge would do. Raises Problem 403, 404, 409 and 422 as the merge itself."""
    row, other = await _both(session, caller, requester_id, into)
    emails = [one.email for one in (await addresses_of(session, [row.id])).get(row.id, [])]
    told = {one.id: one for one in await summaries(session, [row, other])}
    everything: ColumnElement[bool] = true()
    tickets = select(func.count()).where(func.lower(Ticket.requester_email).in_(emails))
    notes = select(func.count()).where(RequesterNote.requester_id == row.id)
    return MergePreview(
        requester=told[row.id],
        into=told[other.id],
        addresses=emails,
        tickets=int(await session.scalar(tickets) or 0),
        open_tickets=await count_open(session, emails, everything),
        notes=int(await session.scalar(notes) or 0),
    )


async def merge_requesters(context: AppState, caller: Caller, requester_id: UUID, into: UUID) -> RequesterProfile:
    """Makes two people one; the name and details of `into` stay. Raises Problem 403, 404, 409 and 422."""
    async with changing(context, caller) as session:
        row, other = await _both(session, caller, requester_id, into, for_update=True)
        before, other_before = await audited(session, row), await audited(session, other)
        now = utc_now()
        emails = [one.email for one in (await addresses_of(session, [row.id])).get(row.id, [])]
        for table in (RequesterAddress, RequesterNote):
            here = update(table).where(table.requester_id == row.id)
            await session.execute(here.values(requester_id=into, merged_from=func.coalesce(table.merged_from, row.id)))
        await session.execute(_primary(into))
        row.merged_into = into
        await session.flush()
        await touch(session, row, now, emails)
        await touch(session, other, now)
        await record_change(session, before, await audited(session, row))
        await record_change(session, other_before, await audited(session, other))
        view = await get_profile(session, caller, into)
    context.relay.wake()
    return view


async def undo_merge(context: AppState, caller: Caller, requester_id: UUID) -> RequesterProfile:
    """Gives a merged person back what they had and still is there. Raises Problem 403, 404, and 409 if not merged."""
    async with changing(context, caller) as session:
        row = await get_record(session, caller, requester_id, for_update=True)
        require_to_join(caller)
        if row.merged_into is None:
            raise Problem(409, "not_merged", "this requester was not merged into another one")
        owner_id = await _owner_of(session, row)
        owner = await session.get_one(RequesterRecord, owner_id, with_for_update={"key_share": True})
        before, owner_before = await audited(session, row), await audited(session, owner)
        emails = await _give_back(session, row, owner_id)
        row.merged_into = None
        await session.flush()
        now = utc_now()
        await touch(session, owner, now, emails)
        await touch(session, row, now)
        await record_change(session, before, await audited(session, row))
        await record_change(session, owner_before, await audited(session, owner))
        view = await get_profile(session, caller, requester_id)
    context.relay.wake()
    return view


async def _both(
    session: Session, caller: Caller, requester_id: UUID, into: UUID, *, for_update: bool = False
) -> tuple[RequesterRecord, RequesterRecord]:
    """Both people, locked in one order. The right is asked for last, so that who does not exist stays unknown."""
    if requester_id == into:
        raise invalid("/into", "is the same requester")
    rows = {one: await get_record(session, caller, one, for_update=for_update) for one in sorted((requester_id, into))}
    require_to_join(caller)
    for row in rows.values():
        check_present(row)
    return rows[requester_id], rows[into]


async def _owner_of(session: Session, row: RequesterRecord) -> UUID:
    """Who has now what belonged to a merged person: the end of the chain of merges."""
    owner = row
    while owner.merged_into is not None:
        owner = await session.get_one(RequesterRecord, owner.merged_into)
    return owner.id


async def _give_back(session: Session, row: RequesterRecord, owner_id: UUID) -> list[str]:
    """Moves what came from the person, or through them, and returns the addresses."""
    origins = [row.id, *(one.id for one in await merged_into(session, row.id))]
    for table in (RequesterAddress, RequesterNote):
        theirs = update(table).where(table.requester_id == owner_id, table.merged_from.in_(origins))
        await session.execute(theirs.values(requester_id=row.id))
        own = update(table).where(table.requester_id == row.id, table.merged_from == row.id)
        await session.execute(own.values(merged_from=None))
    for person in (row.id, owner_id):
        await session.execute(_primary(person))
    emails: Sequence[str] = (
        await session.scalars(select(RequesterAddress.email).where(RequesterAddress.requester_id == row.id))
    ).all()
    return list(emails)


def _primary(person: UUID) -> Update:
    """One primary address for a person: their own, else the oldest."""
    theirs = RequesterAddress.requester_id == person
    rank = RequesterAddress.merged_from.is_not(None), RequesterAddress.is_primary.desc(), RequesterAddress.added_at
    first = select(RequesterAddress.email).where(theirs).order_by(*rank, RequesterAddress.email).limit(1)
    return update(RequesterAddress).where(theirs).values(is_primary=RequesterAddress.email == first.scalar_subquery())
