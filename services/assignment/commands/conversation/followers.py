"""Followers of a ticket: agents who subscribed or were added by a colleague."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from services.assignment.app_state import AppState
from services.assignment.commands.execution.command_request import CommandRequest
from services.assignment.models import Follower
from services.assignment.queries.access.callers import Caller, find_agent_caller
from services.assignment.queries.ticket_page.followers import get_follower
from services.assignment.queries.ticket_page.tickets import get_ticket, ticket_place
from services.assignment.schemas.composing import FollowerView
from shared.contracts.base import AgentId, TicketId
from shared.contracts.events import FollowerChanged
from shared.contracts.vocabulary import Channel, Permission
from shared.domain.permissions import permissions_on
from shared.kit import outbox
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.problems import invalid

MOST = 50
"""Followers of one ticket."""


async def follow(context: AppState, call: CommandRequest, agent_id: UUID | None) -> FollowerView:
    """Makes an agent a follower; doing it again changes nothing.

    Oneself with `ticket.view`, a colleague with `ticket.note`. Raises Problem 403, 404, and 422 for an agent who may
    not see the ticket.
    """
    chosen = agent_id or call.caller.agent_id
    async with context.database.begin() as session:
        found = await get_ticket(session, call.caller, call.reference)
        if chosen != call.caller.agent_id:
            found.require(Permission.TICKET_NOTE)
    other = await find_agent_caller(context.database, AgentId(chosen), Channel.API)
    if other is None or Permission.TICKET_VIEW not in permissions_on(other.principal, ticket_place(found.ticket)):
        raise invalid("/agent_id", "is not an active agent who may see this ticket")
    async with context.database.begin() as session:
        following = await session.scalar(
            select(func.count()).select_from(Follower).where(Follower.ticket_id == found.ticket.id)
        )
        if (following or 0) >= MOST:
            raise invalid("/agent_id", f"a ticket has at most {MOST} followers")
        await _add(session, found.ticket.id, chosen)
        return await get_follower(session, found.ticket.id, chosen)


async def unfollow(context: AppState, caller: Caller, reference: str, agent_id: UUID) -> None:
    """Ends it; for a colleague `ticket.note` is needed. Raises Problem 403 and 404."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, reference)
        if agent_id != caller.agent_id:
            found.require(Permission.TICKET_NOTE)
        theirs = (Follower.ticket_id == found.ticket.id, Follower.agent_id == agent_id)
        gone = delete(Follower).where(*theirs).returning(Follower.agent_id)
        if await session.scalar(gone) is not None:
            await _announce(session, found.ticket.id, agent_id, utc_now(), is_following=False)


async def _add(session: Session, ticket_id: UUID, agent_id: UUID) -> None:
    now = utc_now()
    row = {"ticket_id": ticket_id, "agent_id": agent_id, "since": now, "is_mentioned": False, "is_announced": True}
    new = insert(Follower).values(row).on_conflict_do_nothing().returning(Follower.agent_id)
    if await session.scalar(new) is not None:
        await _announce(session, ticket_id, agent_id, now, is_following=True)


async def _announce(session: Session, ticket_id: UUID, agent_id: UUID, now: datetime, *, is_following: bool) -> None:
    event = FollowerChanged(
        ticket_id=TicketId(ticket_id), agent_id=AgentId(agent_id), is_following=is_following, changed_at=now
    )
    await outbox.add(session, event, f"follower:{new_id()}", now)
