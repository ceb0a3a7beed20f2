"""The event consumer: projects events and records decisions, one transaction per batch."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from services.notification import address_projection, correction_projection  # noqa: F401 - they register what they handle
from services.notification.batch_lookup import look_up
from services.notification.batches import NAME, Batch, in_order, unseen_of
from services.notification.decisions import side_conversations as side_decisions  # noqa: F401 - they register what they handle
from services.notification.decisions.cc_recipients import with_copies
from services.notification.decisions.event_rules import NotificationDecision, decide
from services.notification.decisions.followers import decide_for_followers
from services.notification.erasure import ERASURES, forget_part, forget_side_messages, tickets_of
from services.notification.projection import hold_tickets, project, project_replies, project_tickets
from services.notification.recipients.settling import record_decisions, resolve_recipients
from services.notification.rules.additional_recipients import with_additional
from services.notification.rules.repository import load_matrix
from services.notification.settings import UnassignedMessagesTo
from services.notification.targets.decisions import record_for_targets
from shared.contracts.events import (
    EVENTS,
    AccessLinkRequested,
    AccountChanged,
    AccountLinkRequested,
    AgentChanged,
    Envelope,
    Event,
    FollowerChanged,
    MailBounced,
    MailPreferencesChanged,
    MessagePosted,
    ParticipantChanged,
    ReportReady,
    RequesterErased,
    SideMessageReceived,
    SideMessageSent,
    SlaBreached,
    SlaBreachWithdrawn,
    SlaWarned,
    TeamChanged,
    TicketAbsorbed,
    TicketAssigned,
    TicketClosed,
    TicketEdited,
    TicketErased,
    TicketEscalated,
    TicketMentioned,
    TicketReleased,
    TicketReminded,
    TicketReopened,
    TicketResolved,
    TicketsReturned,
    TicketSubmitted,
    TicketTransferred,
    TicketTriaged,
)
from shared.kit.auth import MailThreads
from shared.kit.bus import Bus, Consumer, DeadLetters
from shared.kit.db import Database, Session
from shared.kit.requester_ids import RequesterIds
from shared.kit.tombstones import lock_against_erasure

CONSUMED: tuple[type[Event], ...] = (
    TicketTriaged,
    TicketAssigned,
    TicketReleased,
    TicketTransferred,
    TicketsReturned,
    TicketReminded,
    TicketResolved,
    TicketReopened,
    TicketClosed,
    TicketAbsorbed,
    TicketEscalated,
    SlaWarned,
    SlaBreached,
    SlaBreachWithdrawn,
    TicketSubmitted,
    MessagePosted,
    SideMessageSent,
    SideMessageReceived,
    ParticipantChanged,
    AccessLinkRequested,
    AccountLinkRequested,
    AccountChanged,
    ReportReady,
    TicketMentioned,
    FollowerChanged,
    AgentChanged,
    TeamChanged,
    RequesterErased,
    TicketEdited,
    TicketErased,
    MailPreferencesChanged,
    MailBounced,
)
"""What calls for a mail, or changes who gets one; most of a ticket's steps do neither."""


MAILS_LINGER_SECONDS, MAILS_BUSY_SECONDS = 0.2, 0.6
"""Nobody waits for a mail that closely, and what one moment causes is then settled and sent together."""


class Notifier:
    """Handles the events that JetStream delivers."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        threads: MailThreads,
        ids: RequesterIds,
        on_commit: Callable[[], None],
        unassigned_to: UnassignedMessagesTo = "members",
    ) -> None:
        self._database = database
        self._ids = ids
        self._dead_letters = DeadLetters(bus)
        self._threads = threads
        self._on_commit = on_commit
        self._unassigned_to: UnassignedMessagesTo = unassigned_to

    @property
    def consumer(self) -> Consumer:
        """The durable consumer `notification`."""
        subjects = tuple(event.subjects() for event in EVENTS.values() if issubclass(event, CONSUMED))
        return Consumer(NAME, subjects, self.on_events, linger=MAILS_LINGER_SECONDS, busy_linger=MAILS_BUSY_SECONDS)

    async def on_events(self, envelopes: Sequence[Envelope]) -> None:
        """Projects events and records decisions in one transaction, then wakes the sender.

        Rows of tickets are locked first and in the order of their ids, so that two replicas cannot deadlock; events of
        one ticket keep their order of arrival. A batch that contains an erasure is not reordered.
        """
        async with self._database.begin() as session:
            unseen = await unseen_of(session, envelopes)
            is_erasing = any(envelope.type in ERASURES for envelope in unseen)
            await lock_against_erasure(session, is_erasing=is_erasing)
            batch = Batch(unseen if is_erasing else in_order(unseen))
            runs = list(batch.runs())
            await hold_tickets(session, (event for run in runs for _, event in run))
            settled = 0
            for events in runs:
                settled += await self._handle(session, events)
        if settled:
            self._on_commit()

    async def _handle(self, session: Session, events: Sequence[tuple[str, Event]]) -> int:
        """Handles events that do not change each other's recipients; returns the number of resolved decisions."""
        known = await look_up(session, {event.entity_id for _, event in events})
        await project_tickets(session, (event for _, event in events))
        matrix = await load_matrix(session)
        decisions: list[tuple[str, NotificationDecision]] = []
        for event_id, event in events:
            await project(event, session)
            known.erased.update(tickets_of(event))
            usual = with_copies(decide(event), known.joined.get(event.entity_id, ()))
            usual += decide_for_followers(event, known.followers.get(event.entity_id, ()))
            for decision in with_additional(event, usual, matrix, known.contacts_of(event.entity_id)):
                is_erased = event.entity_id in known.erased
                decisions.append((event_id, replace(decision, facts={}) if is_erased else decision))
            if isinstance(event, RequesterErased):
                await forget_part(session, self._ids, event)
                await forget_side_messages(session, event.side_message_ids)
                await self._forget_dead_letters(event)
            known.note_reply(event)
        about = [(event_id, event, known.contacts_of(event.entity_id)) for event_id, event in events]
        for_targets = await record_for_targets(session, about, matrix)
        await project_replies(session, (event for _, event in events))
        recorded = await record_decisions(session, decisions, self._threads, matrix)
        if not recorded.are_some_waiting and not known.is_anybody_waiting:
            return for_targets + recorded.settled
        resolved = await resolve_recipients(session, self._threads, self._unassigned_to)
        return for_targets + recorded.settled + resolved

    async def _forget_dead_letters(self, event: RequesterErased) -> None:
        for ticket_id in event.ticket_ids:
            await self._dead_letters.forget(NAME, str(ticket_id))
