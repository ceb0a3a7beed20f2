"""The paths of notification: what its sender, its consumer and its operators ask."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from services.notification.commands import resolve_recipients
from services.notification.delivery.queue import DeliveryQueue
from services.notification.delivery.status import DeliveryStatus
from services.notification.erasure import erased_among
from services.notification.queries import DeliveryFilter, list_deliveries
from services.notification.settings import NotificationSettings
from shared.kit.auth import MailThreads
from shared.kit.db import Database
from tests.support.growth.query_plans import Path


def paths(database: Database, settings: NotificationSettings, ticket_id: UUID) -> Iterator[Path]:
    """All of them."""
    queue = DeliveryQueue(database, timedelta(seconds=0))
    threads = MailThreads(settings, "example.org")

    async def claim() -> None:
        await queue.claim()

    async def settle() -> None:
        async with database.begin() as session:
            await resolve_recipients(session, threads)

    async def erased() -> None:
        async with database.begin() as session:
            await erased_among(session, [ticket_id])

    yield Path("deliveries that are due", claim)
    yield Path("deliveries that wait for what is not known yet", settle)
    yield Path("tickets that were erased", erased)
    yield _list(database, "deliveries, newest first", DeliveryFilter())
    yield _list(database, "deliveries of a ticket", DeliveryFilter(ticket_id=ticket_id))
    for status in DeliveryStatus:
        yield _list(database, f"deliveries that are {status}", DeliveryFilter(status=status))


def _list(database: Database, name: str, wanted: DeliveryFilter) -> Path:
    async def run() -> None:
        async with database.begin() as session:
            await list_deliveries(session, wanted, None, 50)

    return Path(name, run)
