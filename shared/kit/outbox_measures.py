"""How many events wait in a service's outbox, and for how long: the same in every process of the service."""

from prometheus_client import Gauge
from sqlalchemy import text

from shared.kit.db import Database
from shared.kit.measures import Measure
from shared.kit.outbox_order import MAY_LEAVE, REFUSED_FIRST

MOST_COUNTED = 10_000
WAITING = Gauge("everdesk_outbox_waiting", f"Events in the outbox, counted up to {MOST_COUNTED}", ("service",))
OLDEST = Gauge(
    "everdesk_outbox_oldest_seconds", "Age of the event that is published next, 0 if none waits", ("service",)
)
PARKED = Gauge("everdesk_outbox_parked_now", "Events the bus refuses, put aside until an operator acts", ("service",))
COUNTED = text(f"""
with {REFUSED_FIRST}
select (select count(*) from (select from outbox where parked_at is null limit {MOST_COUNTED}) as waiting),
  coalesce((select extract(epoch from now() - created_at) from outbox where {MAY_LEAVE}
            order by refusals, id limit 1), 0),
  (select count(*) from outbox where parked_at is not null)
""")  # noqa: S608 - SQL made of constants


def outbox_measure(database: Database, service: str) -> Measure:
    """Sets the gauges of one service's outbox."""

    async def measure() -> None:
        async with database.single() as connection:
            waiting, oldest, parked = (await connection.execute(COUNTED)).one()
        WAITING.labels(service).set(waiting)
        OLDEST.labels(service).set(max(0.0, float(oldest)))
        PARKED.labels(service).set(parked)

    return measure
