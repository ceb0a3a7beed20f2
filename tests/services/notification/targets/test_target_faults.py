"""Faults at every step of a message to an on-call service: none is lost, overtaken, or repeated but in the window."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, select, text, update

from services.notification.consumers import Notifier
from services.notification.models import Delivery, NotificationTarget
from services.notification.settings import NotificationSettings
from services.notification.targets import queue as target_queue
from services.notification.targets.queue import TargetQueue, TargetRefused
from services.notification.targets.secrets import TargetSecrets
from services.notification.targets.sender import TargetSender
from shared.kit.auth import MailThreads
from shared.kit.backoff import Backoff
from shared.kit.bus import Bus
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Database
from shared.kit.http.safe_client import FetchedResponse, SafeHttpClient
from shared.kit.requester_ids import RequesterIds
from tests.services.notification.ticket_events import TicketEvents
from tests.support.dying_process import ProcessEnded, StepCounter, SteppingDatabase
from tests.support.eventually import eventually

WINDOW_ENDS = "after its commit"


@dataclass
class Pager:
    """Stands for an on-call service: notes what it is told, and answers as it is told."""

    settings: NotificationSettings
    answers: list[int] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)
    """The id of each message and what it does: `trigger` or `resolve`."""

    def client(self, steps: StepCounter | None = None) -> SafeHttpClient:
        return PagerClient(self, steps or StepCounter())

    def count(self, delivery_id: str) -> int:
        return sum(one == delivery_id for one, _ in self.told)


class PagerClient(SafeHttpClient):
    """Counts each request before it is made and once it is answered."""

    def __init__(self, pager: Pager, steps: StepCounter) -> None:
        super().__init__()
        self._pager, self._steps = pager, steps

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> FetchedResponse:
        self._steps.reach("before the request")
        status = self._pager.answers.pop(0) if self._pager.answers else 202
        if status < 300:
            self._pager.told.append((headers["Idempotency-Key"], json.loads(body)["event_action"]))
        self._steps.reach("after the answer")
        return FetchedResponse(status, {}, b"ok")


@dataclass
class TargetScene:
    """The ledger, its senders, and one on-call service of a team of its own."""

    settings: NotificationSettings
    database: Database
    notifier: Notifier
    pager: Pager
    team: Any = None

    async def story(self) -> TicketEvents:
        """A ticket of the team that the pager is for, breached and then resolved."""
        story = TicketEvents(team=self.team)
        await self.notifier.on_events([story.submitted(), story.triaged(), story.breached()])
        await self.notifier.on_events([story.resolved()])
        return story

    def sender(self, steps: StepCounter | None = None) -> TargetSender:
        database = SteppingDatabase(self.database, steps) if steps else self.database
        return TargetSender(
            TargetQueue(database, TargetSecrets(self.settings)), self.pager.client(steps), "http://desk"
        )

    async def rows(self, story: TicketEvents) -> list[Delivery]:
        async with self.database.begin() as session:
            ours = (Delivery.ticket_id == story.ticket_id, Delivery.channel == "on_call")
            return list(await session.scalars(select(Delivery).where(*ours).order_by(Delivery.id)))

    async def due(self, story: TicketEvents) -> None:
        """Leases end and pauses are over."""
        async with self.database.begin() as session:
            theirs = (Delivery.ticket_id == story.ticket_id, Delivery.status.in_(["queued", "sending"]))
            await session.execute(update(Delivery).where(*theirs).values(next_attempt_at=utc_now()))
            await session.execute(update(NotificationTarget).values(failures=0, paused_until=None))

    async def send_all(self, story: TicketEvents, replicas: int = 2) -> None:
        running = [asyncio.create_task(self.sender().run()) for _ in range(replicas)]

        async def are_sent() -> None:
            assert {row.status for row in await self.rows(story)} == {"sent"}

        try:
            await eventually(are_sent, within=15)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def run_to_its_end(self, story: TicketEvents, steps: StepCounter) -> bool:
        """A process that ends at its step; False if it sent everything before that."""
        process = asyncio.create_task(self.sender(steps).run())

        async def is_over() -> None:
            sent = {row.status for row in await self.rows(story)} == {"sent"}
            assert process.done() or sent

        await eventually(is_over, within=15)
        has_died = process.done()
        process.cancel()
        with suppress(ProcessEnded, asyncio.CancelledError):
            await process
        return has_died


@pytest.fixture
async def scene(settings: NotificationSettings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TargetScene]:
    monkeypatch.setattr(target_queue, "RETRIES", Backoff((0.3,)))
    database = Database.connect(settings)
    threads, ids = MailThreads(settings, settings.mail_domain), RequesterIds(settings)
    notifier = Notifier(database, Bus(settings, "test"), threads, ids, on_commit=lambda: None)
    secrets, team = TargetSecrets(settings), TicketEvents().team
    target = NotificationTarget(id=new_id(), name="Pager", kind="pagerduty", team_id=team, version=1, failures=0)
    target.url = secrets.encrypt(target.id, "https://pager.example/v2/enqueue")
    target.secret = secrets.encrypt(target.id, "routing-key")
    target_id: UUID = target.id
    async with database.begin() as session:
        await session.execute(text("delete from deliveries"))
        session.add(target)
    yield TargetScene(settings, database, notifier, Pager(settings), team)
    async with database.begin() as session:
        await session.execute(delete(NotificationTarget).where(NotificationTarget.id == target_id))
        await session.execute(text("delete from deliveries"))
    await database.dispose()


async def test_a_sender_killed_at_any_step_loses_nothing_and_repeats_only_what_was_in_the_window(
    scene: TargetScene,
) -> None:
    """The alert and its end: after each kill two processes go on."""
    repeats: dict[str, set[int]] = {}
    for number in count():
        story = await scene.story()
        steps = StepCounter(number)
        if not await scene.run_to_its_end(story, steps):
            break
        await scene.due(story)
        await scene.send_all(story)
        first, second = await scene.rows(story)
        copies = [scene.pager.count(str(row.id)) for row in (first, second)]
        assert min(copies) >= 1
        repeats.setdefault(steps.passed[number], set()).add(sum(copies) - 2)
        ours = [what for one, what in scene.pager.told if one in (str(first.id), str(second.id))]
        assert ours == sorted(ours, reverse=True), "an end before its alert would leave the alert open"
    assert number > 8
    assert repeats["after the answer"] == {1}
    assert repeats["before the request"] == {0}
    assert max(max(counts) for counts in repeats.values()) == 1


async def test_the_end_of_an_alert_waits_for_the_retries_of_the_alert(scene: TargetScene) -> None:
    """Two processes, and a service that refuses the alert twice: its end never comes first."""
    scene.pager.answers = [503, 503]
    story = await scene.story()
    await scene.send_all(story)
    assert [what for _, what in scene.pager.told] == ["trigger", "resolve"]


@pytest.mark.parametrize("order", ["one batch", "two batches", "late", "withdrawn late"])
async def test_no_alert_stays_open_whatever_its_end_comes_with(scene: TargetScene, order: str) -> None:
    """The end comes later, in one batch with it, or first, as steps of two publishers do: what is over calls nobody."""
    story = TicketEvents(team=scene.team)
    await scene.notifier.on_events([story.submitted(), story.triaged()])
    breach = story.breached(seq=5)
    end = story.withdrawn(seq=6) if order == "withdrawn late" else story.resolved(seq=6)
    batches = {"one batch": [[breach, end]], "two batches": [[breach], [end]]}.get(order, [[end], [breach]])
    for batch in batches:
        await scene.notifier.on_events(batch)
    expected = ["trigger", "resolve"] if order == "two batches" else []
    if expected:
        await scene.send_all(story)
    assert [what for _, what in scene.pager.told] == expected
    assert len(await scene.rows(story)) == len(expected)


async def test_an_alert_after_the_ticket_was_reopened_is_told(scene: TargetScene) -> None:
    story = TicketEvents(team=scene.team)
    steps = [story.submitted(), story.triaged(), story.breached(seq=5), story.resolved(seq=6), story.reopened(seq=7)]
    await scene.notifier.on_events([*steps, story.breached(seq=8)])
    await scene.send_all(story)
    assert [what for _, what in scene.pager.told] == ["trigger"], "the one before the reopening was over"


async def test_a_second_process_does_not_send_the_end_while_the_first_sends_the_alert(scene: TargetScene) -> None:
    await scene.story()
    secrets = TargetSecrets(scene.settings)
    one, other = TargetQueue(scene.database, secrets), TargetQueue(scene.database, secrets)
    (alert,) = await one.claim()
    assert await other.claim() == []
    await one.mark_sent(alert, "HTTP 202")
    (end,) = await other.claim()
    assert end.template != alert.template


async def test_a_sender_that_was_paused_sends_nothing_and_puts_nothing_back(scene: TargetScene) -> None:
    story = await scene.story()
    sleeper = scene.sender()
    (job,) = await sleeper._queue.claim()
    await scene.due(story)
    await scene.send_all(story)
    await sleeper._send(replace(job, claimed_at=job.claimed_at - 60))
    assert await sleeper._queue.mark_refused(job, TargetRefused("HTTP 503", is_permanent=False)) is False
    assert [what for _, what in scene.pager.told] == ["trigger", "resolve"]
    assert {row.status for row in await scene.rows(story)} == {"sent"}
