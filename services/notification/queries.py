"""Queries of the delivery ledger for the operators' API."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from services.notification.delivery.channels import DeliveryChannel
from services.notification.delivery.status import DeliveryStatus
from services.notification.models import IS_NOT_SENT, Delivery
from shared.kit.db import Session


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Filter of the list of deliveries; None = any."""

    ticket_id: UUID | None = None
    status: DeliveryStatus | None = None
    channel: DeliveryChannel | None = None


async def list_deliveries(session: Session, wanted: DeliveryFilter, before: UUID | None, limit: int) -> list[Delivery]:
    """Returns deliveries, newest first; `before` is the last id of the previous page."""
    query = select(Delivery).order_by(Delivery.id.desc()).limit(limit)
    if wanted.ticket_id is not None:
        query = query.where(Delivery.ticket_id == wanted.ticket_id)
    if wanted.channel is not None:
        query = query.where(Delivery.channel == wanted.channel)
    if wanted.status is not None:
        query = query.where(Delivery.status == wanted.status)
        if wanted.status is not DeliveryStatus.SENT:
            query = query.where(IS_NOT_SENT)
    if before is not None:
        query = query.where(Delivery.id < before)
    return list((await session.scalars(query)).all())
