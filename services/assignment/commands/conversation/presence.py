"""Presence: who views a ticket and who types, stored in one table for all replicas."""

from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from services.assignment.app_state import AppState
from services.assignment.errors import agents_only
from services.assignment.models import Agent, Message, Note, TicketPresence
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_page.tickets import AuthorizedTicket, get_ticket
from services.assignment.schemas.composing import PresenceInput, PresenceView, PresentAgent
from services.assignment.schemas.tickets import AgentRef
from shared.contracts.vocabulary import Permission
from shared.kit.clock import utc_now
from shared.kit.db import Session

FRESH = timedelta(seconds=40)
"""Whoever has not been heard of for this long has left: pages tell of themselves every fifteen seconds."""
KEPT = timedelta(hours=1)


async def tell_presence(context: AppState, caller: Caller, reference: str, what: PresenceInput) -> PresenceView:
    """Notes what the caller does on the ticket, and answers who else is there. Raises Problem 404."""
    if not caller.is_person:
        raise agents_only()
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, reference)
        if what.is_gone:
            mine = (TicketPresence.ticket_id == found.ticket.id, TicketPresence.agent_id == caller.agent_id)
            await session.execute(delete(TicketPresence).where(*mine))
        else:
            writes = bool(found.permissions & {Permission.TICKET_REPLY, Permission.TICKET_NOTE})
            values = {"is_typing": what.is_typing and writes, "seen_at": utc_now()}
            seen = insert(TicketPresence).values(ticket_id=found.ticket.id, agent_id=caller.agent_id, **values)
            await session.execute(seen.on_conflict_do_update(index_elements=["ticket_id", "agent_id"], set_=values))
        return await _presence(session, caller, found)


async def get_presence(context: AppState, caller: Caller, reference: str) -> PresenceView:
    """Who else has the ticket open. Raises Problem 404."""
    async with context.database.begin() as session:
        return await _presence(session, caller, await get_ticket(session, caller, reference))


async def forget_presence(session: Session) -> None:
    """Deletes what has long meant nothing."""
    await session.execute(delete(TicketPresence).where(TicketPresence.seen_at < utc_now() - KEPT))


async def _presence(session: Session, caller: Caller, found: AuthorizedTicket) -> PresenceView:
    here, ticket = TicketPresence, found.ticket
    query = (
        select(here.agent_id, Agent.name, here.is_typing, here.seen_at)
        .join(Agent, Agent.id == here.agent_id)
        .where(here.ticket_id == ticket.id, here.agent_id != caller.agent_id, here.seen_at > utc_now() - FRESH)
        .order_by(Agent.name, Agent.id)
    )
    written = select(func.max(Message.posted_at)).where(Message.ticket_id == ticket.id).scalar_subquery()
    noted = select(func.max(Note.added_at)).where(Note.ticket_id == ticket.id).scalar_subquery()
    last = await session.scalar(select(func.greatest(written, noted)))
    return PresenceView(
        items=tuple(
            PresentAgent(agent=AgentRef(id=row.agent_id, name=row.name), is_typing=row.is_typing, seen_at=row.seen_at)
            for row in await session.execute(query)
        ),
        revision=ticket.revision,
        last_entry_at=last,
    )
