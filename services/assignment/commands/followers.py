"""Followers of a ticket: agents who asked to hear of it, and those whom a note mentions."""

import re
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from services.assignment.app_state import AppState
from services.assignment.commands.command_request import CommandRequest
from services.assignment.models import Agent, Follower, Ticket
from services.assignment.queries.callers import Caller, find_agent_caller
from services.assignment.queries.followers import get_follower
from services.assignment.queries.tickets import get_ticket, ticket_place
from services.assignment.schemas.composing import FollowerView
from shared.contracts.base import AgentId
from shared.contracts.vocabulary import Channel, Permission
from shared.domain.permissions import permissions_on
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.http.problems import invalid

MOST = 50
"""Followers of one ticket."""
MOST_MENTIONS = 20
MENTION = re.compile(r"(?<![\w@/.])@([A-Za-z0-9][A-Za-z0-9._-]{0,62})(?![\w@])")
"""`@ada`: what stands before the @ of an agent's address."""


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
        await _add(session, found.ticket.id, [chosen], is_mentioned=False)
        return await get_follower(session, found.ticket.id, chosen)


async def unfollow(context: AppState, caller: Caller, reference: str, agent_id: UUID) -> None:
    """Ends it; for a colleague `ticket.note` is needed. Raises Problem 403 and 404."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, reference)
        if agent_id != caller.agent_id:
            found.require(Permission.TICKET_NOTE)
        theirs = (Follower.ticket_id == found.ticket.id, Follower.agent_id == agent_id)
        await session.execute(delete(Follower).where(*theirs))


async def follow_mentioned(session: Session, ticket: Ticket, body: str) -> None:
    """Makes those followers whom a note names as @name. Costs nothing where nobody is named."""
    names = mentions_in(body)
    if not names:
        return
    local_part = func.lower(func.split_part(Agent.email, "@", 1))
    ids = (await session.scalars(select(Agent.id).where(local_part.in_(names), Agent.is_active))).all()
    if ids:
        await _add(session, ticket.id, ids, is_mentioned=True)


def mentions_in(body: str) -> set[str]:
    """The names that a note mentions, in lower case."""
    return {name.rstrip(".-_").casefold() for name in MENTION.findall(body)[:MOST_MENTIONS]}


async def _add(session: Session, ticket_id: UUID, agent_ids: Sequence[UUID], *, is_mentioned: bool) -> None:
    rows = [
        {"ticket_id": ticket_id, "agent_id": one, "since": utc_now(), "is_mentioned": is_mentioned}
        for one in sorted(agent_ids)
    ]
    await session.execute(insert(Follower).on_conflict_do_nothing(), rows)
