"""Mails that came in and are not done, as metrics; the same in every process of the service."""

from prometheus_client import Gauge
from sqlalchemy import text

from shared.kit.db import Database

MAILS = Gauge("everdesk_mails_in_waiting", "Mails that came in: `received` wait, `failed` were given up", ("state",))
COUNTED = text("select state, count(*) from raw_mails where state in ('received', 'failed') group by state")


async def measure_mails(database: Database) -> None:
    """Sets the gauges from the mails as they arrived."""
    async with database.single() as connection:
        counts: dict[str, int] = dict((await connection.execute(COUNTED)).tuples().all())
    for state in ("received", "failed"):
        MAILS.labels(state).set(counts.get(state, 0))
