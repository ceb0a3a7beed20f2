"""Faults at every step of a mail's delivery: none loses it, and only the documented window repeats it, once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.notification import consumers
from services.notification.consumers import Notifier
from services.notification.delivery.queue import MARK_SENT, DeliveryQueue, MailJob
from services.notification.delivery.sender import Sender
from services.notification.delivery.smtp import MailConnection
from services.notification.delivery.smtp_dialogue import ContentGate, OutgoingMail
from services.notification.errors import MailRefused
from services.notification.models import Delivery
from services.notification.recipients.held_mails import drop_unseen
from services.notification.recipients.settling import RecordedDecisions, record_decisions
from services.notification.settings import NotificationSettings
from shared.kit.auth import MailThreads
from shared.kit.bus import Bus
from shared.kit.clock import utc_now
from shared.kit.db import Database
from shared.kit.requester_ids import RequesterIds
from tests.services.notification.mail_server import MailServer
from tests.services.notification.ticket_events import TicketEvents
from tests.support.eventually import eventually

SHORT = timedelta(seconds=1)


class Killed(Exception):
    """Stands for the end of the process."""


@dataclass
class Killer:
    """Stops whoever passes the fault point for ever, as a killed process stops."""

    def __post_init__(self) -> None:
        self.has_struck = asyncio.Event()

    async def strike(self) -> None:
        self.has_struck.set()
        await asyncio.Event().wait()


class FaultyQueue(DeliveryQueue):
    """Ends in the record of an accepted mail: before it, inside its transaction, or after its commit."""

    def __init__(self, database: Database, killer: Killer, point: str) -> None:
        super().__init__(database, SHORT, drop_unseen)
        self._killer, self._point = killer, point

    async def mark_sent(self, accepted: Sequence[tuple[MailJob, str]]) -> None:
        if self._point == "recording":
            async with self._database.begin() as session:
                ids = [job.id for job, _ in accepted]
                values = {"sent_ids": ids, "accepted_at": utc_now(), "answers": {}}
                await (await session.connection()).execute(MARK_SENT, values)
                await self._killer.strike()
        await super().mark_sent(accepted)
        await self._killer.strike()


class FaultyConnection(MailConnection):
    """Ends before the server is asked, or after it accepted and before anybody read that."""

    def __init__(self, settings: NotificationSettings, killer: Killer, point: str) -> None:
        super().__init__(settings)
        self._killer, self._point = killer, point

    async def send(
        self, mail: OutgoingMail, gate: ContentGate | None = None, following: OutgoingMail | None = None
    ) -> str:
        if self._point == "composed":
            await self._killer.strike()
        answer = await super().send(mail, gate, following)
        if self._point == "accepted":
            await self._killer.strike()
        return answer


@pytest.fixture
async def database(settings: NotificationSettings) -> AsyncIterator[Database]:
    database = Database.connect(settings)
    yield database
    await database.dispose()


async def _nothing_to_settle() -> None: ...


@dataclass
class FaultScene:
    """The service's parts, of which each fault kills one."""

    settings: NotificationSettings
    database: Database
    notifier: Notifier
    monkeypatch: pytest.MonkeyPatch

    async def consumer_before_commit(self, story: TicketEvents) -> None:
        async def dies(*of: Any) -> RecordedDecisions:
            await record_decisions(*of)
            raise Killed

        with self.monkeypatch.context() as patch:
            patch.setattr(consumers, "record_decisions", dies)
            with pytest.raises(Killed):
                await self.notifier.on_events([story.submitted()])

    async def claimed(self, story: TicketEvents) -> None:
        await self._decided(story)
        assert story.number in [job.number for job in await DeliveryQueue(self.database, SHORT, drop_unseen).claim()]

    async def at(self, point: str, story: TicketEvents) -> None:
        """Sends the story's mail until the process is killed at the point."""
        await self._decided(story)
        killer = Killer()
        queue = FaultyQueue(self.database, killer, point)
        doomed = Sender(queue, self.settings, _nothing_to_settle)
        doomed._connections = [FaultyConnection(self.settings, killer, point)]
        jobs = [job for job in await queue.claim() if job.number == story.number]
        assert jobs
        crash = asyncio.create_task(doomed._send_batch(jobs))
        async with asyncio.timeout(10):
            await killer.has_struck.wait()
        crash.cancel()
        writing = doomed._recorder._writing
        if writing is not None:
            writing.cancel()
        await asyncio.gather(crash, *([writing] if writing else []), return_exceptions=True)

    async def _decided(self, story: TicketEvents) -> None:
        event = story.submitted()
        await self.notifier.on_events([event])
        await self.notifier.on_events([event])  # the consumer died before it acknowledged


FAULTS: dict[str, tuple[Callable[[FaultScene, TicketEvents], Awaitable[None]], int]] = {
    "in the consumer's transaction": (FaultScene.consumer_before_commit, 1),
    "after the claim": (FaultScene.claimed, 1),
    "composed, the server not asked": (lambda scene, story: scene.at("composed", story), 1),
    "accepted, the answer not read": (lambda scene, story: scene.at("accepted", story), 2),
    "in the record's transaction": (lambda scene, story: scene.at("recording", story), 2),
    "after the record": (lambda scene, story: scene.at("recorded", story), 1),
}
"""Each fault point with the number of copies that arrive: two only between the server's acceptance and its record."""


async def test_a_sender_that_was_paused_sends_nothing_that_was_taken_over(
    settings: NotificationSettings, database: Database, mail_server: MailServer
) -> None:
    """It claimed, was stopped for longer than its lease, and goes on when another has sent everything."""
    threads, ids = MailThreads(settings, settings.mail_domain), RequesterIds(settings)
    notifier = Notifier(database, Bus(settings, "test"), threads, ids, on_commit=lambda: None)
    stories = [TicketEvents() for _ in range(5)]
    await notifier.on_events([story.submitted() for story in stories])
    numbers = {story.number for story in stories}
    queue = DeliveryQueue(database, SHORT, drop_unseen)
    jobs = [job for job in await queue.claim(1000) if job.number in numbers]
    assert len(jobs) == len(stories)
    successor = asyncio.create_task(
        Sender(DeliveryQueue(database, SHORT, drop_unseen), settings, _nothing_to_settle).run()
    )

    async def are_sent() -> None:
        async with database.begin() as session:
            ours = [story.ticket_id for story in stories]
            states = await session.scalars(select(Delivery.status).where(Delivery.ticket_id.in_(ours)))
            assert list(states) == ["sent"] * len(stories)

    try:
        await eventually(are_sent, within=15)
    finally:
        successor.cancel()
        await asyncio.gather(successor, return_exceptions=True)
    sleeper = Sender(queue, settings, _nothing_to_settle)
    await sleeper._send_batch([replace(job, claimed_at=job.claimed_at - 60) for job in jobs])
    assert [len(mail_server.about(story.number)) for story in stories] == [1] * len(stories)
    assert await queue.mark_refused(jobs[0], MailRefused("later", is_permanent=False)) is False
    await are_sent()


async def test_no_fault_loses_a_mail_and_only_the_window_repeats_one(
    settings: NotificationSettings, database: Database, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads, ids = MailThreads(settings, settings.mail_domain), RequesterIds(settings)
    notifier = Notifier(database, Bus(settings, "test"), threads, ids, on_commit=lambda: None)
    scene = FaultScene(settings, database, notifier, monkeypatch)
    stories = {name: TicketEvents() for name in FAULTS}
    for name, (fault, _) in FAULTS.items():
        await fault(scene, stories[name])
    await notifier.on_events([stories["in the consumer's transaction"].submitted()])
    successor = Sender(DeliveryQueue(database, SHORT, drop_unseen), settings, _nothing_to_settle)
    running = asyncio.create_task(successor.run())

    async def all_are_sent() -> None:
        async with database.begin() as session:
            ours = [story.ticket_id for story in stories.values()]
            states = await session.scalars(select(Delivery.status).where(Delivery.ticket_id.in_(ours)))
            assert list(states) == ["sent"] * len(stories)

    try:
        await eventually(all_are_sent, within=15)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    copies = {name: mail_server.about(story.number) for name, story in stories.items()}
    assert {name: len(mails) for name, mails in copies.items()} == {name: count for name, (_, count) in FAULTS.items()}
    assert all(len({mail["Message-ID"] for mail in mails}) == 1 for mails in copies.values())
