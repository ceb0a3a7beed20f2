"""Splits a batch of events: which of them are new, and which can be handled in one statement."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.contracts.events import (
    EVENTS,
    AgentChanged,
    Envelope,
    Event,
    FollowerChanged,
    LifecycleEvent,
    ParticipantChanged,
    RequesterErased,
    TeamChanged,
    TicketClosed,
    TicketEdited,
    TicketErased,
    TicketMentioned,
    TicketReopened,
    TicketResolved,
    TicketSubmitted,
)
from shared.kit.db import Session
from shared.kit.inbox import claim

NAME = "notification"
IDEMPOTENT = (TicketSubmitted, LifecycleEvent, AgentChanged, TeamChanged)
"""Projections take only what is newer, and the ledger knows each event's decisions: handled twice, these do nothing."""
PEOPLE = (AgentChanged, TeamChanged)
"""What says who there is, and who sees what."""
COPIES = (TicketResolved, TicketReopened, TicketClosed)
"""Handled again later, it would be told those who have joined meanwhile."""
ALONE = (ParticipantChanged, TicketMentioned, FollowerChanged, RequesterErased, TicketEdited, TicketErased)
"""They change who is told of the events after them."""


async def unseen_of(session: Session, envelopes: Sequence[Envelope]) -> list[Envelope]:
    """Returns the events that were not handled before, or whose handling is idempotent, each once and in order."""
    remembered = [envelope for envelope in envelopes if not _is_idempotent(envelope)]
    new = {envelope.id for envelope in await claim(session, NAME, remembered)} if remembered else set()
    first = {envelope.id: envelope for envelope in reversed(envelopes)}
    return [one for one in envelopes if first[one.id] is one and (one.id in new or _is_idempotent(one))]


def _is_idempotent(envelope: Envelope) -> bool:
    kind = EVENTS[envelope.type]
    return issubclass(kind, IDEMPOTENT) and not issubclass(kind, COPIES)


def in_order(envelopes: Sequence[Envelope]) -> list[Envelope]:
    """Returns the events of one batch with those of people first, the others by entity, each entity's as they came.

    Somebody who may see a ticket since just before they were mentioned on it is told.
    """
    return sorted(envelopes, key=lambda one: (not issubclass(EVENTS[one.type], PEOPLE), one.subject))


@dataclass(frozen=True, slots=True)
class Batch:
    """Events in the order in which they are handled."""

    envelopes: Sequence[Envelope]

    def runs(self) -> Iterator[list[tuple[str, Event]]]:
        """Groups events by whether they change the recipients of others: such an event is alone in its group."""
        run: list[tuple[str, Event]] = []
        for envelope in self.envelopes:
            event = envelope.open()
            if isinstance(event, ALONE):
                if run:
                    yield run
                yield [(envelope.id, event)]
                run = []
            else:
                run.append((envelope.id, event))
        if run:
            yield run
