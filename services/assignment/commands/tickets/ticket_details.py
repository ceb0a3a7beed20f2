"""Edits of a ticket's subject, topic, form fields and requester, published to the other services."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from services.assignment.app_state import AppState
from services.assignment.commands.execution.command_request import check_revision
from services.assignment.commands.requesters.requester_intake import take_in_requesters
from services.assignment.models import LoggedEvent, Ticket, TicketWords, Topic
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_page.tickets import get_ticket, view_after
from services.assignment.schemas.editing import TicketPatch
from services.assignment.schemas.tickets import TicketView
from shared.contracts.base import TicketId
from shared.contracts.events import Person, TicketEdited
from shared.contracts.redaction import redacted_values
from shared.contracts.tickets import TopicId
from shared.contracts.vocabulary import Permission
from shared.domain.errors import TicketArchivedError
from shared.kit import outbox
from shared.kit.addresses import with_ascii_domain
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.problems import invalid, pointer_to
from shared.kit.requester_ids import RequesterIds
from shared.kit.ticket_answers import MAX_ANSWERS_BYTES, TOO_MUCH, longest_of, size_of
from shared.kit.tombstones import lock_against_erasure

MOST_FIELDS = 100


async def edit_ticket(
    context: AppState, caller: Caller, reference: str, patch: TicketPatch, expected_revision: int | None = None
) -> TicketView:
    """Changes what is named and leaves a line in the timeline that says what, but not from what to what.

    Raises Problem 403, 404 and 422, VersionConflict, TicketArchivedError.
    """
    now = utc_now()
    async with context.database.begin() as session:
        await lock_against_erasure(session, is_erasing=False)
        found = await get_ticket(session, caller, reference)
        found.require(Permission.TICKET_EDIT)
        ticket = found.ticket
        await session.refresh(ticket, with_for_update=True)
        check_revision(ticket, expected_revision)
        if ticket.is_archived or ticket.erased_at is not None:
            raise TicketArchivedError("the ticket is archived; it stays as it is")
        changes = await _changes(session, ticket, patch)
        if changes:
            edit_id, now = new_id(), await _after_earlier_edits(session, ticket, now)
            await session.execute(update(Ticket).where(Ticket.id == ticket.id).values({**changes, "updated_at": now}))
            await session.execute(insert(LoggedEvent).values(_line(caller, ticket, edit_id, changes, now)))
            await _find_by(session, ticket, changes)
            if (who := _person(ticket, changes)) is not None:
                asked = {"ticket_id": ticket.id, "email": who.email, "name": who.name, "phone": None, "at": now}
                await take_in_requesters(session, RequesterIds(context.settings), [asked])
            event = TicketEdited(
                ticket_id=TicketId(ticket.id),
                agent_id=caller.agent_id,
                subject=changes.get("subject"),
                topic_id=TopicId(changes["topic_id"]) if "topic_id" in changes else None,
                fields=changes.get("fields"),
                requester=_person(ticket, changes),
                edited_at=now,
            )
            await outbox.add(session, event, f"ticket-edited:{edit_id}", now)
        view = await view_after(session, caller, ticket.id, now)
    context.relay.wake()
    return view


async def _after_earlier_edits(session: Session, ticket: Ticket, now: datetime) -> datetime:
    """An instant later than every edit so far, whatever this process's clock says: the other services go by it."""
    edits = LoggedEvent.ticket_id == ticket.id, LoggedEvent.type == TicketEdited.event_name
    newest = await session.scalar(select(func.max(LoggedEvent.at)).where(*edits))
    return now if newest is None else max(now, newest + timedelta(microseconds=1))


async def _changes(session: Session, ticket: Ticket, patch: TicketPatch) -> dict[str, Any]:
    """The columns that would be otherwise."""
    wanted: dict[str, Any] = {}
    if patch.subject is not None:
        wanted["subject"] = patch.subject
    if patch.topic is not None:
        wanted["topic_id"] = await _find_topic(session, patch.topic)
    if patch.fields is not None:
        topic_id = wanted.get("topic_id", ticket.topic_id)
        wanted["fields"] = await _answers(session, topic_id, ticket.fields, patch.fields)
    if patch.requester is not None:
        wanted["requester_name"] = patch.requester.name
        wanted["requester_email"] = with_ascii_domain(patch.requester.email)
    return {name: value for name, value in wanted.items() if getattr(ticket, name) != value}


async def _find_topic(session: Session, name: str) -> UUID:
    try:
        is_it = Topic.id == UUID(name)
    except ValueError:
        is_it = Topic.slug == name
    topic_id = await session.scalar(select(Topic.id).where(is_it, Topic.is_active))
    if topic_id is None:
        raise invalid("/topic", "there is no such active topic")
    return topic_id


async def _answers(
    session: Session, topic_id: UUID | None, old: dict[str, Any], given: Mapping[str, Any]
) -> dict[str, JsonValue]:
    """The answers with those given in their place.

    Raises Problem 422 for a name that the form does not have, and for more than all may hold; what holds more since
    there was no limit may become less.
    """
    asked = await session.scalar(select(Topic.fields).where(Topic.id == topic_id)) if topic_id else None
    known = {str(field["name"]) for field in asked or ()} | old.keys()
    for name in given:
        if asked and name not in known:
            raise invalid(pointer_to("fields", name), "is not a field of the ticket's topic")
    merged = {name: value for name, value in (old | redacted_values(dict(given))).items() if value is not None}
    if len(merged) > MOST_FIELDS:
        raise invalid("/fields", f"a ticket has at most {MOST_FIELDS} fields")
    if size_of(merged) > max(MAX_ANSWERS_BYTES, size_of(old)):
        raise invalid(pointer_to("fields", longest_of(merged)), TOO_MUCH)
    return merged


def _line(caller: Caller, ticket: Ticket, edit_id: UUID, changes: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The log holds nothing personal: it names what was changed, the old values and the new ones it does not."""
    changed = sorted({"requester" if name.startswith("requester") else name.removesuffix("_id") for name in changes})
    actor = {"kind": caller.kind.value, "id": str(caller.agent_id)}
    return {
        "event_id": f"ticket-edited:{edit_id}",
        "ticket_id": ticket.id,
        "seq": ticket.seq,
        "type": TicketEdited.event_name,
        "at": now,
        "data": {"actor": actor, "revision": ticket.revision, "changed": changed},
    }


async def _find_by(session: Session, ticket: Ticket, changes: dict[str, Any]) -> None:
    """Lets searches find the ticket by its new words."""
    names = ("subject", "requester_name", "requester_email")
    if not changes.keys() & set(names):
        return
    words = " ".join([ticket.number, *(str(changes.get(name, getattr(ticket, name))) for name in names)])
    await session.execute(update(TicketWords).where(TicketWords.ticket_id == ticket.id).values(words=words))


def _person(ticket: Ticket, changes: dict[str, Any]) -> Person | None:
    if not changes.keys() & {"requester_name", "requester_email"}:
        return None
    email = changes.get("requester_email", ticket.requester_email)
    return Person(email=email, name=changes.get("requester_name", ticket.requester_name))
