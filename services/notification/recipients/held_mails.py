"""Mails that waited long, for hours, a digest or a mail server: sent only to those who may still see the ticket."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import not_, or_, select, update

from services.notification.delivery.status import DeliveryStatus
from services.notification.models import IS_BUNDLED, Agent, Delivery, Ticket
from services.notification.recipients.ticket_visibility import asks_for_sight, is_in_sight, loses_interest
from shared.kit.clock import utc_now
from shared.kit.db import Session

LONG = timedelta(minutes=1)
"""Whoever was told within this time of the event was told while they might see the ticket."""
OUT_OF_SIGHT = "they may not see the ticket"


async def drop_unseen(session: Session, claimed: Sequence[Delivery]) -> set[UUID]:
    """Drops claimed mails that waited long, and those bundled with them, whose readers lost sight of the ticket.

    What somebody has to act on is sent all the same, as is what administrators get for want of others: they may never
    have seen the ticket. Returns the ids of those dropped.
    """
    long_ago = utc_now() - LONG
    held = [one for one in claimed if one.agent_id is not None and one.created_at < long_ago]
    if not held:
        return set()
    waiting = {one.id for one in held}
    if bundles := {one.bundle for one in held if one.bundle is not None}:
        waiting.update(await session.scalars(select(Delivery.id).where(IS_BUNDLED, Delivery.bundle.in_(bundles))))
    unseen = (
        select(Delivery.id)
        .join(Agent, Agent.id == Delivery.agent_id)
        .join(Ticket, Ticket.id == Delivery.ticket_id)
        .where(Delivery.id.in_(waiting), or_(asks_for_sight(), loses_interest()), not_(is_in_sight()))
        .order_by(Delivery.id)
        .with_for_update(of=Delivery, skip_locked=True)
    )
    ids = set(await session.scalars(unseen))
    if ids:
        dropped = update(Delivery).where(Delivery.id.in_(ids))
        gone = {"status": DeliveryStatus.DROPPED.value, "next_attempt_at": None, "last_error": OUT_OF_SIGHT}
        await session.execute(dropped.values(**gone, facts={}).execution_options(synchronize_session=False))
    return ids
