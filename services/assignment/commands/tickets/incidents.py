"""Commands of major incidents: declare and end one, attach and detach its children."""

from datetime import datetime
from typing import Any

from fastapi import Response
from sqlalchemy import delete, select
from starlette.status import HTTP_204_NO_CONTENT

from services.assignment.app_state import AppState
from services.assignment.commands.execution.command_request import CommandRequest
from services.assignment.commands.execution.log_lines import log_and_announce
from services.assignment.commands.tickets.links import link_tickets, unlink_tickets
from services.assignment.models import LinkedTickets, MajorIncident, Ticket
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_page.incidents import get_incident
from services.assignment.queries.ticket_page.links import CHILD
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.schemas.composing import LinkInput
from services.assignment.schemas.incidents import IncidentInput, IncidentView, ParentInput
from shared.contracts.base import TicketId
from shared.contracts.events import IncidentChanged
from shared.contracts.vocabulary import Permission, Status
from shared.domain.errors import TicketArchivedError, TicketMerged
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.problems import Problem, not_found


async def declare_incident(context: AppState, caller: Caller, reference: str, body: IncidentInput) -> IncidentView:
    """Declares a ticket a major incident; of one that is one already the public title is changed, if one is given.

    Raises Problem 403, 404, 409 for a closed ticket or a child, TicketArchivedError, TicketMerged.
    """
    now = utc_now()
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, reference)
        found.require(Permission.TICKET_EDIT)
        ticket = found.ticket
        await _lock(session, ticket)
        await _check_may_be_one(session, ticket)
        change = await _write(session, caller, ticket, body.public_title, now)
        if change is not None:
            await announce_incident(session, caller, ticket, now, change=change)
        view = await get_incident(session, caller, ticket)
    context.relay.wake()
    return view


async def end_incident(context: AppState, caller: Caller, reference: str) -> None:
    """Takes the declaration back; the children stay linked. Raises Problem 403, and 404 for what is none."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, reference)
        found.require(Permission.TICKET_EDIT)
        await _lock(session, found.ticket)
        gone = delete(MajorIncident).where(MajorIncident.ticket_id == found.ticket.id)
        if await session.scalar(gone.returning(MajorIncident.ticket_id)) is None:
            raise not_found("major incident")
        await announce_incident(session, caller, found.ticket, utc_now(), change="ended")
    context.relay.wake()


async def attach_child(context: AppState, call: CommandRequest, body: ParentInput) -> Response:
    """Makes the ticket a child of an incident, with the rules of links; one that is its child stays so."""
    link = LinkInput(ticket=str(body.parent_id), kind="parent")
    await link_tickets(context, call.caller, call.reference, link, is_one_of_many=True)
    return Response(status_code=HTTP_204_NO_CONTENT)


async def detach_child(context: AppState, call: CommandRequest, body: ParentInput) -> Response:
    """Undoes it. Raises Problem 404 for a ticket that is no child of the incident."""
    async with context.database.begin() as session:
        ticket = (await get_ticket(session, call.caller, call.reference)).ticket
        link = LinkedTickets
        is_child = (link.ticket_id == ticket.id) & (link.other_id == body.parent_id) & (link.kind == CHILD)
        if await session.scalar(select(link.ticket_id).where(is_child)) is None:
            raise not_found("child of this incident")
    await unlink_tickets(context, call.caller, call.reference, body.parent_id, is_one_of_many=True)
    return Response(status_code=HTTP_204_NO_CONTENT)


async def _lock(session: Session, ticket: Ticket) -> None:
    """The ticket before its declaration, whatever is done to that: it is marked on the ticket."""
    await session.execute(select(Ticket.id).where(Ticket.id == ticket.id).with_for_update(key_share=True))


async def _check_may_be_one(session: Session, ticket: Ticket) -> None:
    if ticket.is_archived or ticket.erased_at is not None:
        raise TicketArchivedError("the ticket is archived; it stays as it is")
    if ticket.merged_into is not None:
        raise TicketMerged("the ticket is part of another one; declare that", into=str(ticket.merged_into))
    if ticket.status == Status.CLOSED.value:
        raise Problem(409, "ticket_closed", "the ticket is closed; reopen it first")
    is_child = (LinkedTickets.ticket_id == ticket.id) & (LinkedTickets.kind == CHILD)
    if await session.scalar(select(LinkedTickets.ticket_id).where(is_child).limit(1)) is not None:
        raise Problem(409, "is_a_child", "the ticket is the child of another one; unlink it first")


async def _write(session: Session, caller: Caller, ticket: Ticket, title: str | None, now: datetime) -> str | None:
    """Keeps the declaration and its title; says what changed, if anything did. The ticket is locked."""
    known = await session.get(MajorIncident, ticket.id)
    if known is None:
        row = MajorIncident(ticket_id=ticket.id, declared_by=caller.agent_id, declared_at=now, public_title=title or "")
        session.add(row)
        await session.flush()
        return "declared"
    if title is None or title == known.public_title:
        return None
    known.public_title = title
    await session.flush()
    return "titled"


async def announce_incident(session: Session, caller: Caller, ticket: Ticket, now: datetime, **details: Any) -> None:
    """Announces an incident as it now stands. `details` are for the timeline: what was done, not the title."""
    known = await session.get(MajorIncident, ticket.id, populate_existing=True)
    event = IncidentChanged(
        ticket_id=TicketId(ticket.id),
        is_declared=known is not None,
        public_title=known.public_title if known else "",
        actor=caller.actor,
        changed_at=now,
    )
    await log_and_announce(session, caller, ticket, event, f"incident:{new_id()}", now, **details)
