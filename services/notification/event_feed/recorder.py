"""The consumer that appends events to the feed and decides their webhook deliveries, in one transaction per batch.

Whoever appends holds the row of the feed's end until the commit. Positions therefore have no gaps and become visible in
their order: a reader that has seen a position has seen all before it.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.notification.erasure import ERASURES
from services.notification.event_feed import statements
from services.notification.event_feed.redaction import FeedEraser, holds_personal_data, without_data
from services.notification.event_feed.sequencing import IncomingEvent, TicketSequencer
from services.notification.event_selection import readable_events
from services.notification.webhooks.decisions import WebhookChoice, decide_deliveries
from shared.contracts.events import Envelope
from shared.kit.backoff import DEPENDENCY, retry
from shared.kit.bus import Consumer
from shared.kit.bus.consumer import is_away
from shared.kit.clock import utc_now
from shared.kit.db import Database, Session
from shared.kit.requester_ids import RequesterIds
from shared.kit.tombstones import lock_against_erasure

NAME = "notification-feed"
BATCH = 200
LINGER_SECONDS = 0.1
BUSY_SECONDS = 0.4
"""What one action causes is then one transaction, and under load what some actions cause."""
SWEEP_SECONDS = 8.0
"""The longest pause between two looks for held events whose deadline has passed."""


class FeedRecorder:
    """Appends events to the feed, each once."""

    def __init__(
        self,
        database: Database,
        ids: RequesterIds,
        keep: timedelta,
        on_recorded: Callable[[], None],
        on_deliveries: Callable[[], None],
    ) -> None:
        """`keep` is the feed's retention: an event older than that is not appended again."""
        self._database = database
        self._eraser = FeedEraser(ids)
        self._keep = keep
        self._on_recorded, self._on_deliveries = on_recorded, on_deliveries
        self._has_held = asyncio.Event()

    @property
    def consumer(self) -> Consumer:
        """The durable consumer of every event that programs may read."""
        subjects = tuple(event.subjects() for event in readable_events())
        return Consumer(NAME, subjects, self.on_events, batch=BATCH, linger=LINGER_SECONDS, busy_linger=BUSY_SECONDS)

    async def on_events(self, envelopes: Sequence[Envelope]) -> None:
        """Appends the events of a batch that the feed does not have, then wakes readers and the webhook sender."""
        oldest = utc_now() - self._keep
        incoming = {one.id: IncomingEvent.of(one) for one in envelopes if one.time > oldest}
        is_erasing = any(one.envelope.type in ERASURES for one in incoming.values())
        async with self._database.begin() as session:
            await lock_against_erasure(session, is_erasing=is_erasing)
            count = await self._append(session, list(incoming.values()))
            if is_erasing:
                await self._eraser.erase_for(session, [one.envelope for one in incoming.values()])
        self._wake(count)

    async def run_sweep(self) -> None:
        """Releases held events whose deadline has passed, until cancelled."""
        while True:
            self._has_held.clear()
            pause = await retry(self._release_due, DEPENDENCY, is_away)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._has_held.wait()

    async def _release_due(self) -> float:
        """Releases what is due; returns the seconds until more will be."""
        async with self._database.begin() as session:
            await lock_against_erasure(session, is_erasing=False)
            pause = await session.scalar(statements.NEXT_RELEASE)
            if pause is not None and pause <= 0:
                self._wake(await self._append(session, []))
        return min(SWEEP_SECONDS, max(0.05, pause)) if pause is not None else SWEEP_SECONDS

    async def _append(self, session: Session, incoming: Sequence[IncomingEvent]) -> tuple[int, int]:
        """Returns how many events and how many deliveries were added."""
        end = (await session.execute(statements.LOCK_END)).one()
        known = await self._look_up(session, incoming)
        held = [IncomingEvent.of(Envelope.model_validate_json(one), one) for one in known["held"] or ()]
        due = set(known["due"] or ())
        seqs = {UUID(ticket): seq for ticket, seq in (known["seqs"] or {}).items() if seq}
        sequencer = TicketSequencer(seqs, held, utc_now(), end.began_at)
        seen = set(known["seen"] or ())
        sequencer.add([one for one in incoming if one.envelope.id not in seen])
        sequencer.release([one for one in held if one.envelope.id in due])
        erased = {UUID(ticket) for ticket in known["erased"] or ()}
        rows = [_row(end.position + place, one, erased) for place, one in enumerate(sequencer.recorded, 1)]
        deliveries = decide_deliveries([WebhookChoice(**one) for one in known["webhooks"] or ()], rows)
        early = [_held_row(one, until) for one, until in sequencer.held]
        if rows or early:
            await self._write(session, rows, early, deliveries)
        if early:
            self._has_held.set()
        return len(rows), len(deliveries)

    async def _look_up(self, session: Session, incoming: Sequence[IncomingEvent]) -> dict[str, Any]:
        parameters = {
            "ids": [one.envelope.id for one in incoming],
            "tickets": [str(one.ticket_id) for one in incoming if one.ticket_id is not None],
        }
        return dict((await session.execute(statements.LOOK_UP, parameters)).mappings().one())

    async def _write(
        self,
        session: Session,
        rows: list[dict[str, Any]],
        early: list[dict[str, Any]],
        deliveries: list[dict[str, Any]],
    ) -> None:
        connection = await session.connection()
        if rows:
            await connection.execute(statements.APPEND, {"rows": rows, "count": len(rows)})
        if early:
            await connection.execute(statements.HOLD, {"rows": early})
        if deliveries:
            await connection.execute(statements.DELIVER, {"rows": deliveries})

    def _wake(self, added: tuple[int, int]) -> None:
        events, deliveries = added
        if events:
            self._on_recorded()
        if deliveries:
            self._on_deliveries()


def _row(position: int, event: IncomingEvent, erased: set[UUID]) -> dict[str, Any]:
    is_redacted = event.ticket_id in erased and holds_personal_data(event.envelope.type)
    return {
        "position": position,
        "event_id": event.envelope.id,
        "type": event.envelope.type,
        "entity_id": event.envelope.subject,
        "ticket_id": str(event.ticket_id) if event.ticket_id else None,
        "seq": event.seq,
        "envelope": without_data(event.envelope) if is_redacted else event.text,
    }


def _held_row(event: IncomingEvent, until: Any) -> dict[str, Any]:
    return {
        "event_id": event.envelope.id,
        "ticket_id": str(event.ticket_id),
        "seq": event.seq,
        "envelope": event.text,
        "release_at": until.isoformat(),
    }
