"""A stream restored from an older state: what was acknowledged in between is published again, by itself."""

import asyncio
import shutil
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from deploy.local.engines import Stack
from shared.contracts.events import Envelope
from shared.contracts.names import STREAM
from shared.kit import relay as relays
from shared.kit.bus import Bus, BusMessage, Consumer, run_consumer
from shared.kit.bus.connection import PublishAck
from shared.kit.clock import new_id
from shared.kit.db import Database, dsn_of
from shared.kit.settings import ServiceSettings
from tests.kit.events import announce, enveloped, version_of
from tests.support.eventually import eventually
from tests.support.running_jobs import running


async def back_up(engines: Stack) -> None:
    """An orderly copy of the store, as a disk that later forgets what came after."""
    await engines.stop("nats")
    shutil.copytree(engines.nats.state / "jetstream", engines.folder / "older")
    await engines.start("nats")


async def restore(engines: Stack) -> None:
    await engines.kill("nats")
    shutil.rmtree(engines.nats.state / "jetstream")
    (engines.folder / "older").rename(engines.nats.state / "jetstream")
    await engines.start("nats")


async def test_nothing_is_missing_after_the_store_went_back_in_time(
    database: Database, bus: Bus, kit_settings: ServiceSettings, engines: Stack
) -> None:
    topic_id, worker_topic, seen = new_id(), new_id(), set[tuple[UUID, int]]()

    async def handle(envelopes: list[Envelope]) -> None:
        seen.update((topic_of(each), version_of(each)) for each in envelopes)

    def topic_of(envelope: Envelope) -> UUID:
        return UUID(envelope.nats_subject.rsplit(".", 1)[-1])

    relay = relays.Relay(dsn_of(kit_settings), bus, "kit")
    subjects = tuple(f"everdesk.topic.changed.v1.{one}" for one in (topic_id, worker_topic))
    consumer = Consumer(f"test-{topic_id.hex[-12:]}", subjects, handle)
    async with running(asyncio.create_task(relay.run()), asyncio.create_task(run_consumer(bus, consumer))):
        await announce(database, topic_id, range(20))
        await eventually(partial(bus.publish_all, [enveloped(number, worker_topic) for number in range(10)]))
        await eventually(lambda: len(seen) == 30)
        generation = bus.generation
        await back_up(engines)
        await eventually(lambda: bus.generation > generation, within=20)
        await announce(database, topic_id, range(20, 60))
        await eventually(partial(bus.publish_all, [enveloped(number, worker_topic) for number in range(10, 30)]))
        await eventually(lambda: len(seen) == 90, within=20)
        generation = bus.generation
        seen.clear()
        await restore(engines)
        await eventually(lambda: bus.generation > generation, within=20)
        await announce(database, topic_id, range(60, 70))
        expected = {(topic_id, number) for number in range(20, 70)}
        expected |= {(worker_topic, number) for number in range(10, 30)}
        await eventually(lambda: expected <= seen, within=20)


async def test_a_lost_stream_and_consumer_are_made_again_on_reconnection(bus: Bus, engines: Stack) -> None:
    topic_id, seen = new_id(), set[int]()

    async def handle(envelopes: list[Envelope]) -> None:
        seen.update(version_of(each) for each in envelopes)

    consumer = Consumer(f"test-{topic_id.hex[-12:]}", (f"everdesk.topic.changed.v1.{topic_id}",), handle)
    async with running(asyncio.create_task(run_consumer(bus, consumer))):
        await bus.jetstream()
        await bus.publish_all([enveloped(1, topic_id)])
        await eventually(lambda: seen == {1})
        generation = bus.generation
        await engines.kill("nats")
        shutil.rmtree(engines.nats.state / "jetstream")
        await engines.start("nats")
        await eventually(lambda: bus.generation > generation, within=20)
        await eventually(partial(bus.publish_all, [enveloped(2, topic_id)]))
        await eventually(lambda: seen >= {1, 2}, within=20)


async def test_what_cannot_be_published_again_at_once_is_tried_until_it_can(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    js, topic_id = await bus.jetstream(), new_id()
    await bus.publish_all([enveloped(number, topic_id) for number in range(3)])
    publish, failures = bus.publish_each, [PublishAck(), PublishAck()]

    async def fails_twice(batch: Sequence[BusMessage]) -> PublishAck:
        is_of_the_lost = any(str(topic_id) in message.subject for message in batch)
        return failures.pop() if is_of_the_lost and failures else await publish(batch)

    monkeypatch.setattr(bus, "publish_each", fails_twice)
    await js.delete_stream(STREAM)
    await bus.publish_until_acknowledged([BusMessage.of(enveloped(1, new_id()))])

    async def is_back() -> bool:
        subject = f"everdesk.topic.changed.v1.{topic_id}"
        return (await js.stream_info(STREAM, subjects_filter=subject)).state.subjects == {subject: 3}

    await eventually(is_back, within=20)
    assert not failures


async def test_a_consumer_keeps_its_subscription_over_reconnections(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server answers a request that was sent before to an abandoned one, too; those events are then 30 s late."""
    topic_id, seen, bound = new_id(), set[int](), list[object]()
    js = await bus.jetstream()
    subscribe = bus.client.subscribe

    async def counted(subject: str, **options: Any) -> object:
        bound.append(options)
        return await subscribe(subject, **options)

    async def handle(envelopes: list[Envelope]) -> None:
        seen.update(version_of(each) for each in envelopes)

    monkeypatch.setattr(bus.client, "subscribe", counted)
    consumer = Consumer(f"test-{topic_id.hex[-12:]}", (f"everdesk.topic.changed.v1.{topic_id}",), handle)
    async with running(asyncio.create_task(run_consumer(bus, consumer))):
        await bus.publish_all([enveloped(1, topic_id)])
        await eventually(lambda: seen == {1})
        generation = bus.generation
        await js.delete_stream(STREAM)
        await bus.publish_until_acknowledged([BusMessage.of(enveloped(1, new_id()))])
        await eventually(lambda: bus.generation > generation, within=20)
        await eventually(partial(bus.publish_all, [enveloped(2, topic_id)]))
        await eventually(lambda: seen == {1, 2}, within=20)
    assert len(bound) == 1


async def test_a_stream_deleted_under_a_live_connection_is_made_again(bus: Bus) -> None:
    js = await bus.jetstream()
    await js.delete_stream(STREAM)

    async def accepts() -> bool:
        return bool(await bus.publish_until_acknowledged([BusMessage.of(enveloped(1, new_id()))]))

    await eventually(accepts, within=20)


async def test_kept_rows_are_forgotten_in_batches_once_they_are_old(
    database: Database, bus: Bus, kit_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "SWEEP_SECONDS", 0.3)
    relay = relays.Relay(dsn_of(kit_settings), bus, "kit")
    async with running(asyncio.create_task(relay.run())):
        await announce(database, new_id(), range(5))
        await eventually(lambda: kept(database, 5))
        async with database.begin() as session:
            await session.execute(text("update outbox_published set published_at = now() - interval '1 hour'"))
        await eventually(lambda: kept(database, 0))


async def kept(database: Database, count: int) -> bool:
    async with database.begin() as session:
        return bool(await session.scalar(text("select count(*) from outbox_published")) == count)
