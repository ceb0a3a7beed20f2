"""Changes of requesters: people's details, their addresses, notes about them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import apply_changes, changes_of, changing
from services.assignment.commands.configuration.audit import record_change
from services.assignment.models import Organisation, RequesterAddress, RequesterNote, RequesterRecord, Ticket
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.requesters import (
    addresses_of,
    get_profile,
    get_record,
    may_join_addresses,
    profile_of,
)
from services.assignment.schemas.requesters import (
    NewRequester,
    NewRequesterNote,
    RequesterAudit,
    RequesterNoteView,
    RequesterPatch,
    RequesterProfile,
)
from shared.contracts.events import RequesterChanged
from shared.kit import outbox
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.problems import Problem, invalid, not_found
from shared.kit.requester_ids import RequesterIds

NULLABLE = frozenset({"phone", "organisation_id"})


def require_to_join(caller: Caller) -> None:
    """Raises Problem 403 unless the caller may say which addresses are one person."""
    if not may_join_addresses(caller.principal):
        raise Problem(
            403,
            "not_permitted",
            "addresses of one person open each other's tickets: this asks for ticket.edit on all tickets",
        )


async def create_requester(session: Session, ids: RequesterIds, caller: Caller, body: NewRequester) -> RequesterProfile:
    """Adds a person. Raises Problem 403 and 422, the latter for an address that somebody has."""
    if len(set(body.emails)) > 1 or body.organisation_id is not None or body.is_manager:
        require_to_join(caller)
    await _check_organisation(session, body.organisation_id, is_manager=body.is_manager)
    now = utc_now()
    row = RequesterRecord(
        id=new_id(),
        name=body.name,
        phone=body.phone,
        organisation_id=body.organisation_id,
        is_manager=body.is_manager,
        version=1,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    await session.flush()
    await _set_addresses(session, ids, row, body.emails)
    await announce_requester(session, row, now)
    await record_change(session, None, await audited(session, row))
    return await profile_of(session, row, None)


async def change_requester(
    context: AppState, caller: Caller, requester_id: UUID, body: RequesterPatch
) -> RequesterProfile:
    """Changes a person. Raises Problem 403, 404, 412 for another version than the one seen, and 422."""
    ids = RequesterIds(context.settings)
    changes = changes_of(body, NULLABLE)
    seen, emails = changes.pop("version", None), changes.pop("emails", None)
    async with changing(context, caller) as session:
        row = await get_record(session, caller, requester_id, for_update=True)
        check_present(row, seen)
        before = await audited(session, row)
        if changes.keys() & {"organisation_id", "is_manager"}:
            _join_for(caller, row, changes)
            wanted = changes.get("organisation_id", row.organisation_id)
            is_manager = changes.get("is_manager", row.is_manager) and wanted is not None
            await _check_organisation(session, wanted, is_manager=changes.get("is_manager") is True)
            changes["is_manager"] = is_manager
        differs = apply_changes(row, changes)
        released = await _change_addresses(session, ids, caller, row, emails) if emails is not None else None
        if not differs and released is None:
            return await get_profile(session, caller, requester_id)
        await touch(session, row, utc_now(), released or ())
        await record_change(session, before, await audited(session, row), note="details" if differs else "addresses")
        view = await get_profile(session, caller, requester_id)
    context.relay.wake()
    return view


def check_present(row: RequesterRecord, seen: int | None = None) -> None:
    """Raises Problem 409 for somebody who was merged, 412 for another version than the one seen."""
    if row.merged_into is not None:
        raise Problem(409, "merged", "this requester was merged into another one; change that one")
    if seen is not None and seen != row.version:
        raise Problem(412, "version_conflict", "somebody else changed this requester; read it again")


async def touch(session: Session, row: RequesterRecord, now: datetime, released: Sequence[str] = ()) -> None:
    """A new version of a person, which the other services learn of."""
    row.version += 1
    row.updated_at = now
    await session.flush()
    await announce_requester(session, row, now, released)


async def announce_requester(
    session: Session, row: RequesterRecord, now: datetime, released: Sequence[str] = ()
) -> None:
    """Tells the other services whose addresses these are."""
    emails = [one.email for one in (await addresses_of(session, [row.id])).get(row.id, [])]
    event = RequesterChanged(
        requester_id=row.id,
        email=emails[0] if emails else "",
        name=row.name,
        addresses=tuple(emails),
        released=tuple(sorted(set(released) - set(emails))),
        organisation_id=row.organisation_id,
        is_manager=row.is_manager,
        version=row.version,
        changed_at=now,
    )
    await outbox.add(session, event, f"requester:{row.id}:{row.version}", now)


async def audited(session: Session, row: RequesterRecord) -> RequesterAudit:
    """A person as the audit log keeps them."""
    count = len((await addresses_of(session, [row.id])).get(row.id, []))
    return RequesterAudit(
        id=row.id,
        addresses=count,
        organisation_id=row.organisation_id,
        is_manager=row.is_manager,
        merged_into=row.merged_into,
    )


async def add_requester_note(
    session: Session, caller: Caller, requester_id: UUID, body: NewRequesterNote
) -> RequesterNoteView:
    """Adds a note. Raises Problem 403 and 404."""
    check_present(await get_record(session, caller, requester_id))
    row = RequesterNote(
        id=new_id(),
        requester_id=requester_id,
        author_id=caller.agent_id,
        author_name=caller.name,
        body=body.body,
        created_at=utc_now(),
    )
    session.add(row)
    await session.flush()
    return RequesterNoteView(
        id=row.id, author_id=row.author_id, author_name=row.author_name, body=row.body, created_at=row.created_at
    )


async def remove_requester_note(context: AppState, caller: Caller, requester_id: UUID, note_id: UUID) -> None:
    """Removes a note: one's own, or any with the right to edit all tickets. Raises Problem 403 and 404."""
    async with changing(context, caller) as session:
        await get_record(session, caller, requester_id)
        note = await session.get(RequesterNote, note_id)
        if note is None or note.requester_id != requester_id:
            raise not_found("note")
        if note.author_id != caller.agent_id:
            require_to_join(caller)
        await session.delete(note)


async def remove_requester(context: AppState, caller: Caller, requester_id: UUID) -> None:
    """Removes somebody who never wrote, with the notes. Raises Problem 409 for a person with tickets."""
    async with changing(context, caller) as session:
        row = await get_record(session, caller, requester_id, for_update=True)
        require_to_join(caller)
        emails = [one.email for one in (await addresses_of(session, [row.id])).get(row.id, [])]
        theirs = select(Ticket.id).where(func.lower(Ticket.requester_email).in_(emails)).limit(1)
        if emails and await session.scalar(theirs) is not None:
            raise Problem(409, "has_tickets", "this requester has tickets; erase their data instead")
        await record_change(session, await audited(session, row), None)
        await session.execute(delete(RequesterAddress).where(RequesterAddress.requester_id == row.id))
        await touch(session, row, utc_now(), emails)
        await session.delete(row)
    context.relay.wake()


def _join_for(caller: Caller, row: RequesterRecord, changes: dict[str, Any]) -> None:
    """An organisation may open its tickets to its people, so putting somebody into one asks for more."""
    if any(getattr(row, name) != changes[name] for name in ("organisation_id", "is_manager") if name in changes):
        require_to_join(caller)


async def _check_organisation(session: Session, organisation_id: UUID | None, *, is_manager: bool) -> None:
    if organisation_id is None:
        if is_manager:
            raise invalid("/is_manager", "only somebody who was put into an organisation can speak for it")
        return
    if await session.get(Organisation, organisation_id) is None:
        raise invalid("/organisation_id", "there is no such organisation")


async def _change_addresses(
    session: Session, ids: RequesterIds, caller: Caller, row: RequesterRecord, emails: Sequence[str]
) -> list[str] | None:
    """Gives a person exactly these addresses; returns those given up, or None if nothing changed."""
    present = [one.email for one in (await addresses_of(session, [row.id])).get(row.id, [])]
    wanted = list(dict.fromkeys(emails))
    if wanted == present or (set(wanted) == set(present) and wanted[0] == present[0]):
        return None
    if set(wanted) != set(present):
        require_to_join(caller)
    await _set_addresses(session, ids, row, wanted)
    released = sorted(set(present) - set(wanted))
    await _give_up(session, ids, row, released)
    return released


async def _set_addresses(session: Session, ids: RequesterIds, row: RequesterRecord, emails: Sequence[str]) -> None:
    """Adds what is missing and says which is the primary one. Raises Problem 422 for somebody else's address."""
    wanted = list(dict.fromkeys(emails))
    known = await session.scalars(
        select(RequesterAddress).where(RequesterAddress.email.in_(wanted)).order_by(RequesterAddress.email)
    )
    owners = {one.email: one.requester_id for one in known}
    for place, email in enumerate(emails):
        if owners.get(email, row.id) != row.id:
            raise invalid(f"/emails/{place}", "belongs to another requester; merge the two instead")
    await session.execute(
        update(RequesterAddress)
        .where(RequesterAddress.requester_id == row.id)
        .values(is_primary=RequesterAddress.email == wanted[0])
    )
    session.add_all(
        RequesterAddress(
            email=email,
            requester_id=row.id,
            digest=ids.of(email),
            is_primary=email == wanted[0],
            added_at=utc_now(),
        )
        for email in wanted
        if email not in owners
    )
    await session.flush()


async def _give_up(session: Session, ids: RequesterIds, row: RequesterRecord, emails: Sequence[str]) -> None:
    """An address with tickets goes to a person of its own, so that the tickets keep somebody to belong to."""
    await session.execute(delete(RequesterAddress).where(RequesterAddress.email.in_(emails)))
    now = utc_now()
    for email in emails:
        used = (
            select(Ticket.requester_name)
            .where(func.lower(Ticket.requester_email) == email)
            .order_by(Ticket.created_at.desc())
            .limit(1)
        )
        name = await session.scalar(used)
        if name is None:
            continue
        other = RequesterRecord(id=new_id(), name=name or row.name, version=1, created_at=now, updated_at=now)
        session.add(other)
        await session.flush()
        address = RequesterAddress(
            email=email, requester_id=other.id, digest=ids.of(email), is_primary=True, added_at=now
        )
        session.add(address)
    await session.flush()
