"""Events with bodies in them, kept within what one message on the bus can carry."""

from datetime import datetime
from typing import Any

from sqlalchemy import insert

from services.intake.errors import too_large_to_carry
from shared.contracts.events import Event
from shared.kit.db import Session
from shared.kit.outbox import row_of
from shared.kit.tables import outbox

MAX_EVENT_BYTES = 960 * 1024
"""The bus carries 1 MiB; the rest is for headers."""


def outbox_row(event: Event, event_id: str, at: datetime) -> dict[str, Any]:
    """The outbox row of an event. Raises Problem 422 if the bus could never carry it."""
    row = row_of(event.envelope(event_id, at))
    if len(row["envelope"]) > MAX_EVENT_BYTES:
        raise too_large_to_carry()
    return row


async def announce(session: Session, event: Event, event_id: str, at: datetime) -> None:
    """Announces an event with a body if, and only if, the transaction commits."""
    await session.execute(insert(outbox).values(outbox_row(event, event_id, at)))
