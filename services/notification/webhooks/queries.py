"""Queries of endpoints and of their deliveries."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from services.notification.models.webhooks import IS_NOT_DELIVERED, webhook_deliveries, webhooks
from services.notification.webhooks.commands import DELIVERY, SHOWN
from services.notification.webhooks.schemas import WebhookDeliveryView, WebhookView
from services.notification.webhooks.status import WebhookDeliveryStatus
from shared.kit.db import Session


@dataclass(frozen=True, slots=True)
class WebhookDeliveryFilter:
    """Which deliveries of an endpoint are listed; None = any."""

    status: WebhookDeliveryStatus | None = None
    event_id: str | None = None


async def list_webhooks(session: Session) -> list[WebhookView]:
    """Returns all endpoints by name."""
    rows = await session.execute(select(*SHOWN).order_by(webhooks.c.name, webhooks.c.id))
    return [WebhookView.model_validate(row) for row in rows]


async def list_deliveries_of(
    session: Session, webhook_id: UUID, wanted: WebhookDeliveryFilter, before: int | None, limit: int
) -> list[WebhookDeliveryView]:
    """Returns deliveries in the order of the feed, newest first; `before` is the last position of the previous page."""
    columns = webhook_deliveries.c
    query = select(*DELIVERY).where(columns.webhook_id == webhook_id).order_by(columns.position.desc()).limit(limit)
    if wanted.status is not None:
        query = query.where(columns.status == wanted.status.value)
        if wanted.status is not WebhookDeliveryStatus.DELIVERED:
            query = query.where(IS_NOT_DELIVERED)
    if wanted.event_id is not None:
        query = query.where(columns.event_id == wanted.event_id)
    if before is not None:
        query = query.where(columns.position < before)
    return [WebhookDeliveryView.model_validate(row) for row in await session.execute(query)]
