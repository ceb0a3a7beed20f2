"""Reads ticket changes from the event stream once per process and distributes them to the open streams.

Every process reads the whole stream, so it does not matter which one holds a watcher's connection; a change's id is its
place in that stream, so that a watcher can go on at another process where it left off.
"""

import asyncio
import json
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from shared.contracts.base import AgentId, TeamId
from shared.contracts.events import MessagePosted
from shared.contracts.names import STREAM
from shared.domain.permissions import TicketPlace
from shared.kit.bus import Bus
from shared.kit.bus.connection import REFUSED
from shared.kit.bus.pull import PullStream
from shared.kit.clock import new_id
from shared.kit.telemetry import log

SUBJECTS: Final = ("everdesk.ticket.*.v1.*", MessagePosted.subjects())
CONSUMER: Final = "desk-live"
"""How the names of the consumers begin that read for open pages: one for each process, gone a minute after it."""
SHOWN: Final = ("number", "status", "priority", "team_id", "assignee_id", "revision", "seq", "updated_at")
KEPT: Final = 5_000
"""Changes that are remembered for watchers who come back."""
PLACES: Final = 50_000
"""Tickets of which it is remembered where they stood, to tell who loses sight of one."""
BATCH: Final = 200
LINGER_SECONDS: Final = 0.05
"""What one action causes is then told at once."""
UNWATCHED_LINGER_SECONDS: Final = 0.5
"""The same while many changes come and nobody watches."""
PAUSE_SECONDS: Final = 1.0
FindPlaces = Callable[[Collection[UUID]], Awaitable[Mapping[UUID, TicketPlace]]]


@dataclass(frozen=True, slots=True)
class TicketChange:
    """Something that happened to a ticket."""

    sequence: int
    kind: str
    ticket_id: UUID
    place: TicketPlace | None
    """Where the ticket stands after it; None if that is not known here."""
    before: TicketPlace | None
    """Where it stood before; None if that is not known, or it is new."""
    data: str
    """The JSON of the event that watchers are sent."""


class TicketChanges:
    """The last changes of tickets, and who waits for the next."""

    def __init__(self, bus: Bus, find_places: FindPlaces) -> None:
        """`find_places` tells where tickets stand of which no event was read."""
        self._bus = bus
        self._find_places = find_places
        self._kept: deque[TicketChange] = deque(maxlen=KEPT)
        self._places: OrderedDict[UUID, TicketPlace] = OrderedDict()
        self._waiting: set[Callable[[], None]] = set()
        self.first = 0
        """The place in the stream after which every change is known here."""
        self.last = 0
        """The place of the last change that was read."""

    def after(self, sequence: int) -> list[TicketChange]:
        """The changes after one; ask `has_all_after` whether they are complete."""
        found: list[TicketChange] = []
        for change in reversed(self._kept):
            if change.sequence <= sequence:
                break
            found.append(change)
        return found[::-1]

    def has_all_after(self, sequence: int) -> bool:
        """Whether nothing that happened after a change has been forgotten."""
        return sequence >= self.first

    @contextmanager
    def waiting(self) -> Iterator[asyncio.Event]:
        """An event that is set whenever there are more."""
        news = asyncio.Event()
        self._waiting.add(news.set)
        try:
            yield news
        finally:
            self._waiting.discard(news.set)

    async def run(self) -> None:
        """Reads the stream, for ever."""
        while True:
            try:
                await self._read(await self._bus.jetstream())
            except REFUSED as error:
                log.info("changes.stream_away", error=repr(error))
            await asyncio.sleep(PAUSE_SECONDS)

    async def _read(self, js: JetStreamContext) -> None:
        """Until the server is away; begins with some that have passed, to know what watchers may come back for."""
        if not self.last:
            state = (await js.stream_info(STREAM)).state
            self.first = self.last = max(state.last_seq - KEPT, state.first_seq - 1, 0)
        name = f"{CONSUMER}-{new_id().hex[-12:]}"
        config = ConsumerConfig(
            name=name,
            filter_subjects=list(SUBJECTS),
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self.last + 1,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=60.0,
            mem_storage=True,
        )
        await js.add_consumer(STREAM, config)
        pull, generation = PullStream(self._bus.client, name, BATCH), self._bus.generation
        try:
            with self._bus.calling_on_change(pull.interrupt):
                while self._bus.generation == generation:
                    messages = await pull.next_batch(LINGER_SECONDS, 0.0 if self._waiting else UNWATCHED_LINGER_SECONDS)
                    await self.take_all([(one.metadata.sequence.stream, one.data) for one in messages])
                    self._tell()
        finally:
            await pull.close()

    async def take_all(self, batch: Sequence[tuple[int, bytes]]) -> None:
        """Events of the stream, each with its place in it; what cannot be read is nobody's change."""
        events = [(sequence, event) for sequence, data in batch if (event := _read(data)) and sequence > self.last]
        strangers = {event.ticket_id for _, event in events if event.place is None} - self._places.keys()
        if strangers:
            for ticket_id, place in (await self._find_places(strangers)).items():
                self._remember(ticket_id, place)
        for sequence, event in events:
            if len(self._kept) == KEPT:
                self.first = self._kept[0].sequence
            self._kept.append(self._change(sequence, event))
        self.last = max([self.last, *(sequence for sequence, _ in batch)])

    def _tell(self) -> None:
        for tell in list(self._waiting):
            tell()

    def _change(self, sequence: int, event: "ReadEvent") -> TicketChange:
        before = self._places.get(event.ticket_id)
        place = event.place or before or (TicketPlace(None, None) if event.kind == "ticket.submitted" else None)
        if place is not None:
            self._remember(event.ticket_id, place)
        data = json.dumps({"id": sequence, **event.shown}, separators=(",", ":"))
        return TicketChange(sequence, event.kind, event.ticket_id, place, before, data)

    def _remember(self, ticket_id: UUID, place: TicketPlace) -> None:
        self._places[ticket_id] = place
        self._places.move_to_end(ticket_id)
        if len(self._places) > PLACES:
            self._places.popitem(last=False)


@dataclass(frozen=True, slots=True)
class ReadEvent:
    """What watchers are told of an event."""

    kind: str
    ticket_id: UUID
    place: TicketPlace | None
    shown: dict[str, Any]


def _read(data: bytes) -> ReadEvent | None:
    try:
        envelope = json.loads(data)
        body = envelope["data"]
        ticket_id, snapshot = UUID(body["ticket_id"]), body.get("snapshot")
        kind = str(envelope["type"]).removeprefix("everdesk.").rpartition(".")[0]
        actor = body.get("actor") or body.get("author") or {}
        shown = {"kind": kind, "ticket_id": str(ticket_id)} | {name: (snapshot or {}).get(name) for name in SHOWN}
        shown |= {"number": shown["number"] or body.get("number"), "actor_id": actor.get("id")}
        return ReadEvent(kind, ticket_id, _place_of(snapshot) if snapshot else None, shown)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _place_of(snapshot: dict[str, Any]) -> TicketPlace:
    team, agent = snapshot.get("team_id"), snapshot.get("assignee_id")
    return TicketPlace(TeamId(UUID(team)) if team else None, AgentId(UUID(agent)) if agent else None)
