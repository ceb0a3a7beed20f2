"""Faults at every step of a webhook's delivery: no event is lost, overtaken, or repeated but in the window.

The window is the time between the endpoint's answer and its record; what is repeated carries the same id.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.notification.event_feed.recorder import FeedRecorder
from services.notification.settings import NotificationSettings
from services.notification.webhooks import dispatcher as dispatching
from services.notification.webhooks import ledger as ledgers
from services.notification.webhooks.attempts import AttemptOutcome, AttemptResult
from services.notification.webhooks.commands import WebhookCommands
from services.notification.webhooks.dispatcher import WebhookDispatcher
from services.notification.webhooks.ledger import WebhookJob, WebhookLedger
from services.notification.webhooks.schemas import CreateWebhook, ReplayEvents
from services.notification.webhooks.signing import WebhookSecrets, written
from shared.contracts.events import Envelope
from shared.kit.administrator_passes import Administrator
from shared.kit.backoff import Backoff
from shared.kit.db import Database
from shared.kit.http.problems import Problem
from shared.kit.http.safe_client import FetchedResponse, SafeHttpClient
from shared.kit.requester_ids import RequesterIds
from tests.services.notification.ticket_events import TicketEvents
from tests.services.notification.webhooks.webhook_receiver import OK, WebhookReceiver, receiving
from tests.support.dying_process import ProcessEnded, StepCounter, SteppingDatabase
from tests.support.eventually import eventually

SOMEBODY = Administrator("", "Test", "127.0.0.1")
IN_THE_WINDOW = ("after the answer", "before a transaction")
BUSY = ("503 Service Unavailable", b"busy")


@pytest.fixture
async def database(settings: NotificationSettings) -> AsyncIterator[Database]:
    database = Database.connect(settings)
    yield database
    await database.dispose()


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "RETRIES", Backoff((0.05,)))
    monkeypatch.setattr(ledgers, "CIRCUIT", Backoff((0.1,)))
    monkeypatch.setattr(dispatching, "SOONEST_SECONDS", 0.02)
    monkeypatch.setattr(dispatching, "IDLE_SECONDS", 0.02)


class SteppingHttp(SafeHttpClient):
    """Counts each request before it is made and once it is answered."""

    def __init__(self, settings: NotificationSettings, steps: StepCounter) -> None:
        super().__init__(settings.outgoing_allowed_networks)
        self._steps = steps

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> FetchedResponse:
        self._steps.reach("before the request")
        answer = await super().post(url, body, headers)
        self._steps.reach("after the answer")
        return answer


@dataclass
class WebhookScene:
    """The parts of the service that webhooks need, and one endpoint."""

    settings: NotificationSettings
    database: Database
    receiver: WebhookReceiver
    webhook_id: UUID

    def commands(self, session: Any) -> WebhookCommands:
        return WebhookCommands(session, SOMEBODY, WebhookSecrets(self.settings))

    def ledger(self, database: Database | None = None) -> WebhookLedger:
        return WebhookLedger(database or self.database, WebhookSecrets(self.settings))

    def process(self, steps: StepCounter | None = None) -> WebhookDispatcher:
        """The sender of a process of its own; one that is counted can end at a step."""
        if steps is None:
            return WebhookDispatcher(self.ledger(), SafeHttpClient(self.settings.outgoing_allowed_networks))
        counted = self.ledger(SteppingDatabase(self.database, steps))
        return WebhookDispatcher(counted, SteppingHttp(self.settings, steps))

    async def work(self, steps: StepCounter) -> None:
        """A process that sends until nothing is due. Raises ProcessEnded at its step."""
        process = self.process(steps)
        process._start(self.webhook_id)
        await process._workers[self.webhook_id]

    async def record(self, *events: Envelope) -> None:
        """Appends events to the feed, which decides their deliveries."""
        ids, kept = RequesterIds(self.settings), timedelta(days=7)
        recorder = FeedRecorder(self.database, ids, kept, lambda: None, lambda: None)
        await recorder.on_events(events)

    async def leases_end(self) -> None:
        query = "update webhook_deliveries set next_attempt_at = now() where webhook_id = :id and status = 'sending'"
        async with self.database.single() as connection:
            await connection.execute(text(query), {"id": self.webhook_id})

    async def states(self) -> list[str]:
        query = "select status from webhook_deliveries where webhook_id = :id order by position"
        async with self.database.single() as connection:
            return list(await connection.scalars(text(query), {"id": self.webhook_id}))

    async def deliver_all(self, replicas: int = 2) -> None:
        """As many processes as said send until nothing is left."""
        processes = [self.process() for _ in range(replicas)]
        running = [asyncio.create_task(one.run()) for one in processes]

        async def are_delivered() -> None:
            assert set(await self.states()) == {"delivered"}

        try:
            await eventually(are_delivered, within=20)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def copies(self, *events: Envelope) -> Counter[str]:
        ours = {event.id for event in events}
        return Counter(one.id for one in self.receiver.accepted if one.id in ours)

    def check_order(self, story: TicketEvents) -> None:
        """Nothing about a ticket came before what happened earlier; a repeated event stands beside itself."""
        seqs = [one.envelope["data"]["seq"] for one in self.receiver.of(story.ticket_id)]
        assert seqs == sorted(seqs)


@pytest.fixture
async def scene(settings: NotificationSettings, database: Database) -> AsyncIterator[WebhookScene]:
    async with receiving() as receiver:
        wanted = CreateWebhook(name="Faults", url=receiver.url, types=["ticket.*"])
        async with database.begin() as session:
            commands = WebhookCommands(session, SOMEBODY, WebhookSecrets(settings))
            made, secret = await commands.create(wanted)
        receiver.secret = written(secret)
        yield WebhookScene(settings, database, receiver, made.id)
        async with database.begin() as session:
            await WebhookCommands(session, SOMEBODY, WebhookSecrets(settings)).remove(made.id)


@pytest.mark.parametrize("width", [1, 4])
async def test_a_sender_killed_at_any_step_loses_no_event_and_repeats_only_what_was_in_the_window(
    scene: WebhookScene, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three events of one ticket and one of another; after each kill two processes go on.

    One at a time, the count is exact; with several under way, each of them may be in its window.
    """
    monkeypatch.setattr(dispatching, "WIDTH", width)
    repeats: dict[str, list[int]] = {}
    for number in count():
        story, other = TicketEvents(), TicketEvents()
        events = [story.opened(), story.triaged(), story.assigned(), other.opened()]
        await scene.record(*events)
        steps = StepCounter(number)
        with suppress(ProcessEnded):
            await scene.work(steps)
        if len(steps.passed) <= number:
            break
        await scene.leases_end()
        await scene.deliver_all()
        copies = scene.copies(*events)
        assert set(copies) == {event.id for event in events}, steps.passed
        assert set(copies.values()) <= {1, 2}
        repeats.setdefault(steps.passed[number], []).append(sum(copies.values()) - len(events))
        scene.check_order(story)
    assert sum(len(counts) for counts in repeats.values()) > 20
    if width == 1:
        assert {step: set(counts) for step, counts in repeats.items()} == {
            step: {1} if step in IN_THE_WINDOW else {0} for step in repeats
        }
    else:
        assert max(max(counts) for counts in repeats.values()) <= 2


async def claimed(scene: WebhookScene, ledger: WebhookLedger) -> WebhookJob:
    (job,) = await ledger.claim(scene.webhook_id, 1)
    return job


async def test_a_sender_that_was_paused_sends_nothing_that_was_taken_over(scene: WebhookScene) -> None:
    """It claimed, slept longer than its lease, and wakes when the others have delivered that and what came after."""
    story = TicketEvents()
    events = [story.opened(), story.triaged(), story.assigned()]
    await scene.record(*events)
    sleeper = scene.process()
    ((job, endpoint),) = await sleeper._claim(scene.webhook_id, dispatching.WIDTH - 1)
    await scene.leases_end()
    await scene.deliver_all()
    await sleeper._deliver(endpoint, replace(job, claimed_at=job.claimed_at - 60))
    assert scene.copies(*events) == Counter({event.id: 1 for event in events})
    scene.check_order(story)


@pytest.mark.parametrize("outcome", [AttemptOutcome.DELIVERED, AttemptOutcome.FAILED, AttemptOutcome.GONE])
async def test_the_late_word_of_a_paused_sender_changes_nothing(scene: WebhookScene, outcome: AttemptOutcome) -> None:
    """Others have delivered the event: it is not sent again, its endpoint not blamed, and what follows not delayed."""
    story = TicketEvents()
    events = [story.opened(), story.triaged(), story.assigned()]
    await scene.record(events[0])
    late = scene.ledger()
    job = await claimed(scene, late)
    await scene.leases_end()
    await scene.deliver_all(1)
    await scene.record(*events[1:])
    await late.settle(job, AttemptResult(outcome, 503, retry_after=timedelta(hours=5)), 0)
    query = "select state, failures from webhooks where id = :id"
    async with scene.database.single() as connection:
        assert tuple((await connection.execute(text(query), {"id": scene.webhook_id})).one()) == ("active", 0)
    await scene.deliver_all(1)
    assert scene.copies(*events) == Counter({event.id: 1 for event in events})


async def test_a_process_that_stops_gives_back_only_what_is_still_its_own(scene: WebhookScene) -> None:
    """It was paused and taken over: putting its claim back must not take the event from who sends it now."""
    story = TicketEvents()
    event = story.opened()
    await scene.record(event)
    stopping, living = scene.ledger(), scene.ledger()
    mine = await claimed(scene, stopping)
    await scene.leases_end()
    theirs = await claimed(scene, living)
    await stopping.release([mine])
    assert await living.claim(scene.webhook_id, 1) == []
    await living.settle(theirs, AttemptResult(AttemptOutcome.DELIVERED, 204), 0)
    assert await scene.states() == ["delivered"]


async def test_what_was_accepted_while_its_endpoint_was_disabled_is_not_sent_again(scene: WebhookScene) -> None:
    first, second = TicketEvents(), TicketEvents()
    await scene.record(first.opened(), second.opened())
    ledger = scene.ledger()
    gone, taken = await ledger.claim(scene.webhook_id, 2)
    await ledger.settle(gone, AttemptResult(AttemptOutcome.GONE, 410), 0)
    await ledger.settle(taken, AttemptResult(AttemptOutcome.DELIVERED, 204), 0)
    assert await scene.states() == ["failed", "delivered"]


async def test_a_secret_that_changes_while_an_event_is_under_way_loses_nothing(scene: WebhookScene) -> None:
    story = TicketEvents()
    events = [story.opened(), story.triaged(), story.assigned()]
    await scene.record(*events)
    scene.receiver.hold.clear()
    sending = asyncio.create_task(scene.deliver_all())

    async def is_under_way() -> None:
        assert "sending" in await scene.states()

    await eventually(is_under_way)
    async with scene.database.begin() as session:
        _, secret = await scene.commands(session).rotate(scene.webhook_id, timedelta())
    scene.receiver.secret = written(secret)
    scene.receiver.hold.set()
    await sending
    assert scene.receiver.forged <= 1, "what was signed before is refused once and signed anew"
    assert scene.copies(*events) == Counter({event.id: 1 for event in events})
    scene.check_order(story)


async def test_what_is_under_way_is_not_replayed_beside_itself(scene: WebhookScene) -> None:
    story = TicketEvents()
    events = [story.opened(), story.triaged()]
    await scene.record(*events)
    scene.receiver.hold.clear()
    sending = asyncio.create_task(scene.deliver_all())

    async def is_under_way() -> None:
        assert "sending" in await scene.states()

    await eventually(is_under_way)
    async with scene.database.begin() as session:
        commands = scene.commands(session)
        assert await commands.replay(scene.webhook_id, ReplayEvents(which="all")) == 0
        query = text("select id from webhook_deliveries where webhook_id = :id order by position limit 1")
        delivery = await session.scalar(query, {"id": scene.webhook_id})
        with pytest.raises(Problem, match="sending"):
            await commands.replay_one(scene.webhook_id, delivery)
    scene.receiver.hold.set()
    await sending
    assert scene.copies(*events) == Counter({event.id: 1 for event in events})


async def test_an_endpoint_that_is_gone_in_the_middle_gets_nothing_until_it_is_enabled_and_then_all(
    scene: WebhookScene,
) -> None:
    """The second of three answers 410 to one of two processes; later all that was not delivered comes in order."""
    story = TicketEvents()
    events = [story.opened(), story.triaged(), story.assigned()]
    scene.receiver.answer = lambda one: ("410 Gone", b"") if one.id == events[1].id else OK
    await scene.record(*events)
    running = [asyncio.create_task(scene.process().run()) for _ in range(2)]

    async def is_over() -> None:
        assert await scene.states() == ["delivered", "failed", "dropped"]

    await eventually(is_over)
    scene.receiver.answer = lambda _: OK
    async with scene.database.begin() as session:
        await scene.commands(session).enable(scene.webhook_id)
        assert await scene.commands(session).replay(scene.webhook_id, ReplayEvents()) == 2
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await scene.deliver_all()
    assert scene.copies(*events) == Counter({event.id: 1 for event in events})
    scene.check_order(story)


async def test_one_event_of_a_ticket_is_under_way_though_earlier_ones_are_replayed(scene: WebhookScene) -> None:
    """The third is on its way when the first two are sent again; a fourth comes live, and is last."""
    story = TicketEvents()
    events = [story.opened(), story.triaged(), story.assigned()]
    await scene.record(*events[:2])
    await scene.deliver_all()
    await scene.record(events[2])
    ledger = scene.ledger()
    under_way = await claimed(scene, ledger)
    async with scene.database.begin() as session:
        assert await scene.commands(session).replay(scene.webhook_id, ReplayEvents(which="all")) == 2
    assert await scene.ledger().claim(scene.webhook_id, 4) == []
    await ledger.settle(under_way, AttemptResult(AttemptOutcome.DELIVERED, 204), 0)
    await scene.record(story.released())
    await scene.deliver_all()
    assert [one.envelope["data"]["seq"] for one in scene.receiver.of(story.ticket_id)] == [1, 2, 1, 2, 4]


async def test_a_process_that_dies_with_the_newest_event_holds_up_no_replay_for_longer_than_its_lease(
    scene: WebhookScene,
) -> None:
    story = TicketEvents()
    events = [story.opened(), story.triaged()]
    await scene.record(events[0])
    await scene.deliver_all()
    await scene.record(events[1])
    await claimed(scene, scene.ledger())
    async with scene.database.begin() as session:
        await scene.commands(session).replay(scene.webhook_id, ReplayEvents(which="all"))
    await scene.leases_end()
    await scene.deliver_all()
    assert [one.envelope["data"]["seq"] for one in scene.receiver.of(story.ticket_id)] == [1, 1, 2]
