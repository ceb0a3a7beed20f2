"""Links between tickets, set and removed by agents and shown on both sides."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from services.assignment.app_state import AppState
from services.assignment.commands.execution.log_lines import log_and_announce
from services.assignment.models import LinkedTickets, Ticket
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_page.links import CHILD, list_links, relation, would_be_circular
from services.assignment.queries.ticket_page.tickets import AuthorizedTicket, get_ticket
from services.assignment.schemas.composing import LinkInput, LinkView
from shared.contracts.base import TicketId
from shared.contracts.events import TicketLinked, TicketUnlinked
from shared.contracts.vocabulary import Permission
from shared.kit import outbox
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.problems import Problem, invalid
from shared.kit.ticket_numbers import reference_in

MOST = 50
"""Links of one ticket, its children not counted."""


@dataclass(frozen=True, slots=True)
class LinkedPair:
    """Two tickets whose link was made or removed, in the order in which it is stored."""

    first: Ticket
    second: Ticket
    kind: str
    is_linked: bool
    is_one_of_many: bool


async def link_tickets(
    context: AppState, caller: Caller, reference: str, body: LinkInput, *, is_one_of_many: bool = False
) -> list[LinkView]:
    """Links two tickets, or says anew how they belong together; answers the links of the first.

    `is_one_of_many`: whoever attaches children in bulk writes one line into the parent's timeline for all of them.

    Raises Problem 403 without `ticket.edit` on both, 404, and 422 for a ticket that the caller may not see, the same
    one, or a second parent.
    """
    now = utc_now()
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, reference)
        found.require(Permission.TICKET_EDIT)
        other = await _other(session, caller, body.ticket, found.ticket)
        other.require(Permission.TICKET_EDIT)
        first, second = (other, found) if body.kind == "child" else (found, other)
        kind = CHILD if body.kind == "parent" else body.kind
        await _lock(session, found.ticket, other.ticket)
        former = await _forget(session, found.ticket.id, other.ticket.id)
        await _check_room(session, found.ticket.id, kind)
        if kind == CHILD:
            await _check_parent(session, first.ticket.id, second.ticket.id)
        row = {
            "ticket_id": first.ticket.id,
            "other_id": second.ticket.id,
            "kind": kind,
            "agent_id": caller.agent_id,
            "added_at": now,
        }
        await session.execute(insert(LinkedTickets).values(row))
        if [(one.ticket_id, one.kind) for one in former] != [(first.ticket.id, kind)]:
            pair = LinkedPair(first.ticket, second.ticket, kind, is_linked=True, is_one_of_many=is_one_of_many)
            await _announce(session, caller, pair, now)
        links = await list_links(session, caller, found.ticket.id)
    context.relay.wake()
    return links


async def unlink_tickets(
    context: AppState, caller: Caller, reference: str, other_id: UUID, *, is_one_of_many: bool = False
) -> None:
    """Removes a link, from whichever side. Raises Problem 403 and 404."""
    now = utc_now()
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, reference)
        found.require(Permission.TICKET_EDIT)
        other = await session.get(Ticket, other_id)
        for gone in await _forget(session, found.ticket.id, other_id):
            if other is not None:
                first, second = (found.ticket, other) if gone.ticket_id == found.ticket.id else (other, found.ticket)
                pair = LinkedPair(first, second, gone.kind, is_linked=False, is_one_of_many=is_one_of_many)
                await _announce(session, caller, pair, now)
    context.relay.wake()


async def _announce(session: Session, caller: Caller, pair: LinkedPair, now: datetime) -> None:
    """On both tickets, each as it is seen from there."""
    for ticket, other, is_first in ((pair.first, pair.second, True), (pair.second, pair.first, False)):
        seen = relation(pair.kind, is_from_here=is_first)
        ids = {"ticket_id": TicketId(ticket.id), "other_id": TicketId(other.id)}
        event = (
            TicketLinked(**ids, kind=seen, actor=caller.actor, linked_at=now)
            if pair.is_linked
            else TicketUnlinked(**ids, kind=seen, actor=caller.actor, unlinked_at=now)
        )
        details = {"other_id": str(other.id), "other_number": other.number, "kind": seen}
        if pair.is_one_of_many and not is_first:
            await outbox.add(session, event, f"link:{new_id()}", now)
        else:
            await log_and_announce(session, caller, ticket, event, f"link:{new_id()}", now, **details)


async def _other(session: Session, caller: Caller, reference: str, ticket: Ticket) -> AuthorizedTicket:
    try:
        other = await get_ticket(session, caller, reference_in(reference))
    except Problem:
        raise invalid("/ticket", "names no ticket that you may see") from None
    if other.ticket.id == ticket.id:
        raise invalid("/ticket", "is this very ticket")
    return other


async def _lock(session: Session, *tickets: Ticket) -> None:
    """In one order, so that two who link the same tickets wait for each other and neither for ever."""
    ids = [ticket.id for ticket in tickets]
    query = select(Ticket.id).where(Ticket.id.in_(ids)).order_by(Ticket.id)
    await session.execute(query.with_for_update(key_share=True))


async def _forget(session: Session, one: UUID, other: UUID) -> Sequence[LinkedTickets]:
    """Deletes the link of two tickets, if there is one, and returns it."""
    gone = delete(LinkedTickets).where(_between(one, other)).returning(LinkedTickets)
    return (await session.scalars(gone)).all()


async def _check_room(session: Session, ticket_id: UUID, kind: str) -> None:
    """Raises Problem 422 above the limit. A parent may have any number of children."""
    its_child = (LinkedTickets.other_id == ticket_id) & (LinkedTickets.kind == CHILD)
    known = select(func.count()).select_from(LinkedTickets).where(_of(ticket_id), ~its_child)
    if kind != CHILD and (await session.scalar(known) or 0) >= MOST:
        raise invalid("/ticket", f"a ticket has at most {MOST} links")


async def _check_parent(session: Session, child_id: UUID, parent_id: UUID) -> None:
    """Raises Problem 422 if the child has another parent, or is above the parent itself."""
    link = LinkedTickets
    query = (
        select(Ticket.number)
        .join(link, link.other_id == Ticket.id)
        .where(link.ticket_id == child_id, link.kind == CHILD)
    )
    number = await session.scalar(query)
    if number is not None:
        raise invalid("/ticket", f"the child has a parent already: {number}")
    if await would_be_circular(session, child_id, parent_id):
        raise invalid("/ticket", "would make a ticket its own parent")


def _of(ticket_id: UUID) -> ColumnElement[bool]:
    return or_(LinkedTickets.ticket_id == ticket_id, LinkedTickets.other_id == ticket_id)


def _between(one: UUID, other: UUID) -> ColumnElement[bool]:
    return LinkedTickets.ticket_id.in_((one, other)) & LinkedTickets.other_id.in_((one, other))
