"""What intake hears on the bus: where tickets stand, what agents answer, which messages found no ticket."""

from collections.abc import Sequence

from services.intake.abuse.invitations import InvitationLimits
from services.intake.commands.decide_participant import decide_participant
from services.intake.commands.open_follow_up import open_follow_up
from services.intake.commands.projection import project, project_agents
from services.intake.commands.record_reply import record_reply
from services.intake.live import announce, record
from shared.contracts.events import (
    EVENTS,
    AgentChanged,
    Envelope,
    LifecycleEvent,
    MessagePosted,
    MessageUnclaimed,
    ParticipantDecided,
)
from shared.contracts.vocabulary import ActorKind
from shared.kit import inbox
from shared.kit.bus import LINGER_SECONDS, Consumer
from shared.kit.db import Database, Session

CONSUMER = "intake"
AGENTS = "intake-agents"
"""A consumer of its own, so that an older installation hears of the agents there are."""
LIFECYCLE = frozenset(name for name, kind in EVENTS.items() if issubclass(kind, LifecycleEvent))
HANDLED = LIFECYCLE | {MessagePosted.type(), MessageUnclaimed.type(), ParticipantDecided.type()}
SUBJECTS = tuple(EVENTS[name].subjects() for name in sorted(HANDLED))
"""One subject per event that is handled: what intake announces itself is not sent back to it."""


def consumer(database: Database, limits: InvitationLimits) -> Consumer:
    """Intake's one consumer."""

    async def handle(events: list[Envelope]) -> None:
        await on_events(database, limits, events)

    return Consumer(CONSUMER, SUBJECTS, handle, linger=LINGER_SECONDS)


def agents_consumer(database: Database) -> Consumer:
    """Keeps who is an agent."""

    async def handle(events: list[Envelope]) -> None:
        async with database.begin() as session:
            unseen = await inbox.claim(session, AGENTS, events)
            await project_agents(session, [AgentChanged.of(event) for event in unseen])

    return Consumer(AGENTS, (AgentChanged.subjects(),), handle)


async def on_events(database: Database, limits: InvitationLimits, events: Sequence[Envelope]) -> None:
    """Handles a batch in one transaction, each event once; then those who wait for news of its tickets are woken."""
    wanted = [event for event in events if event.type in HANDLED]
    if not wanted:
        return
    async with database.begin() as session:
        unseen = await inbox.claim(session, CONSUMER, wanted)
        told = await record(session, unseen)
        await project(session, [LifecycleEvent.of(event).snapshot for event in _lifecycle(unseen)])
        for event in unseen:
            await _on_message(session, event)
        for event in unseen:
            if event.type == ParticipantDecided.type():
                told.add(await decide_participant(session, limits, ParticipantDecided.of(event)))
    await announce(database, told)


def _lifecycle(events: Sequence[Envelope]) -> list[Envelope]:
    return [event for event in events if event.type in LIFECYCLE]


async def _on_message(session: Session, event: Envelope) -> None:
    """What requesters write is here already: only what agents write must be kept."""
    if event.type == MessagePosted.type():
        posted = MessagePosted.of(event)
        if posted.author.kind is ActorKind.AGENT:
            await record_reply(session, posted)
    elif event.type == MessageUnclaimed.type():
        await open_follow_up(session, MessageUnclaimed.of(event))
