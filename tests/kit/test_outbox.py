"""The outbox relay: in order, exactly the committed rows, however many relays run and whichever dies."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import func, insert, select

from deploy.local.engines import Stack
from deploy.local.engines.ports import find_free_port
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import Author, NoteAdded
from shared.contracts.names import STREAM
from shared.contracts.vocabulary import ActorKind, BodyFormat
from shared.kit import outbox
from shared.kit import relay as relays
from shared.kit.backoff import Backoff
from shared.kit.bus import Bus
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Database, dsn_of
from shared.kit.http.problems import Problem
from shared.kit.settings import ServiceSettings
from shared.kit.tables import outbox as outbox_table
from tests.kit.events import topic_changed
from tests.support.eventually import eventually

LONG = 1000.0
BIG = b'{"body":"' + rb"\u0001" * 256 * 1024 + b'"}'


@pytest.fixture(autouse=True)
def no_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is published in these tests, no sweep has found it."""
    monkeypatch.setattr(relays, "SWEEP_SECONDS", LONG)


@asynccontextmanager
async def relaying(relay: relays.Relay) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(relay.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def announce(database: Database, topic_id: UUID, numbers: range) -> None:
    for number in numbers:
        async with database.begin() as session:
            await outbox.add(session, topic_changed(number, topic_id), f"{topic_id}:{number}", utc_now())


async def published(bus: Bus, topic_id: UUID) -> list[str]:
    """The event ids on the stream about one topic, in the stream's order."""
    js = await bus.jetstream()
    subscription = await js.pull_subscribe(f"everdesk.topic.changed.v1.{topic_id}", stream=STREAM)
    ids: list[str] = []
    while (await subscription.consumer_info()).num_pending:
        for message in await subscription.fetch(500, timeout=2):
            ids.append((message.headers or {})["Nats-Msg-Id"])
            await message.ack()
    return ids


async def waiting(database: Database) -> int:
    async with database.begin() as session:
        return await session.scalar(select(func.count()).select_from(outbox_table)) or 0


async def len_is(found: Awaitable[list[tuple[str, int]]], wanted: int) -> bool:
    return len(await found) == wanted


async def has_left(database: Database, event_id: str) -> bool:
    async with database.begin() as session:
        return await session.scalar(select(outbox_table.c.id).where(outbox_table.c.event_id == event_id)) is None


async def is_drained(database: Database) -> bool:
    return await waiting(database) == 0


async def test_rows_are_published_in_order_and_removed(
    database: Database, bus: Bus, kit_settings: ServiceSettings
) -> None:
    topic_id = new_id()
    relay = relays.Relay(dsn_of(kit_settings), bus, "kit")
    async with relaying(relay):
        await announce(database, topic_id, range(500))
        relay.wake()
        await eventually(lambda: is_drained(database))
    assert await published(bus, topic_id) == [f"{topic_id}:{number}" for number in range(500)]


async def test_a_row_that_is_rolled_back_is_never_published(
    database: Database, bus: Bus, kit_settings: ServiceSettings
) -> None:
    topic_id = new_id()
    with pytest.raises(ZeroDivisionError):
        async with database.begin() as session:
            await outbox.add(session, topic_changed(1, topic_id), "never", utc_now())
            raise ZeroDivisionError
    async with relaying(relays.Relay(dsn_of(kit_settings), bus, "kit")):
        await announce(database, topic_id, range(1))
        await eventually(lambda: is_drained(database))
    assert await published(bus, topic_id) == [f"{topic_id}:0"]


async def test_another_relay_takes_over_when_the_leader_dies(
    database: Database, bus: Bus, kit_settings: ServiceSettings
) -> None:
    topic_id = new_id()
    first = relays.Relay(dsn_of(kit_settings), bus, "kit")
    second = relays.Relay(dsn_of(kit_settings), bus, "kit")
    async with relaying(first) as leader:
        await announce(database, topic_id, range(50))
        await eventually(lambda: is_drained(database))
        async with relaying(second):
            await announce(database, topic_id, range(50, 100))
            second.wake()
            await eventually(lambda: is_drained(database))
            leader.cancel()
            await announce(database, topic_id, range(100, 150))
            second.wake()
            await eventually(lambda: is_drained(database))
    assert await published(bus, topic_id) == [f"{topic_id}:{number}" for number in range(150)]


async def test_rows_wait_while_nats_is_away(
    database: Database, bus: Bus, kit_settings: ServiceSettings, engines: Stack
) -> None:
    topic_id = new_id()
    relay = relays.Relay(dsn_of(kit_settings), bus, "kit")
    async with relaying(relay):
        await engines.kill("nats")
        await announce(database, topic_id, range(20))
        relay.wake()
        assert await waiting(database) == 20
        await engines.start("nats")
        await eventually(lambda: is_drained(database), within=20)
    assert await published(bus, topic_id) == [f"{topic_id}:{number}" for number in range(20)]


async def poison(database: Database, count: int) -> None:
    """Rows no server takes, as `outbox.add` would never write them: larger than a message may be."""
    rows = [
        {"event_id": f"{new_id()}:poison", "subject": f"everdesk.topic.changed.v1.{new_id()}", "envelope": BIG}
        for _ in range(count)
    ]
    async with database.begin() as session:
        await (await session.connection()).execute(insert(outbox_table), rows)


async def parked(database: Database) -> list[tuple[str, int]]:
    async with database.begin() as session:
        rows = await session.execute(
            select(outbox_table.c.event_id, outbox_table.c.refusals)
            .where(outbox_table.c.parked_at.is_not(None))
            .order_by(outbox_table.c.id)
        )
        return [(row.event_id, row.refusals) for row in rows]


async def test_rows_the_bus_never_takes_are_parked_and_hold_up_no_others(
    database: Database, bus: Bus, kit_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "DEPENDENCY", Backoff((0.01,) * 5))
    topic_id = new_id()
    await poison(database, relays.BATCH)
    await announce(database, topic_id, range(3))
    async with relaying(relays.Relay(dsn_of(kit_settings), bus, "kit")):
        await eventually(lambda: len_is(parked(database), relays.BATCH), within=60)
        await announce(database, topic_id, range(3, 6))
        await eventually(lambda: has_left(database, f"{topic_id}:5"))
    assert {refusals for _, refusals in await parked(database)} == {relays.MAX_REFUSALS}
    assert await published(bus, topic_id) == [f"{topic_id}:{number}" for number in range(6)]


async def test_an_event_larger_than_a_message_is_refused_before_it_is_written(database: Database) -> None:
    topic = topic_changed(1, new_id())
    with pytest.raises(Problem) as refused:
        async with database.begin() as session:
            await outbox.add(session, topic.model_copy(update={"name": "\x01" * 170_000}), "big", utc_now())
    assert refused.value.status == 422
    assert await waiting(database) == 0


async def test_the_relay_survives_the_database(
    database: Database, bus: Bus, kit_settings: ServiceSettings, engines: Stack
) -> None:
    topic_id = new_id()
    relay = relays.Relay(dsn_of(kit_settings), bus, "kit")
    async with relaying(relay):
        await announce(database, topic_id, range(5))
        await eventually(lambda: is_drained(database))
        await engines.kill("postgres")
        await engines.start("postgres")
        await eventually(database.ping, within=20)
        await announce(database, topic_id, range(5, 10))
        await eventually(lambda: is_drained(database), within=20)
    assert await published(bus, topic_id) == [f"{topic_id}:{number}" for number in range(10)]


async def test_a_relay_that_is_cut_off_from_the_bus_does_not_keep_others_from_publishing(
    database: Database, bus: Bus, kit_settings: ServiceSettings
) -> None:
    nowhere = f"nats://127.0.0.1:{find_free_port()}"
    cut_off = Bus(kit_settings.model_copy(update={"nats_url": SecretStr(nowhere)}), "kit-cut-off")
    await cut_off.start()
    topic_id = new_id()
    first, second = (relays.Relay(dsn_of(kit_settings), one, "kit") for one in (cut_off, bus))
    async with relaying(first):
        await announce(database, topic_id, range(3))
        first.wake()
        async with relaying(second):
            await eventually(lambda: is_drained(database))
    await cut_off.stop()
    assert len(await published(bus, topic_id)) == 3


async def write_silently(database: Database, topic_id: UUID, number: int) -> None:
    """A row nobody is told of, as when the process dies right after its commit."""
    row = outbox.row_of(topic_changed(number, topic_id).envelope(f"{topic_id}:{number}", utc_now()))
    async with database.connection() as connection:
        await connection.execute(insert(outbox_table).values(row))


async def test_a_row_nobody_was_told_of_waits_for_the_sweep_at_most(
    database: Database, bus: Bus, kit_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic_id = new_id()
    monkeypatch.setattr(relays, "SWEEP_SECONDS", 0.3)
    async with relaying(relays.Relay(dsn_of(kit_settings), bus, "kit")):
        await announce(database, topic_id, range(1))
        await eventually(lambda: is_drained(database))
        await write_silently(database, topic_id, 1)
        await eventually(lambda: is_drained(database), within=3)
    assert await published(bus, topic_id) == [f"{topic_id}:0", f"{topic_id}:1"]


async def is_published(bus: Bus, topic_id: UUID, count: int) -> bool:
    return len(await published(bus, topic_id)) == count


async def test_what_the_leading_process_has_committed_is_published_without_being_read_back(
    database: Database, bus: Bus, kit_settings: ServiceSettings
) -> None:
    topic_id = new_id()
    relay = relays.Relay(dsn_of(kit_settings), bus, "kit")
    own = Database(database.engine)
    own.publish_with(relay.publish)
    async with relaying(relay):
        await announce(own, topic_id, range(1))
        await eventually(lambda: is_drained(database))
        await write_silently(database, topic_id, 1)
        await announce(own, topic_id, range(2, 4))
        await eventually(lambda: is_published(bus, topic_id, 3))
        await eventually(lambda: has_left(database, f"{topic_id}:3"))
        assert await waiting(database) == 1, "the table was not read"


async def test_a_row_of_a_savepoint_that_was_undone_is_never_published(
    database: Database, bus: Bus, kit_settings: ServiceSettings
) -> None:
    topic_id = new_id()
    relay = relays.Relay(dsn_of(kit_settings), bus, "kit")
    own = Database(database.engine)
    own.publish_with(relay.publish)
    async with relaying(relay):
        await announce(own, topic_id, range(1))
        await eventually(lambda: is_drained(database))
        async with own.begin() as session:
            savepoint = await session.begin_nested()
            await outbox.add(session, topic_changed(1, topic_id), f"{topic_id}:undone", utc_now())
            await savepoint.rollback()
            async with session.begin_nested():
                await outbox.add(session, topic_changed(2, topic_id), f"{topic_id}:kept", utc_now())
        await eventually(lambda: is_drained(database))
    assert await published(bus, topic_id) == [f"{topic_id}:0", f"{topic_id}:kept"]


async def test_a_follower_leads_as_soon_as_the_leader_has_gone(
    database: Database, bus: Bus, kit_settings: ServiceSettings
) -> None:
    topic_id = new_id()
    first, second = (relays.Relay(dsn_of(kit_settings), bus, "kit") for _ in range(2))
    async with relaying(first) as leader:
        await announce(database, topic_id, range(1))
        await eventually(lambda: is_drained(database))
        async with relaying(second):
            leader.cancel()
            await asyncio.gather(leader, return_exceptions=True)
            await write_silently(database, topic_id, 1)
            await announce(database, topic_id, range(2, 3))
            await eventually(lambda: is_drained(database))
    assert await published(bus, topic_id) == [f"{topic_id}:{number}" for number in range(3)]


@pytest.mark.parametrize("are_wanted", [True, False])
async def test_an_event_that_only_outsiders_hear_is_sent_where_asked_for(database: Database, are_wanted: bool) -> None:
    own = Database(database.engine, events_for_outsiders=are_wanted)
    note = NoteAdded(
        ticket_id=TicketId(new_id()),
        note_id=MessageId(new_id()),
        author=Author(kind=ActorKind.AGENT, name="Ada"),
        body="Gateway 3 was out of memory.",
        body_format=BodyFormat.TEXT,
        added_at=utc_now(),
    )
    async with own.begin() as session:
        await outbox.add(session, note, f"note:{note.note_id}", utc_now())
        await outbox.add(session, topic_changed(1), "topic:1", utc_now())
    assert await waiting(database) == 1 + are_wanted


async def test_a_relay_that_stops_leaves_the_lead_and_tells_the_next_of_what_is_still_committed(
    database: Database, bus: Bus, kit_settings: ServiceSettings
) -> None:
    topic_id = new_id()
    first, second = (relays.Relay(dsn_of(kit_settings), bus, "kit") for _ in range(2))
    own = Database(database.engine)
    own.publish_with(first.publish)
    async with relaying(first):
        await announce(own, topic_id, range(1))
        await eventually(lambda: is_drained(database))
        async with relaying(second):
            first.hand_over()
            await announce(own, topic_id, range(1, 3))
            await eventually(lambda: is_drained(database))
    assert await published(bus, topic_id) == [f"{topic_id}:{number}" for number in range(3)]
