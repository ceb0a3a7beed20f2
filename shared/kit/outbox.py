"""Events leave a service only after its transaction: written as rows, then published by whichever relay leads."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from typing import Any

import asyncpg
from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from shared.contracts.events import Envelope, Event
from shared.kit.bus import Bus, Outgoing
from shared.kit.db import UNREACHABLE
from shared.kit.tables import outbox
from shared.kit.telemetry import OUTBOX_SENT, log

LEADER_LOCK = 7_241_001
BATCH = 200
SWEEP_SECONDS = 1.0
AWAY: tuple[type[BaseException], ...] = (OSError, TimeoutError, asyncpg.PostgresError, *UNREACHABLE)
RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)


def row_of(envelope: Envelope) -> dict[str, Any]:
    """The outbox row of an event."""
    return {
        "event_id": envelope.id,
        "subject": envelope.nats_subject,
        "envelope": envelope.model_dump_json().encode(),
    }


async def add(session: AsyncSession | AsyncConnection, event: Event, event_id: str, at: datetime) -> None:
    """Announces `event` if, and only if, the transaction commits."""
    await session.execute(insert(outbox).values(row_of(event.envelope(event_id, at))))


async def forget(session: AsyncSession, subjects: Collection[str]) -> None:
    """Withdraws what was announced on these subjects and has not left yet."""
    await session.execute(delete(outbox).where(outbox.c.subject.in_(subjects)))


class Relay:
    """Publishes a service's outbox in order. Any number run; a session advisory lock picks the leader.

    The leader deletes rows by id once the stream has acknowledged them, so no cursor can skip a row that
    commits late. `wake` is called after a commit and reaches the leader by LISTEN/NOTIFY; NOTIFY is sent
    outside the transaction, because inside it PostgreSQL commits one by one. A sweep covers a lost wake-up.
    """

    def __init__(self, dsn: str, bus: Bus, service: str) -> None:
        self._dsn = dsn
        self._bus = bus
        self._service = service
        self._wanted = asyncio.Event()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Tells the leader, here or elsewhere, that there are new rows."""
        self._wanted.set()
        self._woken.set()

    async def run(self) -> None:
        """Leads or waits to lead, for ever."""
        failures = 0
        while True:
            try:
                connection = await asyncpg.connect(self._dsn, timeout=5, command_timeout=30)
                try:
                    failures = 0
                    await self._serve(connection)
                finally:
                    with suppress(Exception):
                        await asyncio.wait_for(connection.close(), 2)
            except AWAY as error:
                log.warning("outbox.database_away", service=self._service, error=repr(error))
                await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1

    async def _serve(self, connection: "asyncpg.Connection[Any]") -> None:
        if not await connection.fetchval("select pg_try_advisory_lock($1)", LEADER_LOCK):
            await self._follow(connection)
            return
        await connection.add_listener("outbox", lambda *_: self._woken.set())
        log.info("outbox.leading", service=self._service)
        while True:
            self._woken.clear()
            while await self._publish_batch(connection):
                pass
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), SWEEP_SECONDS)

    async def _follow(self, connection: "asyncpg.Connection[Any]") -> None:
        """Passes wake-ups on to the leader until the leader's lock is free."""
        while not await connection.fetchval("select pg_try_advisory_lock($1)", LEADER_LOCK):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), SWEEP_SECONDS)
                self._wanted.clear()
                await connection.execute("select pg_notify('outbox', '')")
        await connection.execute("select pg_advisory_unlock($1)", LEADER_LOCK)

    async def _publish_batch(self, connection: "asyncpg.Connection[Any]") -> bool:
        """Publishes up to BATCH rows; True if there may be more."""
        rows = await connection.fetch("select id, event_id, subject, envelope from outbox order by id limit $1", BATCH)
        if not rows:
            return False
        batch = [Outgoing(id=row["event_id"], subject=row["subject"], payload=row["envelope"]) for row in rows]
        acknowledged = await self._bus.publish_until_acknowledged(batch)
        await connection.execute(
            "delete from outbox where id = any($1::bigint[])", [rows[i]["id"] for i in acknowledged]
        )
        OUTBOX_SENT.labels(self._service).inc(len(acknowledged))
        if len(acknowledged) < len(rows):
            await asyncio.sleep(RETRY_SECONDS[1])
            return True
        return len(rows) == BATCH
