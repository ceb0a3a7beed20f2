"""Notifications by state and open circuits, as metrics; the same in every process of the service."""

from prometheus_client import Gauge
from sqlalchemy import text

from services.notification.delivery.status import DeliveryStatus
from shared.kit.db import Database

COUNTED = (DeliveryStatus.WAITING, DeliveryStatus.QUEUED, DeliveryStatus.SENDING, DeliveryStatus.FAILED)
"""States that pass, and the one that waits for an operator; the others grow for ever and are counted as they happen."""
DELIVERIES = Gauge("everdesk_notifications", "Notifications that are not sent yet, by state", ("status",))
OVERDUE = Gauge("everdesk_notifications_overdue_seconds", "How long the oldest due notification waits, 0 if none does")
CIRCUITS = Gauge("everdesk_notification_circuits_open", "Receivers that are left alone after failures", ("kind",))
OPEN_CIRCUITS = text("""
select 'mail server' as kind, count(*) from mail_circuit where open_until is not null
union all select 'target', count(*) from notification_targets where is_active and paused_until is not null
union all select 'webhook', count(*) from webhooks where state = 'active' and open_until is not null
""")
BY_STATUS = text("""
select status, count(*) from deliveries where status <> 'sent' and status in ('waiting', 'queued', 'sending', 'failed')
group by status
""")
OLDEST_DUE = text("""
select coalesce(extract(epoch from now() - min(next_attempt_at)), 0) from deliveries
where status in ('queued', 'sending') and next_attempt_at <= now()
""")


async def measure_notifications(database: Database) -> None:
    """Sets the gauges from the ledger of deliveries and the circuits."""
    async with database.single() as connection:
        counts: dict[str, int] = dict((await connection.execute(BY_STATUS)).tuples().all())
        circuits: dict[str, int] = dict((await connection.execute(OPEN_CIRCUITS)).tuples().all())
        OVERDUE.set(float(await connection.scalar(OLDEST_DUE) or 0))
    for status in COUNTED:
        DELIVERIES.labels(status.value).set(counts.get(status.value, 0))
    for kind, count in circuits.items():
        CIRCUITS.labels(kind).set(count)
