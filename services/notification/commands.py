"""What an operator does to the delivery ledger: a failed delivery is sent again."""

from uuid import UUID

from sqlalchemy import select

from services.notification.delivery.status import DeliveryStatus
from services.notification.models import Delivery
from shared.kit.administrator_passes import Administrator
from shared.kit.clock import utc_now
from shared.kit.configuration_changes import record_change
from shared.kit.db import Session
from shared.kit.http.problems import Problem, not_found


async def retry_delivery(session: Session, by: Administrator, delivery_id: UUID) -> Delivery:
    """Queues a failed delivery again. Raises Problem 404, or 409 for one that has not failed."""
    delivery = await session.scalar(select(Delivery).where(Delivery.id == delivery_id).with_for_update())
    if delivery is None:
        raise not_found("delivery")
    if delivery.status != DeliveryStatus.FAILED:
        raise Problem(409, "not_failed", f"the delivery is {delivery.status}; only a failed one can be retried")
    delivery.status, delivery.next_attempt_at, delivery.last_error = DeliveryStatus.QUEUED.value, utc_now(), None
    subject = ("delivery", str(delivery_id), delivery.template)
    await record_change(session, by, subject, {"condition": "failed"}, {"condition": "sent again"})
    return delivery
