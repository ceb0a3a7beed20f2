"""The consumer: batches, single events when a batch fails, pauses for the world, dead letters for the hopeless."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.contracts.events import Envelope
from shared.contracts.names import STREAM
from shared.kit import inbox
from shared.kit.backoff import Backoff
from shared.kit.bus import Bus, Consumer, DeadLetters, NotYet, PartialFailure, Unavailable, run_consumer
from shared.kit.bus import consumer as consumer_module
from shared.kit.clock import new_id
from shared.kit.db import Database
from tests.kit.events import enveloped, version_of
from tests.support.eventually import eventually

Handle = Callable[[list[Envelope]], Awaitable[None]]


@asynccontextmanager
async def consuming(
    bus: Bus, topic_id: UUID, handle: Handle, batch: int = 100, **options: Any
) -> AsyncIterator[Consumer]:
    name = f"test-{topic_id.hex[-12:]}"
    consumer = Consumer(name, (f"everdesk.topic.changed.v1.{topic_id}",), handle, batch, **options)
    task = asyncio.create_task(run_consumer(bus, consumer))
    try:
        yield consumer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_module, "EVENT_FAILED", Backoff((0.01, 0.01, 0.01, 0.01)))
    monkeypatch.setattr(consumer_module, "EVENT_NOT_YET", Backoff((0.05,)))
    monkeypatch.setattr(consumer_module, "DEPENDENCY", Backoff((0.01, 0.05)))


async def test_every_event_is_handled_in_batches(bus: Bus) -> None:
    topic_id, seen, sizes = new_id(), list[int](), list[int]()

    async def handle(envelopes: list[Envelope]) -> None:
        sizes.append(len(envelopes))
        seen.extend(version_of(each) for each in envelopes)

    await bus.jetstream()
    await bus.publish_all([enveloped(number, topic_id) for number in range(250)])
    async with consuming(bus, topic_id, handle):
        await eventually(lambda: seen == list(range(250)))
    assert max(sizes) > 1


async def test_an_event_reaches_an_idle_consumer_at_once(bus: Bus) -> None:
    topic_id, seen = new_id(), list[int]()

    async def handle(envelopes: list[Envelope]) -> None:
        seen.extend(version_of(each) for each in envelopes)

    async with consuming(bus, topic_id, handle):
        for number in range(3):
            await bus.jetstream()
            await bus.publish_all([enveloped(number, topic_id)])
            await eventually(lambda: len(seen) > number, within=2)  # noqa: B023 - awaited before the next round


async def test_a_consumer_that_lingers_takes_a_full_batch_at_once(bus: Bus) -> None:
    topic_id, seen = new_id(), list[int]()

    async def handle(envelopes: list[Envelope]) -> None:
        seen.extend(version_of(each) for each in envelopes)

    await bus.jetstream()
    async with consuming(bus, topic_id, handle, batch=3, linger=60.0):
        await bus.publish_all([enveloped(number, topic_id) for number in range(6)])
        await eventually(lambda: seen == list(range(6)))


async def test_one_bad_event_is_buried_and_delays_no_other(bus: Bus) -> None:
    topic_id, seen, attempts = new_id(), list[int](), list[int]()

    async def handle(envelopes: list[Envelope]) -> None:
        if any(version_of(each) == 7 for each in envelopes):
            attempts.append(len(envelopes))
            raise ValueError("seven is not a topic")
        seen.extend(version_of(each) for each in envelopes)

    await bus.jetstream()
    await bus.publish_all([enveloped(number, topic_id) for number in range(10)])
    letters = DeadLetters(bus)
    async with consuming(bus, topic_id, handle) as consumer:
        await eventually(lambda: sorted(seen) == [0, 1, 2, 3, 4, 5, 6, 8, 9])
        buried = await eventually(lambda: letters.list(consumer=consumer.name))
    assert [each.attempts for each in buried] == [5]
    assert "seven is not a topic" in buried[0].error


async def test_a_replayed_dead_letter_reaches_its_consumer_alone(bus: Bus) -> None:
    topic_id, is_mended, seen, others = new_id(), False, list[int](), list[int]()

    async def handle(envelopes: list[Envelope]) -> None:
        if not is_mended:
            raise ValueError("broken")
        seen.extend(version_of(each) for each in envelopes)

    async def other(envelopes: list[Envelope]) -> None:
        others.extend(version_of(each) for each in envelopes)

    await bus.jetstream()
    letters = DeadLetters(bus)
    bystander = Consumer(f"bystander-{topic_id.hex[-12:]}", (f"everdesk.topic.changed.v1.{topic_id}",), other)
    async with consuming(bus, topic_id, handle) as consumer:
        task = asyncio.create_task(run_consumer(bus, bystander))
        await bus.publish_all([enveloped(1, topic_id)])
        buried = await eventually(lambda: letters.list(consumer=consumer.name))
        is_mended = True
        await letters.replay(buried[0].sequence)
        await eventually(lambda: seen == [1])
        assert await letters.list(consumer=consumer.name) == []
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert others == [1]


async def test_a_dependency_that_is_away_pauses_and_never_counts(bus: Bus) -> None:
    topic_id, seen, calls = new_id(), list[int](), 0

    async def handle(envelopes: list[Envelope]) -> None:
        nonlocal calls
        calls += 1
        if calls <= 20:
            raise Unavailable("the far end is away")
        seen.extend(version_of(each) for each in envelopes)

    await bus.jetstream()
    await bus.publish_all([enveloped(number, topic_id) for number in range(5)])
    async with consuming(bus, topic_id, handle) as consumer:
        await eventually(lambda: seen == [0, 1, 2, 3, 4])
        assert await DeadLetters(bus).list(consumer=consumer.name) == []


async def test_what_is_not_yet_possible_waits_while_others_pass(bus: Bus) -> None:
    topic_id, seen, waits = new_id(), list[int](), 0

    async def handle(envelopes: list[Envelope]) -> None:
        nonlocal waits
        if any(version_of(each) == 0 for each in envelopes) and waits < 12:
            waits += 1
            raise NotYet("too early")
        seen.extend(version_of(each) for each in envelopes)

    await bus.jetstream()
    await bus.publish_all([enveloped(number, topic_id) for number in range(4)])
    async with consuming(bus, topic_id, handle) as consumer:
        await eventually(lambda: seen == [1, 2, 3, 0])
        assert await DeadLetters(bus).list(consumer=consumer.name) == []


async def test_patience_ends_in_a_dead_letter_that_can_be_replayed(bus: Bus) -> None:
    topic_id, seen, is_possible = new_id(), list[int](), False

    async def handle(envelopes: list[Envelope]) -> None:
        if not is_possible:
            raise NotYet("too early")
        seen.extend(version_of(each) for each in envelopes)

    await bus.jetstream()
    await bus.publish_all([enveloped(1, topic_id)])
    letters = DeadLetters(bus)
    async with consuming(bus, topic_id, handle) as consumer:
        consumer.patience = timedelta(seconds=0.1)
        buried = await eventually(lambda: letters.list(consumer=consumer.name))
        assert buried[0].attempts >= consumer_module.LEAST_DELIVERIES
        assert "too early" in buried[0].error
        is_possible = True
        await letters.replay(buried[0].sequence)
        await eventually(lambda: seen == [1])


async def test_what_waits_counts_from_when_it_could_first_be_asked_for(bus: Bus) -> None:
    """However old it is: after an outage, what it waits for may come a moment later."""
    topic_id, seen, waits = new_id(), list[int](), 0

    async def handle(envelopes: list[Envelope]) -> None:
        nonlocal waits
        waits += 1
        if waits < consumer_module.LEAST_DELIVERIES:
            raise NotYet("too early")
        seen.extend(version_of(each) for each in envelopes)

    await bus.jetstream()
    await bus.publish_all([enveloped(1, topic_id)])
    async with consuming(bus, topic_id, handle) as consumer:
        consumer.patience = timedelta(0)
        await eventually(lambda: seen == [1])
        assert await DeadLetters(bus).list(consumer=consumer.name) == []


async def test_a_thousand_that_wait_hold_up_nobody(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_module, "EVENT_NOT_YET", Backoff((1.0,)))
    topic_id, seen = new_id(), list[int]()

    async def handle(envelopes: list[Envelope]) -> None:
        early = {each.id: NotYet("too early") for each in envelopes if version_of(each) < 1200}
        seen.extend(version_of(each) for each in envelopes if each.id not in early)
        if early:
            raise PartialFailure(early)

    await bus.jetstream()
    await bus.publish_all([enveloped(number, topic_id) for number in range(1200)])
    async with consuming(bus, topic_id, handle, batch=200):
        await bus.publish_all([enveloped(number, topic_id) for number in range(1200, 1210)])
        await eventually(lambda: sorted(seen) == list(range(1200, 1210)))


async def test_what_is_no_event_at_all_is_buried(bus: Bus) -> None:
    topic_id = new_id()

    async def handle(_envelopes: list[Envelope]) -> None: ...

    js = await bus.jetstream()
    await js.publish(f"everdesk.topic.changed.v1.{topic_id}", b"not json")
    async with consuming(bus, topic_id, handle) as consumer:
        buried = await eventually(lambda: DeadLetters(bus).list(consumer=consumer.name))
    assert buried[0].payload == b"not json"


async def test_the_inbox_lets_each_event_through_once(database: Database) -> None:
    events = [enveloped(number) for number in range(3)]
    async with database.begin() as session:
        assert await inbox.claim(session, "a", [events[0], events[0], events[1]]) == events[:2]
    async with database.begin() as session:
        assert await inbox.claim(session, "a", events) == events[2:]
        assert await inbox.claim(session, "b", events) == events


async def test_what_comes_shortly_after_one_another_is_one_batch(bus: Bus) -> None:
    topic_id, batches = new_id(), list[list[int]]()

    async def handle(envelopes: list[Envelope]) -> None:
        batches.append([version_of(each) for each in envelopes])

    await bus.jetstream()
    async with consuming(bus, topic_id, handle, linger=0.3):
        for number in range(5):
            await bus.publish_all([enveloped(number, topic_id)])
            await asyncio.sleep(0.02)
        await eventually(lambda: batches == [[0, 1, 2, 3, 4]])
        await bus.publish_all([enveloped(5, topic_id)])
        await eventually(lambda: batches[1:] == [[5]])


async def test_what_a_process_did_itself_is_passed_over(bus: Bus) -> None:
    topic_id, seen = new_id(), list[int]()
    events = [enveloped(number, topic_id) for number in range(4)]
    own = {events[0].id, events[2].id}

    async def handle(envelopes: list[Envelope]) -> None:
        seen.extend(version_of(each) for each in envelopes)

    js = await bus.jetstream()
    await bus.publish_all(events)
    async with consuming(bus, topic_id, handle, is_own=own.__contains__) as consumer:

        async def is_all_acknowledged() -> bool:
            info = await js.consumer_info(STREAM, consumer.name)
            return not info.num_ack_pending and not info.num_pending

        await eventually(is_all_acknowledged)
    assert seen == [1, 3]


async def test_what_a_consumer_leaves_behind_reaches_the_next_one_at_once(bus: Bus) -> None:
    topic_id, seen, hold = new_id(), set[int](), asyncio.Event()

    async def never(envelopes: list[Envelope]) -> None:
        seen.add(-1)
        await hold.wait()

    async def handle(envelopes: list[Envelope]) -> None:
        seen.update(version_of(each) for each in envelopes)

    await bus.jetstream()
    await bus.publish_all([enveloped(0, topic_id)])
    async with consuming(bus, topic_id, never):
        await eventually(lambda: seen == {-1})
        await bus.publish_all([enveloped(number, topic_id) for number in range(1, 20)])
    async with consuming(bus, topic_id, handle):
        await eventually(lambda: set(range(20)) <= seen, within=5)
