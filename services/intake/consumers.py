"""Intake's consumers: lifecycle events, agents' replies, and messages whose ticket has no workflow any more."""

from collections.abc import Callable, Sequence
from uuid import UUID

from sqlalchemy import update

from services.intake.abuse.invitations import InvitationLimits
from services.intake.commands.agent_edits import attach_to_note, attaching, edit_message, edit_ticket
from services.intake.commands.apply_events import CONSUMER, EventEffects, apply_effects
from services.intake.commands.decide_participant import decide_participant
from services.intake.commands.known_incidents import keep_known_incidents
from services.intake.commands.mail_preferences import keep_choice
from services.intake.commands.merged_tickets import join_requester, part_requester
from services.intake.commands.open_follow_up import open_follow_up
from services.intake.commands.project_agents import project_agents
from services.intake.commands.project_people import project_people
from services.intake.commands.satisfaction import note_survey
from services.intake.commands.split_ticket import split_ticket
from services.intake.live import notify_readers
from services.intake.live.timeline import hold
from services.intake.models import Attachment
from services.intake.privacy.side_mails import keep_side_mails
from shared.contracts.events import (
    EVENTS,
    AgentChanged,
    CsatAsked,
    Envelope,
    Event,
    IncidentChanged,
    LifecycleEvent,
    MailPreferencesSet,
    MessageEdited,
    MessagePosted,
    MessageUnclaimed,
    NoteFilesAttached,
    OrganisationChanged,
    ParticipantDecided,
    RequesterChanged,
    SideMessageReceived,
    SideMessageSent,
    SlaBreached,
    SlaBreachWithdrawn,
    SlaWarned,
    TicketAbsorbed,
    TicketArchived,
    TicketAssigned,
    TicketClosed,
    TicketDetached,
    TicketEdited,
    TicketHeld,
    TicketLinked,
    TicketOpened,
    TicketPended,
    TicketReminded,
    TicketReopened,
    TicketResolved,
    TicketResumed,
    TicketSplit,
    TicketUnlinked,
)
from shared.kit import inbox
from shared.kit.bus import LINGER_SECONDS, Consumer
from shared.kit.db import Database, Session
from shared.kit.requester_ids import RequesterIds

AGENTS = "intake-agents"
"""A consumer of its own, so that an older installation hears of the agents there are."""
PEOPLE = "intake-people"
THIRD_PARTIES = "intake-third-parties"
"""As above: of what was written to third parties before, it hears as far as the stream goes back."""
UNSEEN = (SlaWarned, SlaBreached, SlaBreachWithdrawn, TicketReminded)
"""Clocks' own events: they change nothing of what intake shows, its ETags included."""
LIFECYCLE = {name: kind for name, kind in EVENTS.items() if issubclass(kind, LifecycleEvent)}
HANDED_ON = frozenset(
    event.type()
    for event in (
        TicketOpened,
        TicketAssigned,
        TicketPended,
        TicketHeld,
        TicketResumed,
        TicketResolved,
        TicketReopened,
        TicketClosed,
        TicketArchived,
    )
)
"""The steps of a ticket's life that concern its requester. Teams, priorities, clocks and notes are the desk's own."""
DECISIONS = frozenset(
    event.type()
    for event in (
        MessageUnclaimed,
        ParticipantDecided,
        TicketEdited,
        MessageEdited,
        NoteFilesAttached,
        TicketAbsorbed,
        TicketDetached,
        TicketSplit,
        CsatAsked,
        TicketLinked,
        TicketUnlinked,
        IncidentChanged,
    )
)
"""Events upon which something is opened, sent or replaced: each is done once, so it is recorded in the inbox."""
HANDLED = LIFECYCLE.keys() | DECISIONS | {MessagePosted.type()}
SUBJECTS = tuple(EVENTS[name].subjects() for name in sorted(HANDLED - {kind.type() for kind in UNSEEN}))
"""One subject per event that is handled: what intake announces itself is not sent back to it."""


def consumer(database: Database, limits: InvitationLimits, is_own: Callable[[str], bool]) -> Consumer:
    """Intake's one consumer. `is_own` knows the messages whose lines were written when they were posted."""

    async def handle(events: list[Envelope]) -> None:
        await on_events(database, limits, events)

    return Consumer(CONSUMER, SUBJECTS, handle, linger=LINGER_SECONDS, is_own=is_own)


def agents_consumer(database: Database) -> Consumer:
    """Keeps who is an agent."""

    async def handle(events: list[Envelope]) -> None:
        async with database.begin() as session:
            await project_agents(session, [AgentChanged.of(event) for event in events])

    return Consumer(AGENTS, (AgentChanged.subjects(),), handle)


def people_consumer(database: Database, ids: RequesterIds) -> Consumer:
    """Keeps which addresses are one person, what organisations share, and which mails operators chose for people."""

    async def handle(events: list[Envelope]) -> None:
        async with database.begin() as session:
            chosen = [event for event in events if event.type == MailPreferencesSet.type()]
            await project_people(session, ids, [event for event in events if event not in chosen])
            for event in chosen:
                await keep_choice(session, MailPreferencesSet.of(event))

    subjects = (RequesterChanged.subjects(), OrganisationChanged.subjects(), MailPreferencesSet.subjects())
    return Consumer(PEOPLE, subjects, handle)


def third_parties_consumer(database: Database, ids: RequesterIds) -> Consumer:
    """Keeps whose the mails beside tickets are."""

    async def handle(events: list[Envelope]) -> None:
        async with database.begin() as session:
            await keep_side_mails(session, ids, [event.open() for event in events])

    return Consumer(THIRD_PARTIES, (SideMessageSent.subjects(), SideMessageReceived.subjects()), handle)


async def on_events(database: Database, limits: InvitationLimits, events: Sequence[Envelope]) -> None:
    """Handles a batch, each event once; then those who wait for news of its tickets are woken."""
    told = await _apply(
        database, [event for event in events if event.type in LIFECYCLE or event.type == MessagePosted.type()]
    )
    decisions = [event for event in events if event.type in DECISIONS]
    if decisions:
        async with database.begin() as session:
            unseen = await inbox.claim(session, CONSUMER, decisions)
            await hold(session, {UUID(event.subject) for event in unseen})
            for event in unseen:
                told.add(await _decide(session, limits, event))
    if told:
        await notify_readers(database, told)


async def _apply(database: Database, events: Sequence[Envelope]) -> set[UUID]:
    """Takes in what is safe to take in twice; returns the tickets with something new to tell."""
    if not events:
        return set()
    effects, shown = EventEffects(), list[MessagePosted]()
    for event in events:
        if event.type == MessagePosted.type():
            posted = MessagePosted.of(event)
            _add_message(effects, event.id, posted)
            shown += [posted] if posted.author.kind.is_ours and posted.attachments else []
        else:
            _add_step(effects, event)
    for posted in shown:
        await database.fetch(attaching(posted))
        theirs = Attachment.ticket_id == posted.ticket_id, Attachment.message_id == posted.message_id
        await database.fetch(update(Attachment).where(*theirs).values(is_internal=False))
    return await apply_effects(database, effects)


def _add_step(effects: EventEffects, event: Envelope) -> None:
    """Where the ticket stands, and a line unless one agent only took over from another."""
    step = LIFECYCLE[event.type].of(event)
    assert isinstance(step, LifecycleEvent)
    effects.stand(step.snapshot)
    is_handed_on = isinstance(step, TicketAssigned) and step.previous_agent_id is not None
    if event.type in HANDED_ON and not is_handed_on:
        effects.tell_step(event.id, step)


def _add_message(effects: EventEffects, event_id: str, posted: MessagePosted) -> None:
    """What requesters write is here already: only what agents write must be kept, with files that came by mail."""
    if posted.author.kind.is_ours:
        effects.reply(posted)
    if not posted.was_archived:
        effects.tell_message(event_id, posted)


async def _decide(session: Session, limits: InvitationLimits, event: Envelope) -> UUID:
    """Opens the follow-up of a message, invites or removes somebody, or edits; returns the ticket."""
    match event.open():
        case MessageUnclaimed() as message:
            await open_follow_up(session, message)
        case ParticipantDecided() as decided:
            await decide_participant(session, limits, decided)
        case TicketAbsorbed() as absorbed:
            await join_requester(session, absorbed)
        case TicketSplit() as split:
            await split_ticket(session, split)
        case TicketDetached() as detached:
            await part_requester(session, detached)
        case CsatAsked() as asked:
            await note_survey(session, asked)
        case TicketLinked() | TicketUnlinked() | IncidentChanged() as arranged:
            await keep_known_incidents(session, arranged)
        case edit:
            await _apply_edit(session, edit)
    return UUID(event.subject)


async def _apply_edit(session: Session, edit: Event) -> None:
    match edit:
        case TicketEdited() as edited:
            await edit_ticket(session, edited)
        case MessageEdited() as corrected:
            await edit_message(session, corrected)
        case NoteFilesAttached() as attached:
            await attach_to_note(session, attached)
