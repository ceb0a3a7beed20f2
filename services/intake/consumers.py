"""What intake hears on the bus: where tickets stand, what agents answer, which messages found no ticket."""

from collections.abc import Sequence

from services.intake.commands.open_follow_up import open_follow_up
from services.intake.commands.project import project
from services.intake.commands.record_reply import record_reply
from shared.contracts.events import EVENTS, Envelope, LifecycleEvent, MessagePosted, MessageUnclaimed
from shared.contracts.vocabulary import ActorKind
from shared.kit import inbox
from shared.kit.bus import Consumer
from shared.kit.db import Database, Session
from shared.kit.outbox import Relay

CONSUMER = "intake"
LIFECYCLE = frozenset(name for name, kind in EVENTS.items() if issubclass(kind, LifecycleEvent))
HANDLED = LIFECYCLE | {MessagePosted.type(), MessageUnclaimed.type()}
SUBJECTS = tuple(EVENTS[name].subjects() for name in sorted(HANDLED))
"""One subject per event that is handled: what intake announces itself is not sent back to it."""


def consumer(database: Database, relay: Relay) -> Consumer:
    """Intake's one consumer."""

    async def handle(events: list[Envelope]) -> None:
        await on_events(database, events)
        relay.wake()

    return Consumer(CONSUMER, SUBJECTS, handle)


async def on_events(database: Database, events: Sequence[Envelope]) -> None:
    """Handles a batch in one transaction, each event once."""
    wanted = [event for event in events if _is_wanted(event)]
    if not wanted:
        return
    async with database.begin() as session:
        unseen = await inbox.claim(session, CONSUMER, wanted)
        await project(session, [LifecycleEvent.of(event).snapshot for event in _lifecycle(unseen)])
        for event in unseen:
            await _on_message(session, event)


def _is_wanted(event: Envelope) -> bool:
    """Our own requesters' messages come by as well; only what agents write is news."""
    if event.type == MessagePosted.type():
        return MessagePosted.of(event).author.kind is ActorKind.AGENT
    return event.type in HANDLED


def _lifecycle(events: Sequence[Envelope]) -> list[Envelope]:
    return [event for event in events if event.type in LIFECYCLE]


async def _on_message(session: Session, event: Envelope) -> None:
    if event.type == MessagePosted.type():
        await record_reply(session, MessagePosted.of(event))
    elif event.type == MessageUnclaimed.type():
        await open_follow_up(session, MessageUnclaimed.of(event))
