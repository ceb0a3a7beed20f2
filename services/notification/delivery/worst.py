"""Of several unsent mails to one person about the clocks of one ticket only the worst is sent, and names the others.

A priority that is raised past three warnings, a policy rolled out, an outage that ends: each lets much fall due at one
moment, and whoever works on the ticket needs to know the worst of it, once.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import aliased

from services.notification.delivery.status import TOLD_WITH_WORSE, DeliveryStatus
from services.notification.models import Delivery
from shared.kit.db import Session


def is_worst() -> ColumnElement[bool]:
    """Whether nothing worse waits to be sent to the same person about the same ticket."""
    worse = aliased(Delivery)
    is_worse = or_(worse.weight > Delivery.weight, and_(worse.weight == Delivery.weight, worse.id > Delivery.id))
    found = select(worse.id).where(
        worse.ticket_id == Delivery.ticket_id,
        worse.address == Delivery.address,
        worse.status == DeliveryStatus.QUEUED,
        is_worse,
    )
    return or_(Delivery.weight.is_(None), ~found.exists())


async def take_lesser(session: Session, claimed: Sequence[Delivery]) -> None:
    """Drops what is told with the mails that were claimed, and lets these name the other clocks."""
    for worst in claimed:
        if worst.weight is None:
            continue
        lesser = select(Delivery).where(
            Delivery.ticket_id == worst.ticket_id,
            Delivery.address == worst.address,
            Delivery.status == DeliveryStatus.QUEUED,
            Delivery.weight.is_not(None),
        )
        rows = (await session.scalars(lesser.order_by(Delivery.id).with_for_update(skip_locked=True))).all()
        if not rows:
            continue
        worst.facts = worst.facts | {"also": _others(worst, rows)}
        await session.execute(
            update(Delivery)
            .where(Delivery.id.in_([row.id for row in rows]))
            .values(status=DeliveryStatus.DROPPED, next_attempt_at=None, last_error=TOLD_WITH_WORSE, facts={})
        )


def _others(worst: Delivery, rows: Sequence[Delivery]) -> list[dict[str, Any]]:
    """The worst of each other clock, with its percentage; None for one that is overdue."""
    by_metric = {
        row.facts["metric"]: {"metric": row.facts["metric"], "percent": row.facts.get("percent")}
        for row in sorted(rows, key=lambda row: row.weight or 0)
    }
    by_metric.pop(worst.facts["metric"], None)
    return list(by_metric.values())
