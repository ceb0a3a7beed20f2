"""Writes lines of the event log for changes that no workflow makes: links, tasks, incidents."""

from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from services.assignment.models import LoggedEvent, Ticket
from services.assignment.queries.access.callers import Caller
from shared.contracts.events import Event
from shared.kit import outbox
from shared.kit.db import Session


async def log_and_announce(
    session: Session, caller: Caller, ticket: Ticket, event: Event, event_id: str, now: datetime, **details: Any
) -> None:
    """Writes a line into the ticket's timeline and announces the event, in the caller's transaction.

    `details` are ids and kinds only: the log holds nothing personal.
    """
    actor = {"kind": caller.kind.value, "id": str(caller.agent_id)}
    line = {
        "event_id": event_id,
        "ticket_id": ticket.id,
        "seq": ticket.seq,
        "type": event.event_name,
        "at": now,
        "data": {"actor": actor, "revision": ticket.revision, **details},
    }
    await session.execute(insert(LoggedEvent).values(line))
    await outbox.add(session, event, event_id, now)
