"""NATS with a store from another time than its clients: nothing is missing, whatever part of it is older or newer."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from nats.js.api import ConsumerConfig, DeliverPolicy
from sqlalchemy import text
from structlog.testing import capture_logs

from deploy.local.engines import Stack, nats
from shared.contracts.events import Envelope
from shared.contracts.names import STREAM
from shared.kit import outbox
from shared.kit import relay as relays
from shared.kit.bus import Bus, Consumer, DeadLetters, connection, run_consumer
from shared.kit.bus import consumer as consumers
from shared.kit.bus.message_size import EVENT_SIZE, MOST_EVENT_BYTES
from shared.kit.bus.pull import ANSWERS_SECONDS, EXPIRES_SECONDS
from shared.kit.bus.streams import ensure_streams
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Database, dsn_of
from shared.kit.http.problems import Problem
from shared.kit.settings import ServiceSettings
from tests.kit.events import announce, enveloped, topic_changed, version_of
from tests.support.eventually import eventually
from tests.support.running_jobs import running

WITHIN = EXPIRES_SECONDS + ANSWERS_SECONDS + 10.0
"""A request that was on its way when its consumer was deleted is answered by nobody, and made again after that time."""


class Listener:
    """A durable consumer of one topic that remembers what it has heard."""

    def __init__(self) -> None:
        self.topic_id = new_id()
        self.seen = set[int]()
        subject = f"everdesk.topic.changed.v1.{self.topic_id}"
        self.consumer = Consumer(f"test-{self.topic_id.hex[-12:]}", (subject,), self.handle)

    async def handle(self, envelopes: list[Envelope]) -> None:
        self.seen.update(version_of(each) for each in envelopes)

    def has(self, numbers: range) -> Callable[[], bool]:
        return lambda: self.seen >= set(numbers)


@asynccontextmanager
async def listening(bus: Bus, settings: ServiceSettings) -> AsyncIterator[Listener]:
    listener = Listener()
    relay = relays.Relay(dsn_of(settings), bus, "kit")
    async with running(asyncio.create_task(relay.run()), asyncio.create_task(run_consumer(bus, listener.consumer))):
        yield listener


def stream_folder(engines: Stack) -> Path:
    return engines.nats.state / "jetstream" / "jetstream" / "$G" / "streams" / STREAM


@pytest.fixture(autouse=True)
async def running_again(engines: Stack) -> AsyncIterator[None]:
    """NATS runs as configured after each test, whatever became of it."""
    yield
    await engines.start("nats")


def swap_in(old: Path, new: Path) -> None:
    shutil.rmtree(new)
    shutil.copytree(old, new)


@pytest.mark.parametrize("part", ["msgs", "obs", ""])
async def test_a_part_of_the_store_is_older(
    part: str, database: Database, bus: Bus, kit_settings: ServiceSettings, engines: Stack, tmp_path: Path
) -> None:
    """The messages without their consumers' states, the states without the messages, and both."""
    async with listening(bus, kit_settings) as one:
        await announce(database, one.topic_id, range(20))
        await eventually(one.has(range(20)))
        generation = bus.generation
        await engines.stop("nats")
        shutil.copytree(stream_folder(engines), tmp_path / "older")
        await engines.start("nats")
        await eventually(lambda: bus.generation > generation, within=WITHIN)
        await announce(database, one.topic_id, range(20, 60))
        await eventually(one.has(range(60)), within=WITHIN)
        generation = bus.generation
        one.seen.clear()
        await engines.kill("nats")
        swap_in(tmp_path / "older" / part, stream_folder(engines) / part)
        await engines.start("nats")
        await eventually(lambda: bus.generation > generation, within=WITHIN)
        await announce(database, one.topic_id, range(60, 70))
        wanted = range(20, 70) if part in ("", "msgs") else range(60, 70)
        await eventually(one.has(wanted), within=WITHIN)


async def test_a_stream_deleted_while_nobody_publishes_gets_back_what_it_lost(
    database: Database, bus: Bus, kit_settings: ServiceSettings
) -> None:
    async with listening(bus, kit_settings) as one:
        await announce(database, one.topic_id, range(20))
        await eventually(one.has(range(20)))
        one.seen.clear()
        await (await bus.jetstream()).delete_stream(STREAM)
        await eventually(one.has(range(20)), within=WITHIN)


async def test_a_stream_recreated_under_the_same_name_gets_back_what_it_lost(
    database: Database, bus: Bus, kit_settings: ServiceSettings
) -> None:
    async with listening(bus, kit_settings) as one:
        await announce(database, one.topic_id, range(20))
        await eventually(one.has(range(20)))
        one.seen.clear()
        js = await bus.jetstream()
        config = (await js.stream_info(STREAM)).config
        await js.delete_stream(STREAM)
        await js.add_stream(config)
        await announce(database, one.topic_id, range(20, 22))
        await eventually(one.has(range(22)), within=WITHIN)


async def test_a_consumer_deleted_under_a_live_connection_goes_on(
    database: Database, bus: Bus, kit_settings: ServiceSettings
) -> None:
    async with listening(bus, kit_settings) as one:
        await announce(database, one.topic_id, range(5))
        await eventually(one.has(range(5)))
        await (await bus.jetstream()).delete_consumer(STREAM, one.consumer.name)
        await announce(database, one.topic_id, range(5, 9))
        await eventually(one.has(range(9)), within=WITHIN)


async def test_a_consumer_that_somebody_made_otherwise_is_made_right(
    database: Database, bus: Bus, kit_settings: ServiceSettings
) -> None:
    """What cannot be changed in place (where it starts to deliver) stops nobody."""
    one = Listener()
    js = await bus.jetstream()
    await js.add_consumer(
        STREAM,
        ConsumerConfig(durable_name=one.consumer.name, deliver_policy=DeliverPolicy.NEW, filter_subject="everdesk.x.>"),
    )
    relay = relays.Relay(dsn_of(kit_settings), bus, "kit")
    async with running(asyncio.create_task(relay.run()), asyncio.create_task(run_consumer(bus, one.consumer))):
        await announce(database, one.topic_id, range(5))
        await eventually(one.has(range(5)), within=WITHIN)


async def test_a_consumer_that_was_further_than_a_stream_that_others_have_filled_again(bus: Bus) -> None:
    """Where it had been are events of others now, so that the stream's length tells nothing."""
    one = Listener()
    await bus.jetstream()
    async with running(asyncio.create_task(run_consumer(bus, one.consumer))):
        await bus.publish_all([enveloped(number, one.topic_id) for number in range(5)])
        await eventually(one.has(range(5)))
    one.seen.clear()
    one.consumer.progress.event_id = "lost with the stream's end"
    async with running(asyncio.create_task(run_consumer(bus, one.consumer))):
        await eventually(one.has(range(5)))


async def test_an_error_that_cannot_be_encoded_is_kept_with_its_event(bus: Bus) -> None:
    class OddError(Exception):
        def __repr__(self) -> str:
            return "odd \ud800\r\nNats-Msg-Id: x"

    async def fail(_envelopes: list[Envelope]) -> None:
        raise OddError

    one = Listener()
    consumer = replace(one.consumer, handle=fail)
    await bus.jetstream()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(consumers, "MAX_ATTEMPTS", 1)
        async with running(asyncio.create_task(run_consumer(bus, consumer))):
            await bus.publish_all([enveloped(1, one.topic_id)])
            letters = await eventually(partial(DeadLetters(bus).list, consumer=consumer.name))
    assert isinstance(letters, list)
    assert letters[0].error == "odd \\ud800 Nats-Msg-Id: x"


async def test_a_cancellation_that_a_request_has_swallowed_is_passed_on(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = asyncio.Event()

    async def swallow(*_: object) -> None:
        with suppress(asyncio.CancelledError):
            began.set()
            await asyncio.Event().wait()

    await bus.jetstream()
    monkeypatch.setattr(consumers, "ensure_consumer", swallow)
    job = asyncio.create_task(run_consumer(bus, Listener().consumer))
    await began.wait()
    job.cancel()
    async with asyncio.timeout(WITHIN):
        await asyncio.wait([job])
    assert job.cancelled()


async def test_subjects_taken_from_the_stream_come_back(
    database: Database, bus: Bus, kit_settings: ServiceSettings
) -> None:
    async with listening(bus, kit_settings) as one:
        await announce(database, one.topic_id, range(5))
        await eventually(one.has(range(5)))
        js = await bus.jetstream()
        config = (await js.stream_info(STREAM)).config
        config.subjects = ["everdesk.other.>"]
        config.max_age = 3600
        await js.update_stream(config)
        await announce(database, one.topic_id, range(5, 9))
        await eventually(one.has(range(9)), within=WITHIN)
        assert (await js.stream_info(STREAM)).config.max_age == kit_settings.stream_max_age_days * 86_400


async def test_a_stream_changed_by_hand_is_changed_back(
    bus: Bus, kit_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody need publish or reconnect for it."""
    await bus.jetstream()
    monkeypatch.setattr(connection, "LOOK_SECONDS", 0.1)
    bus.look_again()
    js = await bus.jetstream()
    config = (await js.stream_info(STREAM)).config
    config.max_age = 3600
    await js.update_stream(config)

    async def is_right() -> bool:
        return (await js.stream_info(STREAM)).config.max_age == kit_settings.stream_max_age_days * 86_400

    await eventually(is_right, within=WITHIN)
    assert not await ensure_streams(js, kit_settings), "what is as it should be is left alone"


@pytest.mark.parametrize("rest", [-12_000, -4000, -250, -100, -20, 0, 20, 5000])
async def test_an_event_about_as_large_as_the_server_takes_holds_up_no_others(
    rest: int,
    database: Database,
    bus: Bus,
    kit_settings: ServiceSettings,
    engines: Stack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server counts headers too, and ends the connection of a client that sends more than it takes."""
    most = 300_000
    monkeypatch.setattr(nats, "_CONFIG", nats._CONFIG.replace("max_payload: 1MB", f"max_payload: {most}"))
    one = Listener()
    event = topic_changed(0)
    size = len(outbox.row_of(event.envelope("x" * 40, utc_now()))["envelope"])
    long = event.model_copy(update={"name": "x" * (most - size + rest + len(event.name))})
    async with database.begin() as session:
        await outbox.add(session, long, "x" * 40, utc_now())
    generation = bus.generation
    await restart(engines)
    try:
        await eventually(lambda: bus.generation > generation, within=WITHIN)
        relay = relays.Relay(dsn_of(kit_settings), bus, "kit")
        async with running(asyncio.create_task(relay.run()), asyncio.create_task(run_consumer(bus, one.consumer))):
            await announce(database, one.topic_id, range(1, 5))
            await eventually(one.has(range(1, 5)), within=WITHIN)
            if rest < 0:
                return

            async def is_parked() -> bool:
                async with database.begin() as session:
                    return bool(await session.scalar(text("select count(*) from outbox where parked_at is not null")))

            await eventually(is_parked, within=WITHIN)
    finally:
        monkeypatch.undo()
        await restart(engines)
        await eventually(lambda: EVENT_SIZE.most == MOST_EVENT_BYTES, within=WITHIN)


async def test_what_the_server_does_not_take_is_refused_to_whoever_writes_it(
    database: Database, bus: Bus, engines: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats, "_CONFIG", nats._CONFIG.replace("max_payload: 1MB", "max_payload: 300000"))
    generation = bus.generation
    await restart(engines)
    try:
        await eventually(lambda: bus.generation > generation, within=WITHIN)
        long = topic_changed(0).model_copy(update={"name": "x" * 298_000})
        with pytest.raises(Problem) as refused:
            async with database.begin() as session:
                await outbox.add(session, long, "one", utc_now())
        assert [one["pointer"] for one in refused.value.errors] == ["/name"]
        assert "at most 284 KiB" in str(refused.value.detail)
    finally:
        monkeypatch.undo()
        await restart(engines)
        await eventually(lambda: EVENT_SIZE.most == MOST_EVENT_BYTES, within=WITHIN)


async def restart(engines: Stack) -> None:
    await engines.kill("nats")
    await engines.start("nats")


async def test_a_password_changed_and_changed_back(
    database: Database, bus: Bus, kit_settings: ServiceSettings, engines: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(bus, kit_settings) as one:
        await announce(database, one.topic_id, range(3))
        await eventually(one.has(range(3)))
        monkeypatch.setattr(engines.nats, "_password", "another")
        with capture_logs() as logs:
            await restart(engines)
            await announce(database, one.topic_id, range(3, 6))
            await eventually(lambda: any("uthorization" in str(line) for line in logs), within=WITHIN)
        monkeypatch.undo()
        await restart(engines)
        await eventually(one.has(range(6)), within=30)


async def test_a_flapping_server(database: Database, bus: Bus, kit_settings: ServiceSettings, engines: Stack) -> None:
    async with listening(bus, kit_settings) as one:
        for round_ in range(5):
            await announce(database, one.topic_id, range(10 * round_, 10 * round_ + 5))
            await engines.kill("nats")
            await announce(database, one.topic_id, range(10 * round_ + 5, 10 * round_ + 10))
            await engines.start("nats")
        await eventually(one.has(range(50)), within=30)


async def test_what_the_stream_lost_and_no_outbox_kept_is_told(
    database: Database, bus: Bus, kit_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setattr(relays, "SWEEP_SECONDS", 0.3)
    async with listening(bus, kit_settings) as one:
        await announce(database, one.topic_id, range(20))
        await eventually(one.has(range(20)))

        async def kept() -> int:
            async with database.begin() as session:
                return await session.scalar(text("select count(*) from outbox_published")) or 0

        async def all_kept() -> bool:
            return await kept() == 20

        await eventually(all_kept)
        async with database.begin() as session:
            await session.execute(
                text("update outbox_published set published_at = now() - interval '1 hour' where event_id <= :last"),
                {"last": f"{one.topic_id}:19"},
            )

        async def few() -> bool:
            return await kept() < 20

        await eventually(few)
        with capture_logs() as logs:
            await (await bus.jetstream()).delete_stream(STREAM)
            await announce(database, one.topic_id, range(20, 25))
            await eventually(one.has(range(20, 25)), within=WITHIN)
        print(await kept(), [line for line in logs if line["log_level"] in ("error", "warning")])
        assert any("lost" in line["event"] for line in logs)
