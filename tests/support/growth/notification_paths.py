"""The paths of notification: what its sender, its consumer and its operators ask."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from services.notification import address_projection  # noqa: F401 - it registers what it handles
from services.notification.delivery.queue import DeliveryQueue
from services.notification.delivery.status import DeliveryStatus
from services.notification.delivery_replay import ReplayDeliveries, replay_deliveries
from services.notification.erasure import erased_among, forget_side_messages
from services.notification.event_feed.reading import FeedQuery, read_page
from services.notification.event_feed.redaction import FeedEraser
from services.notification.event_feed.retention import forget_events
from services.notification.projection import project
from services.notification.queries import DeliveryFilter, list_deliveries
from services.notification.recipient_addresses import clear_bounce, key_of, mark_bounced, set_wanted, standings_of
from services.notification.recipients.held_mails import drop_unseen
from services.notification.recipients.inbox_entries import count_unread, list_entries, mark_read
from services.notification.recipients.settling import resolve_recipients
from services.notification.settings import NotificationSettings
from services.notification.webhooks.ledger import WebhookLedger
from services.notification.webhooks.queries import WebhookDeliveryFilter, list_deliveries_of
from services.notification.webhooks.signing import WebhookSecrets
from services.notification.webhooks.status import WebhookDeliveryStatus
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import Envelope, MailBounced, MailPreferencesChanged, RequesterErased
from shared.kit.administrator_passes import Administrator
from shared.kit.auth import MailThreads
from shared.kit.clock import utc_now
from shared.kit.db import Database
from shared.kit.requester_ids import RequesterIds
from tests.support.growth.query_plans import Path

NEWEST = 10_000_000
"""The position in the feed after which what is worked on comes."""
YEARS = timedelta(days=36_500)
SOMEBODY = Administrator("operator", "The operator's token", "")

ENOUGH_EVENTS = 10_000
"""Closed tickets with which the feed has as many events as it looks at for a page."""


def paths(database: Database, settings: NotificationSettings, ticket_id: UUID) -> Iterator[Path]:
    """All of them."""
    queue = DeliveryQueue(database, timedelta(seconds=0), drop_unseen)
    threads = MailThreads(settings, "example.org")

    async def claim() -> None:
        await queue.claim()

    async def circuit() -> None:
        await queue.circuit.ask()

    async def settle() -> None:
        async with database.begin() as session:
            await resolve_recipients(session, threads)

    async def erased() -> None:
        async with database.begin() as session:
            await erased_among(session, [ticket_id])
            await forget_side_messages(session, [ticket_id])
            await FeedEraser(RequesterIds(settings)).erase_for(session, [_erasure_of_nobody(ticket_id)])

    yield Path("deliveries that are due", claim)
    yield Path("deliveries that wait for what is not known yet", settle)
    yield Path("tickets that were erased", erased)
    yield _list(database, "deliveries, newest first", DeliveryFilter())
    yield _list(database, "deliveries of a ticket", DeliveryFilter(ticket_id=ticket_id))
    for status in DeliveryStatus:
        yield _list(database, f"deliveries that are {status}", DeliveryFilter(status=status))
    yield from _addresses(database, ticket_id)
    yield from _replays(database)
    yield Path("the mail server's circuit", circuit)
    yield from _inbox(database)
    yield from _feed(database, ticket_id)
    yield from _webhooks(database, settings)


def _addresses(database: Database, ticket_id: UUID) -> Iterator[Path]:
    bounced = MailBounced(
        ticket_id=TicketId(ticket_id),
        message_id="<nobody@example.org>",
        status="5.1.1",
        is_permanent=True,
        reason="no such user",
        bounced_at=utc_now(),
    )
    chosen = MailPreferencesChanged(
        ticket_id=TicketId(ticket_id), address_key=key_of("a@example.org"), wanted="replies", changed_at=utc_now()
    )

    async def ask() -> None:
        async with database.begin() as session:
            await standings_of(session, ["a@example.org", "b@example.org"])
            await project(bounced, session)
            await project(chosen, session)
            await mark_bounced(session, "a@example.org", "550 5.1.1", utc_now())
            await clear_bounce(session, SOMEBODY, "a@example.org")
            await set_wanted(session, SOMEBODY, "a@example.org", "none")
            await session.rollback()

    yield Path("addresses: what is wanted, what came back", ask)


def _replays(database: Database) -> Iterator[Path]:
    for status in (DeliveryStatus.FAILED, DeliveryStatus.QUEUED):
        for reach, since in (("at all times", None), ("of a hundred years", utc_now() - YEARS)):
            wanted = ReplayDeliveries(status=status, since=since, dry_run=True)

            async def count(wanted: ReplayDeliveries = wanted) -> None:
                async with database.begin() as session:
                    await replay_deliveries(session, SOMEBODY, wanted)

            yield Path(f"deliveries to send again, {status}, {reach}", count)


def _inbox(database: Database) -> Iterator[Path]:
    agent = UUID(hashlib.md5(b"agent3", usedforsecurity=False).hexdigest())

    async def read() -> None:
        async with database.begin() as session:
            for only_unread in (False, True):
                entries = await list_entries(session, agent, None, 25, only_unread=only_unread)
                await list_entries(session, agent, entries[-1].id, 25, only_unread=only_unread)
            await count_unread(session, agent)

    async def mark() -> None:
        async with database.begin() as session:
            entries = await list_entries(session, agent, None, 25)
            await mark_read(session, agent, [entry.id for entry in entries])
            await session.rollback()

    yield Path("an agent's inbox, and how much of it is unread", read)
    yield Path("an agent's inbox is read", mark)


def _feed(database: Database, ticket_id: UUID) -> Iterator[Path]:
    async def read() -> None:
        await read_page(database, FeedQuery(("ticket.opened", "ticket.closed")), NEWEST, 100)
        await read_page(database, FeedQuery(("ticket.closed",)), 0, 100)
        await read_page(database, FeedQuery(("ticket.opened", "ticket.closed"), ticket_id), 0, 100)

    async def forget() -> None:
        async with database.begin() as session:
            await forget_events(session, YEARS)

    yield Path("the change feed: its newest events, its first, and those of a ticket", read, ENOUGH_EVENTS)
    yield Path("the change feed is forgotten", forget)


def _webhooks(database: Database, settings: NotificationSettings) -> Iterator[Path]:
    endpoint = UUID(hashlib.md5(b"webhook", usedforsecurity=False).hexdigest())
    ledger = WebhookLedger(database, WebhookSecrets(settings))

    async def read() -> None:
        async with database.begin() as session:
            for status in (None, *WebhookDeliveryStatus):
                await list_deliveries_of(session, endpoint, WebhookDeliveryFilter(status), None, 50)
        await ledger.due_in()

    yield Path("webhooks: deliveries of an endpoint, and what is due", read)


def _list(database: Database, name: str, wanted: DeliveryFilter) -> Path:
    async def run() -> None:
        async with database.begin() as session:
            await list_deliveries(session, wanted, None, 50)

    return Path(name, run)


def _erasure_of_nobody(ticket_id: UUID) -> Envelope:
    """Names a message, and nobody who wrote it."""
    erased = RequesterErased(
        requester_id=ticket_id,
        ticket_ids=(),
        side_message_ids=(MessageId(ticket_id),),
        erased_at=utc_now(),
    )
    return erased.envelope("erasure", utc_now())
