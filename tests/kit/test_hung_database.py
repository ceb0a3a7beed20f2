"""A database that accepts and never answers is away: consumers pause, and no event becomes a dead letter."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from shared.contracts.events import Envelope
from shared.kit import inbox
from shared.kit.backoff import Backoff
from shared.kit.bus import Bus, Consumer, DeadLetters, run_consumer
from shared.kit.bus import consumer as consumer_module
from shared.kit.clock import new_id
from shared.kit.db import Database
from shared.kit.outages import is_unreachable
from shared.kit.settings import ServiceSettings
from tests.kit.events import enveloped
from tests.support.black_hole import BlackHole, black_hole
from tests.support.eventually import eventually
from tests.support.hung_database import impatient_database


@pytest.fixture
async def hole(kit_settings: ServiceSettings) -> AsyncIterator[BlackHole]:
    async with black_hole(kit_settings.database_url.get_secret_value()) as hole:
        yield hole


@pytest.fixture
async def behind(hole: BlackHole, kit_settings: ServiceSettings) -> AsyncIterator[Database]:
    """The same database, reached through the proxy and given up on quickly."""
    database = impatient_database(hole.url(kit_settings.database_url.get_secret_value()))
    yield database
    hole.release()
    await database.dispose()


async def test_a_hung_connection_statement_and_pool_are_away(behind: Database, hole: BlackHole) -> None:
    await behind.ping()
    hole.swallow()
    at_once = await asyncio.gather(*(behind.ping() for _ in range(4)), return_exceptions=True)
    after = await asyncio.gather(behind.ping(), return_exceptions=True)
    assert [is_unreachable(error) for error in (*at_once, *after) if isinstance(error, BaseException)] == [True] * 5
    hole.release()
    await eventually(behind.ping)


async def test_events_wait_for_a_hung_database_and_none_is_buried(
    behind: Database,
    hole: BlackHole,
    database: Database,
    bus: Bus,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumer_module, "EVENT_FAILED", Backoff((0.01,) * 4))
    monkeypatch.setattr(consumer_module, "DEPENDENCY", Backoff((0.01,)))
    topic_id, tries = new_id(), 0
    name = f"hung-{topic_id.hex[-12:]}"

    async def handle(envelopes: list[Envelope]) -> None:
        nonlocal tries
        tries += 1
        async with behind.begin() as session:
            await inbox.claim(session, name, envelopes)

    async def handled() -> bool:
        async with database.begin() as session:
            found = await session.scalar(text("select count(*) from inbox where consumer = :name"), {"name": name})
            return bool(found == 10)

    hole.swallow()
    await bus.jetstream()
    await bus.publish_all([enveloped(number, topic_id) for number in range(10)])
    consumer = Consumer(name, (f"everdesk.topic.changed.v1.{topic_id}",), handle)
    task = asyncio.create_task(run_consumer(bus, consumer))
    await eventually(lambda: tries > consumer_module.MAX_ATTEMPTS + 1, within=20)
    assert not await handled()
    hole.release()
    await eventually(handled, within=20)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await DeadLetters(bus).list(consumer=name) == []
