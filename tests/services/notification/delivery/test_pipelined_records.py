"""While a record is committed only the envelope of the next mail is handed over: a crash still repeats one at most."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, text

from services.notification.consumers import Notifier
from services.notification.delivery import recorder, sender
from services.notification.delivery.queue import BATCH, MARK_SENT, DeliveryQueue, MailJob
from services.notification.delivery.recorder import ContentAfterRecord, Record
from services.notification.delivery.sender import Sender
from services.notification.delivery.smtp import MailConnection
from services.notification.errors import MailWithheld
from services.notification.models import Delivery
from services.notification.recipients.held_mails import drop_unseen
from services.notification.settings import NotificationSettings
from shared.kit.auth import MailThreads
from shared.kit.bus import Bus
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Database
from shared.kit.leases import HeldLease
from shared.kit.requester_ids import RequesterIds
from tests.services.notification.delivery.faulty_server import serving
from tests.services.notification.mail_server import MailServer
from tests.services.notification.ticket_events import TicketEvents
from tests.support.eventually import eventually

SHORT, LONG = timedelta(seconds=0.5), timedelta(seconds=30)
MAIL = b"Subject: One\r\n\r\nwords\r\n"
ANA = "ana@customer.example"
SCANS = text("select seq_scan from pg_stat_xact_user_tables where relname = 'deliveries'")


@pytest.fixture
async def database(settings: NotificationSettings) -> AsyncIterator[Database]:
    database = Database.connect(settings)
    async with database.begin() as session:
        await session.execute(delete(Delivery))
    yield database
    await database.dispose()


@pytest.fixture
async def stories(settings: NotificationSettings, database: Database) -> list[TicketEvents]:
    """Tickets, each with a mail that waits to be sent."""
    threads, ids = MailThreads(settings, settings.mail_domain), RequesterIds(settings)
    stories = [TicketEvents() for _ in range(12)]
    notifier = Notifier(database, Bus(settings, "test"), threads, ids, on_commit=lambda: None)
    await notifier.on_events([story.submitted() for story in stories])
    return stories


async def _nothing_to_settle() -> None: ...


class LateQueue(DeliveryQueue):
    """Does not commit what it is to record before it is told."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        super().__init__(database, lease, drop_unseen)
        self.may_commit = asyncio.Event()

    async def mark_sent(self, accepted: Sequence[tuple[MailJob, str]]) -> None:
        await self.may_commit.wait()
        await super().mark_sent(accepted)


@pytest.mark.parametrize("connections", [1, 4])
async def test_a_kill_before_the_record_repeats_one_mail_of_each_connection(
    settings: NotificationSettings,
    database: Database,
    mail_server: MailServer,
    stories: list[TicketEvents],
    connections: int,
) -> None:
    """Although each connection has begun its next mail by then."""
    settings = settings.model_copy(update={"smtp_connections": connections})
    queue = LateQueue(database, SHORT)
    doomed, begun = Sender(queue, settings, _nothing_to_settle), mail_server.begun
    crash = asyncio.create_task(doomed._send_batch(await queue.claim()))
    await eventually(lambda: mail_server.begun == begun + 2 * connections)
    crash.cancel()
    assert doomed._recorder._writing is not None
    doomed._recorder._writing.cancel()
    await asyncio.gather(crash, doomed._recorder._writing, return_exceptions=True)
    assert _copies(mail_server, stories) == Counter({0: len(stories) - connections, 1: connections})
    await _sent_by_another(settings, database, stories)
    assert _copies(mail_server, stories) == Counter({1: len(stories) - connections, 2: connections})
    for story in stories:
        assert len({mail["Message-ID"] for mail in mail_server.about(story.number)}) == 1


async def test_a_mail_is_handed_over_anew_if_the_record_before_it_takes_long(
    settings: NotificationSettings,
    database: Database,
    mail_server: MailServer,
    stories: list[TicketEvents],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No server is kept waiting in the middle of a mail while the database is away, and no mail is blamed for it."""
    monkeypatch.setattr(recorder, "HELD_SECONDS", 0.05)
    queue, connections = LateQueue(database, LONG), mail_server.connections
    alone = settings.model_copy(update={"smtp_connections": 1})
    slow = Sender(queue, alone, _nothing_to_settle)
    sending = asyncio.create_task(slow._send_batch(await queue.claim()))
    (lane,) = slow._connections
    await eventually(lambda: lane._dialogue is not None and lane._dialogue._transport.is_closing())
    assert _copies(mail_server, stories)[1] == 1
    queue.may_commit.set()
    await sending
    assert _copies(mail_server, stories) == Counter({1: len(stories)})
    assert mail_server.connections == connections + 2
    assert await _outcomes(database, stories) == Counter({("sent", 1): len(stories)})
    await lane.close()


async def test_what_was_claimed_ahead_is_put_back_by_an_orderly_stop(
    settings: NotificationSettings,
    database: Database,
    mail_server: MailServer,
    stories: list[TicketEvents],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sender, "BATCH", 2)
    monkeypatch.setattr(mail_server, "delay", 0.05)
    running = asyncio.create_task(
        Sender(DeliveryQueue(database, LONG, drop_unseen), settings, _nothing_to_settle).run()
    )
    await eventually(lambda: 1 in _copies(mail_server, stories))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    sent = _copies(mail_server, stories)[1]
    assert sent < len(stories)
    assert await _outcomes(database, stories) == Counter({("sent", 1): sent, ("queued", 0): len(stories) - sent})


async def test_records_are_found_by_index_while_the_ledger_is_young(database: Database) -> None:
    """PostgreSQL keeps a plan that it made when there were few rows; it would read all of them when there are many."""
    given = {"sent_ids": [new_id() for _ in range(40)], "accepted_at": utc_now(), "answers": {}}
    async with database.connection() as connection:
        before = await connection.scalar(SCANS)
        for _ in range(10):  # after five PostgreSQL has a plan for whatever is given
            await connection.execute(MARK_SENT, given)
        assert await connection.scalar(SCANS) == before


async def test_batches_grow_with_the_speed_of_the_server() -> None:
    assert sender._next_size(40, 5.0) == BATCH
    assert sender._next_size(40, 0.1) == 200
    assert sender._next_size(40, 0.0) == sender.LARGEST_BATCH


class LetFollow:
    """Whether the content of a mail may follow, as a test says."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def may_follow(self) -> bool:
        return await self.answer


@pytest.mark.parametrize("is_pipelining", [True, False])
async def test_the_server_is_told_no_content_before_it_may_follow(is_pipelining: bool) -> None:
    async with serving({}, is_pipelining=is_pipelining) as (server, settings):
        connection, gate = MailConnection(settings), LetFollow()
        first = asyncio.create_task(connection.send(connection.mail(MAIL, ANA), gate))
        await eventually(lambda: "DATA" in server.heard)
        assert server.mails == []
        gate.answer.set_result(True)
        assert await first == "kept"
        withheld = LetFollow()
        second = asyncio.create_task(connection.send(connection.mail(MAIL, ANA), withheld))
        await eventually(lambda: server.heard.count("DATA") == 2)
        withheld.answer.set_result(False)
        with pytest.raises(MailWithheld):
            await second
        assert await connection.send(connection.mail(MAIL, ANA)) == "kept"
        assert server.connections == 2, "whose mail has no content is of no more use"
        assert server.mails == [MAIL + b".\r\n"] * 2
        await connection.close()


async def test_no_content_follows_after_a_failed_record_or_the_end_of_the_lease() -> None:
    held, over = HeldLease(LONG, asyncio.get_running_loop().time()), HeldLease(SHORT, 0.0)
    record: Record = asyncio.get_running_loop().create_future()
    gate = ContentAfterRecord(record, held)
    record.set_result(None)
    assert await gate.may_follow()
    assert not await ContentAfterRecord(record, over).may_follow()
    assert await ContentAfterRecord(None, held).may_follow()
    failed: Record = asyncio.get_running_loop().create_future()
    failed.set_exception(ValueError("no such row"))
    assert not await ContentAfterRecord(failed, held).may_follow()


async def _sent_by_another(settings: NotificationSettings, database: Database, stories: list[TicketEvents]) -> None:
    """A sender takes the dead one's mails over, once its leases have ended."""
    running = asyncio.create_task(
        Sender(DeliveryQueue(database, SHORT, drop_unseen), settings, _nothing_to_settle).run()
    )

    async def are_sent() -> None:
        assert {status for status, _ in await _outcomes(database, stories)} == {"sent"}

    try:
        await eventually(are_sent, within=15)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _copies(mail_server: MailServer, stories: Sequence[TicketEvents]) -> Counter[int]:
    """How many tickets have how many mails."""
    return Counter(len(mail_server.about(story.number)) for story in stories)


async def _outcomes(database: Database, stories: Sequence[TicketEvents]) -> Counter[tuple[str, int]]:
    """How many mails have which status after how many attempts."""
    theirs = Delivery.ticket_id.in_([story.ticket_id for story in stories])
    async with database.begin() as session:
        rows = await session.execute(select(Delivery.status, Delivery.attempts).where(theirs))
        return Counter((status, attempts) for status, attempts in rows)
