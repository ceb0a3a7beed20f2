"""The order in which events enter the feed: the steps of one ticket by their number, everything else as it arrives.

Steps of a ticket are announced by two publishers and may arrive in either order. A step that arrives before the one it
follows is held until that one has arrived, or until a deadline.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from shared.contracts.events import EVENTS, Envelope, LifecycleEvent

LATE = timedelta(minutes=10)
"""How long a step waits for the one before it: longer than a consumer that was killed keeps its events from others."""


@dataclass(frozen=True, slots=True)
class IncomingEvent:
    """An event on its way into the feed."""

    envelope: Envelope
    text: str
    """The envelope as JSON."""
    ticket_id: UUID | None
    seq: int | None
    """The number of the step in the ticket's life; None for what is no such step."""
    opened_at: datetime | None = None
    """When the ticket was opened; None for what is no step."""

    @classmethod
    def of(cls, envelope: Envelope, text: str | None = None) -> "IncomingEvent":
        """Reads of an envelope what the order depends on."""
        kind, data = EVENTS.get(envelope.type), envelope.data
        is_step = kind is not None and issubclass(kind, LifecycleEvent)
        ticket, seq, snapshot = data.get("ticket_id"), data.get("seq"), data.get("snapshot")
        opened_at = snapshot.get("opened_at") if is_step and isinstance(snapshot, dict) else None
        return cls(
            envelope,
            text or envelope.model_dump_json(),
            UUID(ticket) if isinstance(ticket, str) else None,
            seq if is_step and isinstance(seq, int) and isinstance(ticket, str) else None,
            datetime.fromisoformat(opened_at) if isinstance(opened_at, str) else None,
        )


class TicketSequencer:
    """Orders the steps of tickets, given the last step of each that the feed has and those that are held.

    Of a ticket that was opened before the feed began, and of which it has no step, the first to come is taken as it is.
    """

    def __init__(self, last: dict[UUID, int], held: Iterable[IncomingEvent], now: datetime, began_at: datetime) -> None:
        self.last = last
        self._now, self._began_at = now, began_at
        self._held: dict[UUID, dict[int, IncomingEvent]] = {}
        self.recorded: list[IncomingEvent] = []
        """What enters the feed now, in order."""
        self._newly_held: list[tuple[IncomingEvent, datetime]] = []
        for event in held:
            if event.ticket_id is not None and event.seq is not None:
                self._held.setdefault(event.ticket_id, {})[event.seq] = event

    def add(self, events: Sequence[IncomingEvent]) -> None:
        """Takes events in the order of their arrival."""
        for event in events:
            if event.ticket_id is None or event.seq is None or self._is_next(event, event.ticket_id, event.seq):
                self._record(event)
            else:
                self._hold(event.ticket_id, event.seq, event)

    def release(self, events: Sequence[IncomingEvent]) -> None:
        """Takes held events whose deadline has passed, and all that follow them without a gap."""
        for event in sorted(events, key=lambda one: one.seq or 0):
            held = self._held.get(event.ticket_id, {}) if event.ticket_id is not None else {}
            if held.pop(event.seq or 0, None) is not None:
                self._record(event)

    def _is_next(self, event: IncomingEvent, ticket_id: UUID, seq: int) -> bool:
        is_older = event.opened_at is not None and event.opened_at < self._began_at
        return seq <= self.last.get(ticket_id, 0) + 1 or (ticket_id not in self.last and is_older)

    def _record(self, event: IncomingEvent) -> None:
        """Takes an event, and the held ones that follow it without a gap."""
        following: IncomingEvent | None = event
        while following is not None:
            self.recorded.append(following)
            if following.ticket_id is None or following.seq is None:
                return
            seq = max(following.seq, self.last.get(following.ticket_id, 0))
            self.last[following.ticket_id] = seq
            following = self._held.get(following.ticket_id, {}).pop(seq + 1, None)

    def _hold(self, ticket_id: UUID, seq: int, event: IncomingEvent) -> None:
        self._held.setdefault(ticket_id, {})[seq] = event
        self._newly_held.append((event, self._now + LATE))

    @property
    def held(self) -> list[tuple[IncomingEvent, datetime]]:
        """Returns the events to hold from now on, each with its deadline."""
        return [
            (event, until)
            for event, until in self._newly_held
            if event.ticket_id is not None and event.seq in self._held.get(event.ticket_id, {})
        ]
