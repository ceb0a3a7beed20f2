"""Open tickets, their timers and those that stand still, as metrics; the same in every process of the service."""

from prometheus_client import Gauge
from sqlalchemy import text

from services.assignment.stuck_tickets import LATE_TIMERS, LEFT_BEHIND
from shared.kit.db import Database

TICKETS_OPEN = Gauge("everdesk_tickets_open", "Tickets that are neither resolved nor closed")
TIMERS_ARMED = Gauge("everdesk_sla_timers_armed", "Open tickets with a clock that is due in the future")
TIMERS_LATE = Gauge("everdesk_sla_timers_late", "Tickets with a clock past due for a minute and no breach: stuck")
LEFT = Gauge("everdesk_commands_left_behind", "Commands whose sender died more than two minutes ago, not carried on")
OPEN_COUNT = text("select count(*) from tickets where status not in ('resolved', 'closed')")
ARMED_COUNT = text("""
select count(*) from tickets
where status not in ('resolved', 'closed') and next_due_at > now() and next_due_at < timestamptz '9999-01-01 00:00Z'
""")


async def measure_tickets(database: Database) -> None:
    """Sets the gauges from the read model."""
    async with database.single() as connection:
        TICKETS_OPEN.set(await connection.scalar(OPEN_COUNT) or 0)
        TIMERS_ARMED.set(await connection.scalar(ARMED_COUNT) or 0)
        TIMERS_LATE.set(await connection.scalar(text(LATE_TIMERS)) or 0)
        LEFT.set(await connection.scalar(text(LEFT_BEHIND)) or 0)
