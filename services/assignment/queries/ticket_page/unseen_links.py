"""Events that name another ticket, for readers who may not see that one."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from services.assignment.models import Ticket
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.access.visibility import visible_to
from services.assignment.schemas.conversation import EventView
from shared.kit.db import Session

OTHER = "other_id"
NAMES = frozenset({OTHER, "other_number"})
"""What an event says of the ticket that was linked."""


async def without_unseen(session: Session, reader: Caller, events: Sequence[EventView]) -> list[EventView]:
    """The same events; of tickets that the reader may not see they say only that there is one."""
    named = {UUID(str(event.details[OTHER])) for event in events if OTHER in event.details}
    if not named:
        return list(events)
    query = select(Ticket.id).where(Ticket.id.in_(named), visible_to(reader.principal))
    seen = {str(one) for one in await session.scalars(query)}
    return [event if str(event.details.get(OTHER, "")) in {"", *seen} else _unnamed(event) for event in events]


def _unnamed(event: EventView) -> EventView:
    details = {name: value for name, value in event.details.items() if name not in NAMES}
    return event.model_copy(update={"details": details})
