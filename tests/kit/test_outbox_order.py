"""What the bus refuses holds up the later events about the same entity, and nothing else, until an operator acts."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import insert, text
from typer.testing import CliRunner

from deploy.cli.app import build_app
from deploy.cli.status import outbox_line
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import Event, MessageUnclaimed, TicketErased
from shared.kit import outbox
from shared.kit import relay as relays
from shared.kit.backoff import Backoff
from shared.kit.bus import Bus
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Database, dsn_of
from shared.kit.outbox_order import STATE
from shared.kit.outbox_row import OutboxRow
from shared.kit.relay import Relay
from shared.kit.settings import ServiceSettings
from shared.kit.tables import outbox as outbox_table
from tests.kit.events import announce
from tests.kit.test_outbox import BIG, has_left, is_drained, parked, published, relaying
from tests.support.eventually import eventually


@pytest.fixture(autouse=True)
def quickly_and_without_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refusals follow each other at once, and whatever is published here, no sweep has found it."""
    monkeypatch.setattr(relays, "DEPENDENCY", Backoff((0.01,) * 5))
    monkeypatch.setattr(relays, "SWEEP_SECONDS", 1000.0)


@pytest.fixture
def cli(kit_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("EVERDESK_DATABASE_URL", kit_settings.database_url.get_secret_value())
    return CliRunner()


async def run(cli: CliRunner, *words: str) -> str:
    done = await asyncio.to_thread(cli.invoke, build_app(), ["outbox", *words])
    assert done.exit_code == 0, done.output
    return done.output


async def announce_too_large(database: Database, topic_id: UUID, name: str) -> None:
    """An event no server takes, as when `max_payload` was lowered since it was written."""
    event_id, subject = f"{topic_id}:{name}", f"everdesk.topic.changed.v1.{topic_id}"
    row = {"event_id": event_id, "subject": subject, "envelope": BIG}
    async with database.begin() as session:
        row_id = await session.scalar(insert(outbox_table).values(row).returning(outbox_table.c.id))
        assert row_id is not None
        outbox.note_rows(session, [OutboxRow(row_id, event_id, subject, BIG)])


async def shorten(database: Database, event_id: str) -> None:
    """Stands for a server that takes larger messages now."""
    async with database.begin() as session:
        await session.execute(text("update outbox set envelope = '{}' where event_id = :id"), {"id": event_id})


async def is_parked(database: Database, *event_ids: str) -> bool:
    return {event_id for event_id, _ in await parked(database)} == set(event_ids)


async def number_of(database: Database, event_id: str) -> str:
    async with database.begin() as session:
        return str(await session.scalar(text("select id from outbox where event_id = :id"), {"id": event_id}))


@pytest.mark.parametrize("is_handed_over", [True, False], ids=["handed over", "read from the table"])
async def test_later_events_wait_behind_a_refused_one_and_follow_it_in_order_when_it_is_taken(
    database: Database, bus: Bus, kit_settings: ServiceSettings, cli: CliRunner, *, is_handed_over: bool
) -> None:
    held, free = new_id(), new_id()
    relay = Relay(dsn_of(kit_settings), bus, "kit")
    own = Database(database.engine)
    if is_handed_over:
        own.publish_with(relay.publish)
    async with relaying(relay):
        await announce(own, held, range(1))
        await eventually(lambda: is_drained(database))
        await announce_too_large(own, held, "large")
        await announce(own, held, range(1, 3))
        await announce(own, free, range(2))
        relay.wake()
        await eventually(lambda: is_parked(database, f"{held}:large"))
        await announce(own, held, range(3, 5))
        await announce(own, free, range(2, 4))
        relay.wake()
        await eventually(lambda: has_left(database, f"{free}:3"))
        assert await published(bus, held) == [f"{held}:0"]
        assert await published(bus, free) == [f"{free}:{number}" for number in range(4)]
        listed = await run(cli, "list", "--service", "intake")
        assert "4 later events about it wait" in listed
        await shorten(database, f"{held}:large")
        await run(cli, "replay", "intake", await number_of(database, f"{held}:large"))
        await eventually(lambda: is_drained(database))
        await announce(own, held, range(5, 6))
        relay.wake()
        await eventually(lambda: is_drained(database))
    assert await published(bus, held) == [f"{held}:{name}" for name in (0, "large", 1, 2, 3, 4, 5)]


async def test_what_stood_behind_a_discarded_event_goes_on(
    database: Database, bus: Bus, kit_settings: ServiceSettings, cli: CliRunner
) -> None:
    topic_id = new_id()
    async with relaying(Relay(dsn_of(kit_settings), bus, "kit")):
        await announce_too_large(database, topic_id, "first")
        await announce(database, topic_id, range(1))
        await announce_too_large(database, topic_id, "second")
        await announce(database, topic_id, range(1, 2))
        await eventually(lambda: is_parked(database, f"{topic_id}:first"))
        await run(cli, "discard", "intake", await number_of(database, f"{topic_id}:first"), "--yes")
        await eventually(lambda: is_parked(database, f"{topic_id}:second"))
        assert await published(bus, topic_id) == [f"{topic_id}:0"]
        await run(cli, "discard", "intake", await number_of(database, f"{topic_id}:second"), "--yes")
        await eventually(lambda: is_drained(database))
    assert await published(bus, topic_id) == [f"{topic_id}:0", f"{topic_id}:1"]


async def test_an_erasure_waits_behind_nothing(database: Database, bus: Bus, kit_settings: ServiceSettings) -> None:
    ticket_id = TicketId(new_id())
    erased = TicketErased(ticket_id=ticket_id, erased_at=utc_now())
    later: Event = MessageUnclaimed(ticket_id=ticket_id, message_id=MessageId(new_id()))
    async with relaying(Relay(dsn_of(kit_settings), bus, "kit")):
        await announce_too_large(database, ticket_id, "large")
        async with database.begin() as session:
            await outbox.add(session, later, f"later:{ticket_id}", utc_now())
            await outbox.add(session, erased, f"erased:{ticket_id}", utc_now())
        await eventually(lambda: has_left(database, f"erased:{ticket_id}"))
        assert not await has_left(database, f"later:{ticket_id}")


async def test_what_waits_behind_a_parked_event_is_told_to_operators_and_is_no_outage(
    database: Database,
) -> None:
    topic_id = new_id()
    await announce_too_large(database, topic_id, "large")
    await announce(database, topic_id, range(2))
    await announce(database, new_id(), range(1))
    async with database.connection() as connection:
        await connection.execute(text("update outbox set created_at = now() - interval '1 hour'"))
        await connection.execute(
            text("update outbox set parked_at = now(), refusals = 5 where length(envelope) > 9000")
        )
    with pytest.raises(outbox.OutboxStuck):
        await outbox.check_age(database)
    async with database.connection() as connection:
        await connection.execute(text("delete from outbox where subject not like :theirs"), {"theirs": f"%.{topic_id}"})
    await outbox.check_age(database)
    async with database.single() as connection:
        line = outbox_line("intake", *(await connection.execute(text(STATE))).one())
    assert (line.state, line.is_good) == ("0 events", False)
    assert "1 parked" in line.more
    assert "2 wait behind" in line.more


async def test_a_refused_event_costs_the_same_however_many_others_wait(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute(
            text("""
            insert into outbox (event_id, subject, envelope, refusals, parked_at)
            select n::text, 'everdesk.topic.changed.v1.' || gen_random_uuid(), '', case when n < 9 then 5 else 0 end,
              case when n < 9 then now() end from generate_series(1, 20000) as n
            """)
        )
        await connection.execute(text("analyze outbox"))
        statement = relays.WAITING.replace("$1", "200")
        plan = "\n".join(await connection.scalars(text(f"explain (analyze, buffers off) {statement}")))
    assert "Seq Scan" not in plan, plan
    assert "Sort" not in plan, plan
