"""The change feed under faults: two recorders, one of which dies or dawdles, and readers through an outage.

Whatever happens, a reader sees every event once, in one order, with no position left out.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from random import Random
from typing import Any

import anyio
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notification.event_feed import streams as stream_module
from services.notification.event_feed.reading import FeedQuery, end_of_feed, read_page
from services.notification.event_feed.recorder import FeedRecorder
from services.notification.event_feed.signal import FeedSignal
from services.notification.event_feed.streams import FeedStreams, StreamedFeed
from services.notification.settings import NotificationSettings
from shared.contracts.events import Envelope, TicketAssigned, TicketOpened, TicketTriaged
from shared.kit.db import Database, Session
from shared.kit.requester_ids import RequesterIds
from tests.services.notification.ticket_events import TicketEvents
from tests.support.dying_process import ProcessEnded
from tests.support.eventually import eventually

TYPES = (TicketOpened.type(), TicketTriaged.type(), TicketAssigned.type())
STORIES = 40


class FlakyDatabase(Database):
    """A database that is away while it is told to be."""

    is_away = False

    @asynccontextmanager
    async def single(self) -> AsyncIterator[AsyncConnection]:
        if self.is_away:
            raise ConnectionError("the database is away")
        async with super().single() as connection:
            yield connection


class FaultyRecorder(FeedRecorder):
    """Dies before it writes, before it commits or after that; or holds its transaction open for a moment."""

    def __init__(self, database: Database, ids: RequesterIds, random: Random) -> None:
        super().__init__(database, ids, timedelta(days=7), lambda: None, lambda: None)
        self._random = random

    async def _write(
        self,
        session: Session,
        rows: list[dict[str, Any]],
        early: list[dict[str, Any]],
        deliveries: list[dict[str, Any]],
    ) -> None:
        fate = self._random.random()
        if fate < 0.2:
            raise ProcessEnded("before the write")
        await super()._write(session, rows, early, deliveries)
        if fate < 0.4:
            raise ProcessEnded("before the commit")
        await asyncio.sleep(0.03 * self._random.random())

    async def take(self, events: Sequence[Envelope]) -> None:
        """As JetStream does: again until it is acknowledged, and now and then once more."""
        while True:
            with suppress(ProcessEnded):
                await self.on_events(events)
                if self._random.random() < 0.8:
                    return


@pytest.fixture
async def database(settings: NotificationSettings) -> AsyncIterator[FlakyDatabase]:
    database = FlakyDatabase(Database.connect(settings).engine)
    began = text("update feed_end set began_at = began_at - cast(:ago as interval)")
    async with database.single() as connection:  # the tickets of the examples are older than the feed
        await connection.execute(began, {"ago": timedelta(days=3650)})
    yield database
    async with database.single() as connection:
        await connection.execute(began, {"ago": timedelta(days=-3650)})
    await database.dispose()


def batches(stories: Sequence[TicketEvents], random: Random) -> list[list[Envelope]]:
    """The steps of all tickets in disorder, as two consumers may get them, some of them twice."""
    events = [event for story in stories for event in (story.opened(), story.triaged(), story.assigned())]
    random.shuffle(events)
    again = random.sample(events, len(events) // 5)
    mixed = [*events, *again]
    return [mixed[place : place + 7] for place in range(0, len(mixed), 7)]


def check_whole(seen: Sequence[Envelope], stories: Sequence[TicketEvents]) -> None:
    """Every event once, and each ticket's steps in their order."""
    ours = {story.ticket_id for story in stories}
    mine = [one for one in seen if one.subject in {str(ticket) for ticket in ours}]
    assert len(mine) == len({one.id for one in mine}) == 3 * len(stories)
    for ticket in ours:
        assert [one.data["seq"] for one in mine if one.subject == str(ticket)] == [1, 2, 3]


async def test_no_reader_misses_or_repeats_an_event_while_recorders_die_and_commit_out_of_order(
    settings: NotificationSettings, database: FlakyDatabase
) -> None:
    random, stories = Random(18), [TicketEvents() for _ in range(STORIES)]
    work, start = batches(stories, random), await end_of_feed(database)
    ids, query = RequesterIds(settings), FeedQuery(TYPES)
    is_over = asyncio.Event()

    async def read() -> tuple[list[Envelope], list[int]]:
        """Pages as small as a program may ask for, so that their edges fall everywhere."""
        position, seen, places = start, list[Envelope](), list[int]()
        while True:
            was_over = is_over.is_set()
            page = await read_page(database, query, position, 3)
            seen += [Envelope.model_validate_json(one.envelope) for one in page.events]
            places += [one.position for one in page.events]
            if was_over and page.position == position:
                return seen, places
            position = page.position
            await asyncio.sleep(0)

    readers = [asyncio.create_task(read()) for _ in range(3)]
    replicas = [FaultyRecorder(database, ids, Random(seed)) for seed in (1, 2, 3)]

    async def consume(replica: FaultyRecorder) -> None:
        while work:
            await replica.take(work.pop())

    await asyncio.gather(*(consume(replica) for replica in replicas))
    is_over.set()
    results = await asyncio.gather(*readers)
    async with database.single() as connection:
        kept = text("select position, type from feed_events where position > :start order by position")
        rows = (await connection.execute(kept, {"start": start})).all()
    assert [row.position for row in rows] == list(range(start + 1, start + 1 + len(rows))), "no position is left out"
    for seen, places in results:
        check_whole(seen, stories)
        assert places == [row.position for row in rows if row.type in TYPES]


async def test_a_stream_goes_on_through_an_outage_without_a_gap(
    settings: NotificationSettings, database: FlakyDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streams and long polls wait while the database is away, and what came meanwhile is told once."""
    monkeypatch.setattr(stream_module, "PER_LOOK", 4)
    writing = Database(database.engine)
    recorder = FeedRecorder(writing, RequesterIds(settings), timedelta(days=7), lambda: None, lambda: None)
    signal = FeedSignal(database)
    looking = asyncio.create_task(signal.run())
    streams, query, start = FeedStreams(database, signal), FeedQuery(TYPES), await end_of_feed(writing)
    told: list[Envelope] = []

    async def may_read() -> bool:
        return True

    async def follow() -> None:
        reader = StreamedFeed(query, start, may_read)
        first = await read_page(writing, query, start, 4)
        async for event in streams._events(reader, first, anyio.Event()):
            if event.event is not None:
                told.append(Envelope.model_validate_json(str(event.data)))

    following = asyncio.create_task(follow())
    stories = [TicketEvents() for _ in range(9)]
    try:
        for number, story in enumerate(stories):
            database.is_away = number % 3 == 1
            await recorder.on_events([story.opened(), story.triaged(), story.assigned()])
            await signal.wait_beyond(10**12, 0.15)
        database.is_away = False

        async def all_are_told() -> None:
            assert len(told) >= 3 * len(stories)

        await eventually(all_are_told, within=20)
    finally:
        following.cancel()
        looking.cancel()
        await asyncio.gather(following, looking, return_exceptions=True)
    check_whole(told, stories)
