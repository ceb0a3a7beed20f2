"""Alerts that are open at on-call services: what they were called for, and what ends or moves an alert."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, and_, not_, or_, select

from services.notification.batches import NAME
from services.notification.decisions.event_rules import ALREADY_NOTIFIED, Breach
from services.notification.delivery.status import DeliveryStatus
from services.notification.delivery.templates import TemplateName
from services.notification.models import Delivery, Ticket
from shared.contracts.events import (
    Event,
    LifecycleEvent,
    SlaBreached,
    SlaBreachWithdrawn,
    SlaWarned,
    TicketClosed,
    TicketEscalated,
    TicketResolved,
    TicketTransferred,
)
from shared.contracts.names import ticket_workflow_id
from shared.contracts.vocabulary import ClockState
from shared.kit.db import Session
from shared.kit.tables import inbox

RECIPIENT = "target:"
ENDS = (TicketResolved, TicketClosed, SlaBreachWithdrawn)
"""What ends the reason to be on call; an erasure does as well."""
OVER = TemplateName.FOLLOWER_RESOLVED
"""What says the end of an alert."""
CALL = "call:"
"""How that begins which a call was for: the clock, `<metric>:<cycle>`, or the ticket itself."""
OF_TICKET = f"{CALL}ticket"
LOOKED_AHEAD = 30
"""Steps after one, among which that is looked for which ended the reason to be on call."""


def recipient_of(target_id: UUID) -> str:
    """Returns the key of a target in the ledger."""
    return f"{RECIPIENT}{target_id}"


def metric_of(about: str | None) -> str:
    """Returns the clock that a call is about; none for one about the ticket itself."""
    return (about or "").removeprefix(CALL).partition(":")[0]


@dataclass(frozen=True, slots=True)
class AlertedTicket:
    """What the newest step said of a ticket."""

    seq: int
    team_id: UUID | None
    is_erased: bool


@dataclass(frozen=True, slots=True)
class OnCall:
    """What an on-call service was called for, at which step of the ticket; None where an older release did not say."""

    about: str | None
    seq: int
    template: str = ""

    def stands(self, withdrawn: Iterable["OnCall"]) -> bool:
        """Whether the reason still stands after the breaches that were withdrawn."""
        return self.about is not None and not any(one.about == self.about and one.seq > self.seq for one in withdrawn)


OpenCalls = dict[tuple[UUID, str], list[OnCall]]
"""By ticket and target, the calls since the last end of the alert."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a team's on-call service is called about a ticket that came to the team with an alert."""

    template: TemplateName
    call: OnCall

    @property
    def metric(self) -> str:
        """The clock that it is about."""
        return metric_of(self.call.about)


async def tickets_known(session: Session, ticket_ids: Collection[UUID]) -> dict[UUID, AlertedTicket]:
    """Returns what is known of the tickets by now."""
    query = select(Ticket.id, Ticket.seq, Ticket.team_id, Ticket.erased_at).where(Ticket.id.in_(ticket_ids))
    rows = await session.execute(query)
    return {row.id: AlertedTicket(row.seq, row.team_id, row.erased_at is not None) for row in rows}


async def open_calls(session: Session, ticket_ids: Collection[UUID], keys: Collection[str]) -> OpenCalls:
    """Returns which on-call services were called about which of the tickets, and were not told of the end since."""
    if not ticket_ids or not keys:
        return {}
    told = (
        select(Delivery.ticket_id, Delivery.recipient, Delivery.template, Delivery.about, Delivery.seq)
        .where(Delivery.ticket_id.in_(ticket_ids), Delivery.recipient.in_(keys), counts())
        .order_by(Delivery.id)
    )
    calls: OpenCalls = {}
    for row in await session.execute(told):
        key = (row.ticket_id, row.recipient)
        if row.template == OVER:
            calls.pop(key, None)
        else:
            calls.setdefault(key, []).append(OnCall(row.about, row.seq or 0, row.template))
    return calls


def counts() -> ColumnElement[bool]:
    """Whether a message opened or ended an alert: no call that was dropped untried does, nor an end that failed."""
    is_unsaid = and_(Delivery.template == OVER, Delivery.status.in_([DeliveryStatus.FAILED, DeliveryStatus.DROPPED]))
    is_untried = and_(Delivery.status == DeliveryStatus.DROPPED, Delivery.attempts == 0)
    return not_(or_(is_unsaid, is_untried))


async def withdrawn_breaches(session: Session, events: Sequence[Event]) -> list[OnCall]:
    """Returns the breaches that these events withdraw, or that were withdrawn before, of their tickets."""
    now = [event for event in events if isinstance(event, SlaBreachWithdrawn)]
    about = {event.entity_id for event in events if isinstance(event, (SlaBreachWithdrawn, TicketTransferred))}
    if not about:
        return []
    earlier = select(Delivery.about, Delivery.seq).where(
        Delivery.ticket_id.in_(about), Delivery.recipient == ALREADY_NOTIFIED.key
    )
    before = [OnCall(f"{CALL}{row.about}", row.seq) for row in await session.execute(earlier)]
    return [*before, *(OnCall(f"{CALL}{Breach.of(event).key}", event.seq) for event in now)]


def take_ended(event: Event, ticket_id: UUID, calls: OpenCalls, withdrawn: Sequence[OnCall]) -> list[str]:
    """Takes out the calls that an event ends, and returns whose they are; other breaches may still stand."""
    is_partial = isinstance(event, SlaBreachWithdrawn)
    ended = [
        (about, key)
        for (about, key), each in calls.items()
        if about == ticket_id and not (is_partial and any(one.stands(withdrawn) for one in each))
    ]
    for one in ended:
        del calls[one]
    return [key for _, key in ended]


def call_of(event: Event) -> OnCall:
    """Returns what an event calls for: a step of a clock, which a withdrawn breach ends, or the ticket itself."""
    seq = event.seq if isinstance(event, LifecycleEvent) else 0
    if isinstance(event, (SlaWarned, SlaBreached, TicketEscalated)):
        return OnCall(f"{CALL}{Breach.of(event).key}", seq)
    return OnCall(OF_TICKET, seq)


def is_called_already(event: Event, calls: Iterable[OnCall]) -> bool:
    """Whether an open alert was opened for the same breach: by the same event, or where the ticket went since."""
    if not isinstance(event, SlaBreached):
        return False
    call = call_of(event)
    return any(one.about == call.about and one.seq >= call.seq for one in calls)


def reasons_after_move(event: TicketTransferred, calls: Iterable[OnCall], withdrawn: Sequence[OnCall]) -> list[Reason]:
    """Returns what the new team is called for: each clock that is overdue and runs, else an escalation that counts.

    Nothing where nothing stands: the breach was withdrawn or settled, or the alert was about no clock.
    """
    clocks = {f"{CALL}{one.metric.value}:{one.cycle}": one for one in event.snapshot.clocks}
    overdue = [
        Reason(TemplateName.SLA_BREACHED, OnCall(about, event.seq, TemplateName.SLA_BREACHED))
        for about, clock in clocks.items()
        if clock.breached_at is not None and clock.state is not ClockState.SETTLED
    ]
    if overdue:
        return overdue
    settled = {about for about, clock in clocks.items() if clock.state is ClockState.SETTLED}
    escalated = [
        one
        for one in calls
        if one.template == TemplateName.ESCALATED and one.about not in settled and one.stands(withdrawn)
    ]
    newest = sorted(escalated, key=lambda call: call.seq)[-1:]
    return [Reason(TemplateName.ESCALATED, one) for one in newest]


async def is_over(session: Session, event: Event, batch: Iterable[Event]) -> bool:
    """Whether a later step, handled already, has ended what an event would call for."""
    if not isinstance(event, LifecycleEvent):
        return False
    later = [f"{ticket_workflow_id(event.ticket_id)}:{event.seq + step}" for step in range(1, LOOKED_AHEAD + 1)]
    ended = select(inbox.c.event_id).where(inbox.c.consumer == NAME, inbox.c.event_id.in_(later)).limit(1)
    if await session.scalar(ended) is not None:
        return True
    if not isinstance(event, (SlaBreached, TicketEscalated)):
        return False
    breach = Breach.of(event)
    withdrawn = (one for one in batch if isinstance(one, SlaBreachWithdrawn) and one.ticket_id == event.ticket_id)
    if any(Breach.of(one).key == breach.key and one.seq > event.seq for one in withdrawn):
        return True
    told = select(Delivery.id).where(
        Delivery.ticket_id == event.ticket_id,
        Delivery.recipient == ALREADY_NOTIFIED.key,
        Delivery.about == breach.key,
        Delivery.seq > event.seq,
    )
    return await session.scalar(told.limit(1)) is not None
