"""Links between tickets, set and removed by agents and shown on both sides."""

from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from services.assignment.app_state import AppState
from services.assignment.models import LinkedTickets, Ticket
from services.assignment.queries.callers import Caller
from services.assignment.queries.links import list_links
from services.assignment.queries.tickets import get_ticket
from services.assignment.schemas.composing import LinkInput, LinkView
from shared.contracts.vocabulary import Permission
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.http.problems import Problem, invalid

MOST = 50
"""Links of one ticket."""


async def link_tickets(context: AppState, caller: Caller, reference: str, body: LinkInput) -> list[LinkView]:
    """Links two tickets, or says anew how they belong together; answers all links of the first.

    Raises Problem 403, 404, and 422 for a ticket that the caller may not see, or the same one.
    """
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, reference)
        found.require(Permission.TICKET_EDIT)
        other = await _other(session, caller, body.ticket, found.ticket)
        pair = _between(found.ticket.id, other.id)
        known = await session.scalar(select(func.count()).select_from(LinkedTickets).where(_of(found.ticket.id)))
        if (known or 0) >= MOST:
            raise invalid("/ticket", f"a ticket has at most {MOST} links")
        await session.execute(delete(LinkedTickets).where(pair))
        row = {
            "ticket_id": found.ticket.id,
            "other_id": other.id,
            "kind": body.kind,
            "agent_id": caller.agent_id,
            "added_at": utc_now(),
        }
        await session.execute(insert(LinkedTickets).values(row).on_conflict_do_nothing())
        return await list_links(session, caller, found.ticket.id)


async def unlink_tickets(context: AppState, caller: Caller, reference: str, other_id: UUID) -> None:
    """Removes a link, from whichever side. Raises Problem 403 and 404."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, reference)
        found.require(Permission.TICKET_EDIT)
        await session.execute(delete(LinkedTickets).where(_between(found.ticket.id, other_id)))


async def _other(session: Session, caller: Caller, reference: str, ticket: Ticket) -> Ticket:
    try:
        other = (await get_ticket(session, caller, reference.strip().lstrip("#"))).ticket
    except Problem:
        raise invalid("/ticket", "names no ticket that you may see") from None
    if other.id == ticket.id:
        raise invalid("/ticket", "is this very ticket")
    return other


def _of(ticket_id: UUID) -> ColumnElement[bool]:
    return or_(LinkedTickets.ticket_id == ticket_id, LinkedTickets.other_id == ticket_id)


def _between(one: UUID, other: UUID) -> ColumnElement[bool]:
    return LinkedTickets.ticket_id.in_((one, other)) & LinkedTickets.other_id.in_((one, other))
