"""Events in, decisions out: one transaction per batch, so a redelivered event changes nothing."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

from services.notification.cc_recipients import with_copies
from services.notification.commands import resolve_recipients
from services.notification.decisions import decide
from services.notification.delivery_repository import record
from services.notification.erasure import ERASURES, erased_among, forget_part, tickets_of
from services.notification.projections import project
from shared.contracts.events import (
    EVENTS,
    AccessLinkRequested,
    AgentChanged,
    Envelope,
    Event,
    MessagePosted,
    ParticipantChanged,
    RequesterErased,
    SlaBreached,
    SlaBreachWithdrawn,
    SlaWarned,
    TeamChanged,
    TicketAssigned,
    TicketClosed,
    TicketErased,
    TicketEscalated,
    TicketReleased,
    TicketReminded,
    TicketResolved,
    TicketsReturned,
    TicketSubmitted,
    TicketTransferred,
    TicketTriaged,
)
from shared.kit.auth import MailThreads
from shared.kit.bus import LINGER_SECONDS, Bus, Consumer, DeadLetters
from shared.kit.db import Database
from shared.kit.inbox import claim
from shared.kit.requester_ids import RequesterIds
from shared.kit.tombstones import lock_against_erasure

NAME = "notification"
CONSUMED: tuple[type[Event], ...] = (
    TicketTriaged,
    TicketAssigned,
    TicketReleased,
    TicketTransferred,
    TicketsReturned,
    TicketReminded,
    TicketResolved,
    TicketClosed,
    TicketEscalated,
    SlaWarned,
    SlaBreached,
    SlaBreachWithdrawn,
    TicketSubmitted,
    MessagePosted,
    ParticipantChanged,
    AccessLinkRequested,
    AgentChanged,
    TeamChanged,
    RequesterErased,
    TicketErased,
)
"""What calls for a mail, or changes who gets one; most of a ticket's steps do neither."""


class Notifier:
    """Handles what the bus delivers."""

    def __init__(
        self, database: Database, bus: Bus, threads: MailThreads, ids: RequesterIds, on_commit: Callable[[], None]
    ) -> None:
        self._database = database
        self._ids = ids
        self._dead_letters = DeadLetters(bus)
        self._threads = threads
        self._on_commit = on_commit

    @property
    def consumer(self) -> Consumer:
        """The durable consumer `notification`."""
        subjects = tuple(event.subjects() for event in EVENTS.values() if issubclass(event, CONSUMED))
        return Consumer(NAME, subjects, self.on_events, linger=LINGER_SECONDS)

    async def on_events(self, envelopes: Sequence[Envelope]) -> None:
        """Projects and decides; wakes the sender when that is durable.

        Rows are locked in the order of their ids, so that two replicas cannot deadlock; what concerns one stays in the
        order in which it came. A batch that erases is alone, and stays in its own order.
        """
        async with self._database.begin() as session:
            unseen = await claim(session, NAME, envelopes)
            is_erasing = any(envelope.type in ERASURES for envelope in unseen)
            await lock_against_erasure(session, is_erasing=is_erasing)
            erased = await erased_among(session, {UUID(envelope.subject) for envelope in unseen})
            for envelope in unseen if is_erasing else sorted(unseen, key=lambda envelope: envelope.subject):
                event = envelope.open()
                await project(event, session)
                erased.update(tickets_of(event))
                decisions = await with_copies(session, decide(event))
                if event.entity_id in erased:
                    decisions = [replace(decision, facts={}) for decision in decisions]
                await record(session, envelope.id, decisions, self._threads)
                if isinstance(event, RequesterErased):
                    await forget_part(session, self._ids, event)
                    await self._forget_dead_letters(event)
            settled = await resolve_recipients(session, self._threads)
        if settled:
            self._on_commit()

    async def _forget_dead_letters(self, event: RequesterErased) -> None:
        for ticket_id in event.ticket_ids:
            await self._dead_letters.forget(NAME, str(ticket_id))
