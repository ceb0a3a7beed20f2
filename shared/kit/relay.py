"""Publishes the outbox: the events of committed transactions, by whichever process of the service leads."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import asyncpg

from shared.kit.backoff import DEPENDENCY, Pauses
from shared.kit.bus import Bus, BusMessage
from shared.kit.bus.connection import REFUSED as BUS_ERRORS
from shared.kit.db import LEADER_SETTINGS, OUTBOX_CHANNEL, UNREACHABLE
from shared.kit.outbox_order import HELD, MAY_LEAVE, REFUSED_FIRST, may_leave, side_by_side
from shared.kit.outbox_row import OutboxRow
from shared.kit.published_rows import PublishedRows
from shared.kit.stopping import pass_on_cancellation
from shared.kit.telemetry import OUTBOX_PARKED, OUTBOX_SENT, log

LEADER_LOCK = 7_241_001
BATCH = 200
MOST_HANDED = 2000
"""Committed rows kept in memory until they are published; more are read from the table instead."""
MOST_REMEMBERED = 10_000
"""Ids of events that were applied as they were announced, for consumers that pass over these."""
MAX_REFUSALS = 5
"""How often the bus may refuse an event itself before its row is parked."""
SWEEP_SECONDS = 8.0
"""The longest a row waits whose notification was lost, or whose process died before it published it."""
FOLLOW_SECONDS = 2.5
"""How often a relay that does not lead tries to, for nobody tells of a leader that was killed."""
RETRY_SECONDS = 1.0
"""Until a relay that has just told the leader of rows, or could not compare with the stream, looks again."""
TAKE_SECONDS = 0.25
"""How long rows stay in the table after they were published, so that several are taken out in one statement."""
AWAY: tuple[type[BaseException], ...] = (OSError, TimeoutError, asyncpg.PostgresError, *UNREACHABLE)
FREE = "free"
"""The notification of a leader that stops leading."""

WAITING = f"""
with {REFUSED_FIRST}
select id, event_id, subject, envelope from outbox where {MAY_LEAVE} order by refusals, id limit $1
"""  # noqa: S608 - SQL made of constants
"""Rows that were refused before are tried after all others, and hold up only what is about the same entity."""
REFUSED = """
update outbox set refusals = refusals + 1, last_refusal = said,
  parked_at = case when refusals + 1 >= $3 then now() end
from unnest($1::bigint[], $2::text[]) as refused (row_id, said) where id = row_id
returning event_id, parked_at is not null as is_parked
"""
TRY_TO_LEAD = "select pg_try_advisory_lock($1)"
STOP_LEADING = "select pg_advisory_unlock($1), pg_notify($2, $3)"
NOTIFY = "select pg_notify($1, '')"


class Relay:
    """Publishes a service's outbox. Any number run; a session advisory lock picks the leader.

    The leading process hands over what it has committed, so such rows are published without being read back; rows of
    other processes are read from the table when NOTIFY says so. NOTIFY is sent outside the transaction, because inside
    it PostgreSQL commits one by one. A sweep covers lost notifications. The leader takes rows away by id once the
    stream has acknowledged them, so no cursor can skip a row that commits late; for some minutes they are kept aside,
    in case the stream is restored from an older state.
    """

    def __init__(self, dsn: str, bus: Bus, service: str, on_announced: Callable[[], None] = lambda: None) -> None:
        """`on_announced` is called after each commit in this process that announces something."""
        self._dsn = dsn
        self._bus = bus
        self._service = service
        self._woken = asyncio.Event()
        self._is_leading = False
        self._may_lead = True
        self._is_to_read = True
        self._is_reading = False
        self._handed: deque[OutboxRow] = deque()
        self._held: frozenset[str] = frozenset()
        self._applied: dict[str, None] = {}
        self._acknowledged: dict[int, int] = {}
        self._take_at = 0.0
        self._published = PublishedRows()
        self._on_announced = on_announced
        bus.on_change(self._woken.set)

    def publish(self, rows: Sequence[OutboxRow]) -> None:
        """Publishes rows of a transaction that has just committed in this process; none: they have to be read."""
        self._applied |= dict.fromkeys(row.event_id for row in rows if row.is_applied)
        while len(self._applied) > MOST_REMEMBERED:
            del self._applied[next(iter(self._applied))]
        has_room = len(self._handed) + len(rows) <= MOST_HANDED
        if rows and has_room and self._is_leading and not self._is_reading:
            self._handed.extend(rows)
        else:
            self._is_to_read = True
        self._woken.set()
        self._on_announced()

    def has_applied(self, event_id: str) -> bool:
        """Whether this process has committed the event's whole effect with the event, lately. False says nothing."""
        return event_id in self._applied

    def wake(self) -> None:
        """Tells the leader, here or elsewhere, that there are new rows in the table."""
        self.publish(())

    def hand_over(self) -> None:
        """Leaves the lead to another process, for good; rows that come yet are told to it."""
        self._may_lead = False
        self._woken.set()

    async def run(self) -> None:
        """Leads or waits to lead, for ever."""
        pauses = Pauses(DEPENDENCY)
        while True:
            try:
                connection = await asyncpg.connect(
                    self._dsn, timeout=5, command_timeout=30, server_settings=LEADER_SETTINGS
                )
                try:
                    pauses.reset()
                    await self._serve(connection)
                finally:
                    await self._close(connection)
            except AWAY as error:
                log.warning("outbox.database_away", service=self._service, error=repr(error))
                await pauses.wait()

    async def _close(self, connection: "asyncpg.Connection[Any]") -> None:
        """Says that somebody else may lead, if the connection still carries it."""
        for step in (self._stop_leading(connection), connection.close()):
            with suppress(Exception):
                async with asyncio.timeout(2):
                    await step

    async def _serve(self, connection: "asyncpg.Connection[Any]") -> None:
        """Leads while the bus is there and nobody else does; else passes wake-ups on to whoever leads."""
        connection.add_termination_listener(lambda _: self._woken.set())
        await connection.add_listener(OUTBOX_CHANNEL, self._on_notification)
        while True:
            self._woken.clear()
            within = min(FOLLOW_SECONDS, SWEEP_SECONDS)
            if self._may_lead and self._bus.is_connected and await connection.fetchval(TRY_TO_LEAD, LEADER_LOCK):
                await self._lead(connection)
                await self._stop_leading(connection)
            elif self._is_to_read:
                self._is_to_read = False
                await connection.execute(NOTIFY, OUTBOX_CHANNEL)
                within = RETRY_SECONDS
            await self._wait(connection, within)

    def _on_notification(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        if payload == FREE:
            self._woken.set()
        elif self._is_leading:
            self._is_to_read = True
            self._woken.set()

    async def _stop_leading(self, connection: "asyncpg.Connection[Any]") -> None:
        if self._is_leading:
            self._is_leading, self._is_to_read = False, True
            self._handed.clear()
            await connection.execute(STOP_LEADING, LEADER_LOCK, OUTBOX_CHANNEL, FREE)

    async def _wait(self, connection: "asyncpg.Connection[Any]", seconds: float) -> None:
        """For news. Raises ConnectionError if the connection over which it would come is lost."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        if connection.is_closed():
            raise ConnectionError("the relay's connection was lost")

    async def _lead(self, connection: "asyncpg.Connection[Any]") -> None:
        """Publishes until the bus is away from here, for it may be there for another relay, or the lead is left."""
        log.info("outbox.leading", service=self._service)
        self._is_leading = self._is_to_read = True
        loop = asyncio.get_running_loop()
        compared, sweep_at = -1, loop.time() + SWEEP_SECONDS
        while self._bus.is_connected and self._may_lead:
            self._woken.clear()
            pass_on_cancellation()
            if compared != self._bus.generation:
                compared = await self._compare(connection)
            await self._publish_handed()
            if loop.time() >= sweep_at:
                sweep_at, self._is_to_read = loop.time() + SWEEP_SECONDS, True
                await self._published.forget_old(connection)
            if self._is_to_read:
                await self._read_and_publish(connection, compared)
            elif self._acknowledged and loop.time() >= self._take_at:
                await self._take(connection)
            until = min(sweep_at, self._take_at) if self._acknowledged else sweep_at
            await self._wait(connection, until - loop.time() if compared >= 0 else RETRY_SECONDS)
        if not self._may_lead:
            await self._take(connection)

    async def _compare(self, connection: "asyncpg.Connection[Any]") -> int:
        """Puts back into the outbox what the stream has lost; returns the bus's generation this is true for."""
        generation = self._bus.generation
        self._is_to_read = True
        await self._take(connection)
        try:
            js = await self._bus.jetstream()
            gone = await self._published.lost_for_good(js)
            back = await self._published.put_back_lost(connection, js)
        except BUS_ERRORS as error:
            log.warning("outbox.not_compared", service=self._service, error=repr(error))
            return -1
        if gone is not None:
            ends_at, published = gone
            log.error("outbox.lost_for_good", service=self._service, stream_ends_at=ends_at, published_up_to=published)
        if back:
            log.error("outbox.published_again", service=self._service, count=back)
        return generation

    async def _publish_handed(self) -> None:
        """Publishes what this process has committed; whatever is not acknowledged is read from the table again."""
        while self._handed and not self._is_to_read:
            rows = self._next_handed()
            messages = [_message(row.event_id, row.subject, row.envelope) for row in rows]
            published = await self._bus.publish_each(messages)
            self._acknowledge({rows[place].id: sequence for place, sequence in published.sequences.items()})
            self._is_to_read = self._is_to_read or len(published.acknowledged) < len(rows)

    def _next_handed(self) -> list[OutboxRow]:
        """Up to BATCH rows that may be sent together; what waits behind a refused one stays in the table."""
        rows = [self._handed.popleft() for _ in range(min(BATCH, len(self._handed)))]
        free = [row for row in rows if may_leave(row.subject, self._held)]
        now, later = side_by_side([(row.subject, len(row.envelope)) for row in free])
        self._handed.extendleft(free[place] for place in reversed(later))
        return [free[place] for place in now]

    async def _read_and_publish(self, connection: "asyncpg.Connection[Any]", compared: int) -> None:
        """Publishes what is in the table, for as long as that goes on."""
        self._is_to_read, self._is_reading = False, True
        self._handed.clear()
        try:
            await self._take(connection)
            while await self._publish_batch(connection) and self._bus.generation in (compared, 0):
                if not self._bus.is_connected:
                    break
            self._held = frozenset(row["about"] for row in await connection.fetch(HELD))
        finally:
            self._is_reading = False

    async def _publish_batch(self, connection: "asyncpg.Connection[Any]") -> bool:
        """Publishes up to BATCH rows; True if there may be more."""
        found = await connection.fetch(WAITING, BATCH)
        if not found:
            return False
        now, later = side_by_side([(row["subject"], len(row["envelope"])) for row in found])
        rows = [found[place] for place in now]
        published = await self._bus.publish_each(
            [_message(row["event_id"], row["subject"], row["envelope"]) for row in rows]
        )
        self._acknowledge({rows[place]["id"]: sequence for place, sequence in published.sequences.items()})
        await self._take(connection)
        await self._note_refusals(connection, {rows[i]["id"]: said for i, said in published.refused.items()})
        if not published.acknowledged:
            await asyncio.sleep(DEPENDENCY.after(2))
            return True
        return len(found) == BATCH or bool(later) or len(published.acknowledged) < len(rows)

    def _acknowledge(self, sequences: Mapping[int, int]) -> None:
        if not self._acknowledged:
            self._take_at = asyncio.get_running_loop().time() + TAKE_SECONDS
        self._acknowledged |= sequences
        OUTBOX_SENT.labels(self._service).inc(len(sequences))

    async def _take(self, connection: "asyncpg.Connection[Any]") -> None:
        """Takes published rows out of the table, in one statement."""
        if taken := self._acknowledged:
            self._acknowledged = {}
            await self._published.take(connection, taken)

    async def _note_refusals(self, connection: "asyncpg.Connection[Any]", refused: Mapping[int, str]) -> None:
        """Counts refusals; a row refused too often stays in the table, out of the way, until an operator acts."""
        if not refused:
            return
        for row in await connection.fetch(REFUSED, list(refused), list(refused.values()), MAX_REFUSALS):
            if row["is_parked"]:
                log.error("outbox.parked", service=self._service, event_id=row["event_id"])
                OUTBOX_PARKED.labels(self._service).inc()


def _message(event_id: str, subject: str, envelope: bytes) -> BusMessage:
    return BusMessage(id=event_id, subject=subject, payload=envelope)
