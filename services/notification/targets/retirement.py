"""Switching off and removing targets: what waits for them is dropped, and what they were called for is ended.

Nobody else would end it: an alert that stays open at an on-call service calls people for ever.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import String as Text
from sqlalchemy import cast as cast_sql
from sqlalchemy import delete, literal, not_, select, update
from sqlalchemy.dialects.postgresql import insert

from services.notification.delivery.channels import DeliveryChannel
from services.notification.delivery.status import DeliveryStatus
from services.notification.delivery.templates import TemplateName
from services.notification.models import IS_DUE, IS_FOR_TARGET, IS_ON_CALL, Delivery, NotificationTarget
from services.notification.targets.alerts import OF_TICKET, OVER, RECIPIENT, OnCall, counts, metric_of, recipient_of
from services.notification.targets.ledger_rows import ledger_row
from shared.kit.clock import utc_now
from shared.kit.db import Session, lock_in_order

SWITCHED_OFF = "its chat room or on-call service is removed or switched off"
GONE: dict[str, Any] = {
    "status": DeliveryStatus.DROPPED.value,
    "next_attempt_at": None,
    "last_error": SWITCHED_OFF,
    "facts": {},
}
TARGET_KEY = literal(RECIPIENT) + cast_sql(NotificationTarget.id, Text)


async def end_alerts_at(session: Session, target: NotificationTarget) -> None:
    """Drops what waits for a target, and records the end of each alert that is open there."""
    key = recipient_of(target.id)
    theirs = (IS_DUE, IS_FOR_TARGET, Delivery.recipient == key)
    waiting = await lock_in_order(
        session, Delivery.id, *theirs, Delivery.status == DeliveryStatus.QUEUED, Delivery.template != OVER
    )
    if waiting:
        await session.execute(update(Delivery).where(Delivery.id.in_(waiting)).values(GONE))
    ends = [_end(target, one.ticket_id) for one in await _open_at(session, key)]
    if ends:
        await session.execute(insert(Delivery).on_conflict_do_nothing(), ends)


async def move_alerts(session: Session, former: NotificationTarget, target: NotificationTarget) -> None:
    """Ends the alerts that are open at a target's former place, and opens them at the one that it has now.

    `former` is new, and kept as a removed target is: only for what it is still told.
    """
    alerts = await _open_at(session, recipient_of(target.id))
    if not alerts:
        return
    former.is_active, former.removed_at = False, utc_now()
    session.add(former)
    await session.flush()
    cause = f"{recipient_of(target.id)}:moved:{target.version}"
    rows = [_end(former, one.ticket_id) for one in alerts]
    rows += [
        ledger_row(
            target,
            DeliveryChannel.ON_CALL,
            f"{cause}:{one.ticket_id}",
            one.ticket_id,
            TemplateName(one.template),
            OnCall(one.about, one.seq),
            {"metric": metric_of(one.about)},
        )
        for one in alerts
    ]
    await session.execute(insert(Delivery).on_conflict_do_nothing(), rows)


async def remove_target(session: Session, target: NotificationTarget) -> None:
    """Removes a target; while ends are on their way to it, it is only kept for those."""
    target.is_active, target.removed_at = False, utc_now()
    target.version += 1
    await end_alerts_at(session, target)
    await session.flush()
    await _delete_done(session, NotificationTarget.id == target.id)


async def forget_removed(session: Session) -> None:
    """Deletes removed targets once all is said to them, and drops what is queued for targets that are no more."""
    is_known = select(NotificationTarget.id).where(Delivery.recipient == TARGET_KEY).exists()
    orphans = await lock_in_order(session, Delivery.id, IS_DUE, IS_FOR_TARGET, not_(is_known), skip_locked=True)
    if orphans:
        await session.execute(update(Delivery).where(Delivery.id.in_(orphans)).values(GONE))
    await _delete_done(session)


async def _delete_done(session: Session, *which: Any) -> None:
    is_due = select(Delivery.id).where(IS_DUE, IS_FOR_TARGET, Delivery.recipient == TARGET_KEY).exists()
    done = delete(NotificationTarget).where(NotificationTarget.removed_at.is_not(None), not_(is_due), *which)
    await session.execute(done.execution_options(synchronize_session=False))


async def _open_at(session: Session, key: str) -> list[Any]:
    """Returns of each ticket whose alert is open at an on-call service what that was told last."""
    last = (
        select(Delivery.ticket_id, Delivery.template, Delivery.about, Delivery.seq)
        .distinct(Delivery.ticket_id)
        .where(IS_ON_CALL, Delivery.recipient == key, counts())
        .order_by(Delivery.ticket_id, Delivery.id.desc())
    )
    return [row for row in await session.execute(last) if row.template != OVER]


def _end(target: NotificationTarget, ticket_id: UUID) -> dict[str, Any]:
    cause = f"{recipient_of(target.id)}:off:{target.version}:{ticket_id}"
    return ledger_row(target, DeliveryChannel.ON_CALL, cause, ticket_id, OVER, OnCall(OF_TICKET, 0), {})
