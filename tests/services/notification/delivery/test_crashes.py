"""What a crash between any two steps of the sender leaves behind.

The ledger is looked at for a test's own tickets only: a process that follows the stream also writes down what other
tests announced.
"""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, text

from services.notification.consumers import Notifier
from services.notification.delivery.queue import DeliveryQueue, MailJob
from services.notification.delivery.sender import Sender
from services.notification.models import Delivery, NotificationTarget
from services.notification.recipients.held_mails import drop_unseen
from services.notification.settings import NotificationSettings
from services.notification.targets import queue as target_queue
from services.notification.targets.queue import TargetQueue
from services.notification.targets.secrets import TargetSecrets
from shared.kit.auth import MailThreads
from shared.kit.bus import Bus
from shared.kit.clock import new_id
from shared.kit.db import Database
from shared.kit.requester_ids import RequesterIds
from tests.services.notification.mail_server import MailServer
from tests.services.notification.ticket_events import TicketEvents
from tests.support.eventually import eventually

SHORT = timedelta(seconds=0.5)


@pytest.fixture
async def database(settings: NotificationSettings) -> AsyncIterator[Database]:
    database = Database.connect(settings)
    async with database.begin() as session:
        await session.execute(text("delete from deliveries"))
    yield database
    await database.dispose()


@pytest.fixture
async def notifier(settings: NotificationSettings, database: Database) -> Notifier:
    """The consumer's side alone: decides, and nobody sends."""
    bus = Bus(settings, "test")
    threads = MailThreads(settings, settings.mail_domain)
    return Notifier(database, bus, threads, RequesterIds(settings), on_commit=lambda: None)


async def _nothing_to_settle() -> None: ...


@asynccontextmanager
async def sending(queue: DeliveryQueue, settings: NotificationSettings) -> AsyncIterator[Sender]:
    """A sender at work, stopped in order at the end."""
    sender = Sender(queue, settings, _nothing_to_settle)
    task = asyncio.create_task(sender.run())
    try:
        yield sender
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class DiesBeforeRecording(DeliveryQueue):
    """The process is gone after the server's 250 and before the row says so."""

    async def mark_sent(self, accepted: Sequence[tuple[MailJob, str]]) -> None:
        self.died = True
        await asyncio.Event().wait()

    died = False


async def test_a_claim_of_a_dead_sender_runs_out(
    settings: NotificationSettings, database: Database, notifier: Notifier, mail_server: MailServer
) -> None:
    story = TicketEvents()
    await notifier.on_events([story.submitted()])
    queue = DeliveryQueue(database, SHORT, drop_unseen)
    assert [job.number for job in await queue.claim()] == [story.number]
    assert await queue.claim() == []
    async with sending(queue, settings):
        await eventually(lambda: mail_server.about(story.number))
        await eventually(lambda: _are_sent(database, [story]), within=5)
    assert len(mail_server.about(story.number)) == 1


async def test_a_crash_before_the_record_repeats_the_same_mail(
    settings: NotificationSettings, database: Database, notifier: Notifier, mail_server: MailServer
) -> None:
    story = TicketEvents()
    await notifier.on_events([story.submitted()])
    dying = DiesBeforeRecording(database, SHORT, drop_unseen)
    doomed = Sender(dying, settings, _nothing_to_settle)
    jobs = await dying.claim()
    crash = asyncio.create_task(doomed._send_batch(jobs))
    await eventually(lambda: dying.died)
    crash.cancel()
    await asyncio.gather(crash, return_exceptions=True)

    async with sending(DeliveryQueue(database, SHORT, drop_unseen), settings):
        await eventually(lambda: len(mail_server.about(story.number)) == 2)
        await eventually(lambda: _are_sent(database, [story]))
    first, second = mail_server.about(story.number)
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Date"] == second["Date"]


async def test_a_living_sender_keeps_its_claims_however_slow_the_server_is(
    settings: NotificationSettings, database: Database, notifier: Notifier
) -> None:
    story = TicketEvents()
    await notifier.on_events([story.submitted()])
    queue = DeliveryQueue(database, SHORT, drop_unseen)
    jobs = await queue.claim()
    loop = asyncio.get_running_loop()
    async with queue.keeping(jobs):
        until = loop.time() + 3 * SHORT.total_seconds()
        while loop.time() < until:
            assert await queue.claim() == []
            await asyncio.wait([asyncio.create_task(asyncio.Event().wait())], timeout=0.1)


async def test_a_message_to_a_target_is_kept_while_its_sender_lives_and_taken_over_when_it_died(
    settings: NotificationSettings, database: Database, notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target_queue, "LEASE", SHORT)
    story, secrets = TicketEvents(), TargetSecrets(settings)
    target = NotificationTarget(id=new_id(), name="Pager", kind="generic", team_id=story.team, version=1, failures=0)
    target.url = secrets.encrypt(target.id, "http://127.0.0.1:9/")
    async with database.begin() as session:
        session.add(target)
        await session.flush()
        session.expunge(target)
    await notifier.on_events([*story.people(), story.submitted(), story.triaged(), story.breached()])
    living, other = TargetQueue(database, secrets), TargetQueue(database, secrets)
    (job,) = await living.claim()
    loop = asyncio.get_running_loop()
    async with living.keeping(job):
        until = loop.time() + 3 * SHORT.total_seconds()
        while loop.time() < until:
            assert await other.claim() == []
            await asyncio.wait([asyncio.create_task(asyncio.Event().wait())], timeout=0.1)
    died = loop.time()
    taken_over = await eventually(other.claim, within=5)
    assert [one.id for one in taken_over] == [job.id]
    assert loop.time() - died < 4
    async with database.begin() as session:
        await session.execute(delete(NotificationTarget).where(NotificationTarget.id == target.id))


async def test_two_senders_share_the_work_and_send_nothing_twice(
    settings: NotificationSettings, database: Database, notifier: Notifier, mail_server: MailServer
) -> None:
    stories = [TicketEvents() for _ in range(60)]
    await notifier.on_events([story.submitted() for story in stories])
    async with (
        sending(DeliveryQueue(database, SHORT, drop_unseen), settings),
        sending(DeliveryQueue(database, SHORT, drop_unseen), settings),
    ):
        await eventually(lambda: _are_sent(database, stories), within=20)
    assert {len(mail_server.about(story.number)) for story in stories} == {1}


async def test_an_orderly_stop_finishes_the_mail_under_way_and_puts_the_rest_back(
    settings: NotificationSettings, database: Database, notifier: Notifier, mail_server: MailServer
) -> None:
    stories = [TicketEvents() for _ in range(60)]
    await notifier.on_events([story.submitted() for story in stories])
    async with sending(DeliveryQueue(database, SHORT, drop_unseen), settings):
        await eventually(lambda: any(mail_server.about(story.number) for story in stories), within=30)
    counts = await _statuses(database, stories)
    sent = sum(len(mail_server.about(story.number)) for story in stories)
    assert counts == Counter(sent=sent, queued=60 - sent)


@pytest.mark.chaos
async def test_kill_9_in_the_middle_loses_no_mail(
    settings: NotificationSettings,
    database: Database,
    mail_server: MailServer,
    service_environment: object,
) -> None:
    assert callable(service_environment)
    environment = service_environment("notification") | {
        "EVERDESK_SMTP_PORT": str(mail_server.port),
        "EVERDESK_PORT": "0",
        "EVERDESK_STREAM_MAX_BYTES": str(settings.stream_max_bytes),
    }
    stories = [TicketEvents() for _ in range(60)]
    bus = Bus(settings, "test")
    await bus.start()
    await bus.jetstream()
    process = await _start(environment)
    try:
        mail_server.delay = 0.05
        await bus.publish_all([story.submitted() for story in stories])
        await eventually(lambda: _are_known(database, stories), within=60)
        await eventually(lambda: any(mail_server.about(story.number) for story in stories), within=30)
        process.kill()
        await process.wait()
        assert not all(mail_server.about(story.number) for story in stories)
        mail_server.delay = 0.0
        process = await _start(environment)
        await eventually(lambda: all(mail_server.about(story.number) for story in stories), within=60)
        await eventually(lambda: _are_sent(database, stories), within=20)
    finally:
        process.kill()
        await process.wait()
        await bus.stop()
    for story in stories:
        assert len({mail["Message-ID"] for mail in mail_server.about(story.number)}) == 1
    doubled = Counter(len(mail_server.about(story.number)) for story in stories)[2]
    assert doubled <= settings.smtp_connections


HASTY = """
from datetime import timedelta
from services.notification import main
from services.notification.delivery import sender
sender.LEASE = timedelta(seconds=2)
main.main()
"""
"""The process as it is, but that others take over the mails of a dead one after two seconds, not after ten."""


async def _start(environment: dict[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", HASTY, "serve", env=environment, stdout=subprocess.DEVNULL
    )


async def _are_known(database: Database, stories: Sequence[TicketEvents]) -> bool:
    """Whether each has its mail in the ledger."""
    return (await _statuses(database, stories)).total() == len(stories)


async def _are_sent(database: Database, stories: Sequence[TicketEvents]) -> bool:
    """Whether the mail of each is sent."""
    return await _statuses(database, stories) == Counter(sent=len(stories))


async def _statuses(database: Database, stories: Sequence[TicketEvents]) -> Counter[str]:
    """How many mails about these tickets the ledger has in each status."""
    theirs = Delivery.ticket_id.in_([story.ticket_id for story in stories])
    async with database.begin() as session:
        return Counter(await session.scalars(select(Delivery.status).where(theirs)))
