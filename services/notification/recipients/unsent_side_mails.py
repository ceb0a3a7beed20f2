"""Announces dropped mails to third parties, for a ticket may be on hold until one of them is answered."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Row

from services.notification.decisions.event_rules import SIDE
from services.notification.delivery.status import DeliveryStatus
from shared.contracts.base import TicketId
from shared.contracts.events import NotificationFailed
from shared.kit import outbox
from shared.kit.clock import utc_now
from shared.kit.db import Session


async def announce_unsent(session: Session, settled: Iterable[tuple[Row[*tuple[Any, ...]], Mapping[str, Any]]]) -> None:
    """Announces the settled rows of mails to third parties that were dropped; of erased tickets nobody waits."""
    now = utc_now()
    for row, values in settled:
        is_dropped = values["status"] == DeliveryStatus.DROPPED.value
        if is_dropped and row.recipient.startswith(SIDE) and row.erased_at is None:
            failed = NotificationFailed(
                delivery_id=row.id,
                ticket_id=TicketId(row.ticket_id),
                cause=row.cause,
                template=row.template,
                reason=values["last_error"],
                failed_at=now,
            )
            await outbox.add(session, failed, f"{row.id}:dropped", now)
