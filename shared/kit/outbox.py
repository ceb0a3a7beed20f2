"""Events leave a service only after its transaction: written as rows, then published by whichever relay leads."""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from sqlalchemy import delete, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from shared.contracts.events import Envelope, Event
from shared.kit.backoff import DEPENDENCY, Pauses
from shared.kit.bus import Bus, BusMessage
from shared.kit.bus.connection import REFUSED as BUS_ERRORS
from shared.kit.db import UNREACHABLE, Database
from shared.kit.http.problems import Problem, invalid
from shared.kit.published_rows import PublishedRows
from shared.kit.tables import outbox, outbox_published
from shared.kit.telemetry import OUTBOX_PARKED, OUTBOX_SENT, log

LEADER_LOCK = 7_241_001
BATCH = 200
MAX_EVENT_BYTES = 960 * 1024
"""Of one event in JSON: NATS carries 1 MiB in one message, headers included."""
MAX_REFUSALS = 5
"""How often the bus may refuse an event itself before its row is parked."""
SWEEP_SECONDS = 1.0
AWAY: tuple[type[BaseException], ...] = (OSError, TimeoutError, asyncpg.PostgresError, *UNREACHABLE)


WAITING = """
select id, event_id, subject, envelope from outbox where parked_at is null order by refusals, id limit $1
"""
"""Rows that were refused before are tried after all others, so that they never hold up the rest."""
REFUSED = """
update outbox set refusals = refusals + 1, last_refusal = said,
  parked_at = case when refusals + 1 >= $3 then now() end
from unnest($1::bigint[], $2::text[]) as refused (row_id, said) where id = row_id
returning event_id, parked_at is not null as is_parked
"""


OLDEST = "select now() - created_at from outbox where parked_at is null order by refusals, id limit 1"
TRY_TO_LEAD = "select pg_try_advisory_lock($1)"
STUCK_AFTER = timedelta(seconds=30)


def row_of(envelope: Envelope) -> dict[str, Any]:
    """The outbox row of an event. Raises Problem 422 if the bus could never carry it."""
    content = envelope.model_dump_json().encode()
    if len(content) > MAX_EVENT_BYTES:
        raise too_large_to_carry()
    return {"event_id": envelope.id, "subject": envelope.nats_subject, "envelope": content}


def too_large_to_carry() -> Problem:
    """Escaped for the bus, what was written outgrows what one event can carry."""
    return invalid("/body", "is too large to be carried with all that belongs to it; shorten it")


async def add(session: AsyncSession | AsyncConnection, event: Event, event_id: str, at: datetime) -> None:
    """Announces `event` if, and only if, the transaction commits. Raises Problem 422 if it is too large."""
    await session.execute(insert(outbox).values(row_of(event.envelope(event_id, at))))


async def forget(session: AsyncSession, subjects: Collection[str]) -> None:
    """Withdraws what was announced on these subjects and has not left yet; what has is not published again."""
    await session.execute(delete(outbox).where(outbox.c.subject.in_(subjects)))
    await forget_published(session, subjects)


async def forget_published(session: AsyncSession, subjects: Collection[str]) -> None:
    """Keeps what has left on these subjects from being published again, and from being found here."""
    await session.execute(delete(outbox_published).where(outbox_published.c.subject.in_(subjects)))


async def check_age(database: Database) -> None:
    """Raises OutboxStuck if an event waits for longer than the bus should ever need."""
    async with database.single() as connection:
        age = await connection.scalar(text(OLDEST))
    if age is not None and age > STUCK_AFTER:
        raise OutboxStuck(f"the oldest event waits for {age}")


class OutboxStuck(Exception):
    """Events are accepted and do not leave."""


class Relay:
    """Publishes a service's outbox in order. Any number run; a session advisory lock picks the leader.

    The leader takes rows away by id once the stream has acknowledged them, so no cursor can skip a row that
    commits late; for some minutes they are kept aside, in case the stream is restored from an older state.
    `wake` is called after a commit and reaches the leader by LISTEN/NOTIFY; NOTIFY is sent outside the
    transaction, because inside it PostgreSQL commits one by one. A sweep covers a lost wake-up.
    """

    def __init__(self, dsn: str, bus: Bus, service: str) -> None:
        self._dsn = dsn
        self._bus = bus
        self._service = service
        self._wanted = asyncio.Event()
        self._woken = asyncio.Event()
        self._published = PublishedRows()

    def wake(self) -> None:
        """Tells the leader, here or elsewhere, that there are new rows."""
        self._wanted.set()
        self._woken.set()

    async def run(self) -> None:
        """Leads or waits to lead, for ever."""
        pauses = Pauses(DEPENDENCY)
        while True:
            try:
                connection = await asyncpg.connect(self._dsn, timeout=5, command_timeout=30)
                try:
                    pauses.reset()
                    await self._serve(connection)
                finally:
                    with suppress(Exception):
                        await asyncio.wait_for(connection.close(), 2)
            except AWAY as error:
                log.warning("outbox.database_away", service=self._service, error=repr(error))
                await pauses.wait()

    async def _serve(self, connection: "asyncpg.Connection[Any]") -> None:
        """Leads while the bus is there and nobody else does; else passes wake-ups on to whoever leads."""
        await connection.add_listener("outbox", lambda *_: self._woken.set())
        while True:
            if self._bus.is_connected and await connection.fetchval(TRY_TO_LEAD, LEADER_LOCK):
                await self._lead(connection)
                await connection.execute("select pg_advisory_unlock($1)", LEADER_LOCK)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), SWEEP_SECONDS)
                self._wanted.clear()
                await connection.execute("select pg_notify('outbox', '')")

    async def _lead(self, connection: "asyncpg.Connection[Any]") -> None:
        """Publishes until the bus is away from here: it may be there for another relay."""
        log.info("outbox.leading", service=self._service)
        compared = -1
        while self._bus.is_connected:
            self._woken.clear()
            if compared != self._bus.generation:
                compared = await self._compare(connection)
            while await self._publish_batch(connection) and self._bus.generation in (compared, 0):
                if not self._bus.is_connected:
                    return
            await self._published.forget_old(connection)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), SWEEP_SECONDS)

    async def _compare(self, connection: "asyncpg.Connection[Any]") -> int:
        """Puts back into the outbox what the stream has lost; returns the bus's generation this is true for."""
        generation = self._bus.generation
        try:
            back = await self._published.put_back_lost(connection, await self._bus.jetstream())
        except BUS_ERRORS as error:
            log.warning("outbox.not_compared", service=self._service, error=repr(error))
            return -1
        if back:
            log.error("outbox.published_again", service=self._service, count=back)
        return generation

    async def _publish_batch(self, connection: "asyncpg.Connection[Any]") -> bool:
        """Publishes up to BATCH rows; True if there may be more."""
        rows = await connection.fetch(WAITING, BATCH)
        if not rows:
            return False
        batch = [BusMessage(id=row["event_id"], subject=row["subject"], payload=row["envelope"]) for row in rows]
        published = await self._bus.publish_each(batch)
        await self._published.take(connection, {rows[i]["id"]: seq for i, seq in published.sequences.items()})
        OUTBOX_SENT.labels(self._service).inc(len(published.acknowledged))
        await self._note_refusals(connection, {rows[i]["id"]: said for i, said in published.refused.items()})
        if not published.acknowledged:
            await asyncio.sleep(DEPENDENCY.after(2))
            return True
        return len(rows) == BATCH or len(published.acknowledged) < len(rows)

    async def _note_refusals(self, connection: "asyncpg.Connection[Any]", refused: Mapping[int, str]) -> None:
        """Counts refusals; a row refused too often stays in the table, out of the way, until an operator acts."""
        if not refused:
            return
        for row in await connection.fetch(REFUSED, list(refused), list(refused.values()), MAX_REFUSALS):
            if row["is_parked"]:
                log.error("outbox.parked", service=self._service, event_id=row["event_id"])
                OUTBOX_PARKED.labels(self._service).inc()
