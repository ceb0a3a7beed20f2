"""Records for an event which chat rooms and on-call services are told of it, in the consumer's transaction."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.notification.delivery.channels import DeliveryChannel
from services.notification.delivery.templates import TemplateName
from services.notification.erasure import tickets_of
from services.notification.models import Delivery, NotificationTarget
from services.notification.rules.additional_recipients import TicketContacts
from services.notification.rules.matrix import EVENT_OF, Matrix, RecipientAudience
from services.notification.targets.alerts import (
    ENDS,
    OVER,
    AlertedTicket,
    OnCall,
    OpenCalls,
    Reason,
    call_of,
    is_called_already,
    is_over,
    open_calls,
    reasons_after_move,
    recipient_of,
    take_ended,
    tickets_known,
    withdrawn_breaches,
)
from services.notification.targets.ledger_rows import AUDIENCE_OF, ledger_row
from services.notification.targets.payloads import TargetKind
from shared.contracts.events import (
    Event,
    LifecycleEvent,
    MessagePosted,
    RequesterErased,
    SlaBreached,
    SlaWarned,
    TicketErased,
    TicketEscalated,
    TicketTransferred,
    TicketTriaged,
)
from shared.kit.db import Session

TEMPLATE_OF: dict[type[Event], TemplateName] = {
    TicketTriaged: TemplateName.NEW_TICKET,
    MessagePosted: TemplateName.REQUESTER_MESSAGE,
    TicketTransferred: TemplateName.TRANSFERRED,
    SlaWarned: TemplateName.SLA_WARNED,
    SlaBreached: TemplateName.SLA_BREACHED,
    TicketEscalated: TemplateName.ESCALATED,
}
ERASURES = (TicketErased, RequesterErased)
NOTHING_KNOWN = AlertedTicket(0, None, is_erased=False)
Rows = list[dict[str, Any]]


async def record_for_targets(
    session: Session, events: Sequence[tuple[str, Event, TicketContacts]], matrix: Matrix
) -> int:
    """Records the deliveries of a batch, each exactly once; returns how many rows it tried to record.

    An alert whose end is known already calls nobody: both may come in one batch, or in either order, as steps of two
    publishers do. Who is on call is asked of the team that has the ticket by now. The tickets' rows are held: of two
    processes, the second sees what the first has done.
    """
    concerned = [one for one in events if _is_concerned(one[1])]
    if not concerned:
        return 0
    targets = (await session.scalars(select(NotificationTarget).order_by(NotificationTarget.id))).all()
    if not targets:
        return 0
    batch = await _Batch.read(session, targets, [event for _, event, _ in concerned], matrix)
    rows: Rows = []
    for cause, event, contacts in concerned:
        if isinstance(event, ERASURES):
            rows += batch.end_of_erased(cause, event)
        elif isinstance(event, ENDS):
            rows += batch.end(cause, event)
        else:
            rows += await batch.tell(session, cause, event, contacts)
            rows += await batch.move(session, cause, event)
    if rows:
        await session.execute(insert(Delivery).on_conflict_do_nothing(), rows)
    return len(rows)


def _is_concerned(event: Event) -> bool:
    if isinstance(event, MessagePosted):
        return not event.is_automatic and not event.author.kind.is_ours
    return isinstance(event, (*TEMPLATE_OF, *ENDS, *ERASURES))


@dataclass(frozen=True, slots=True)
class _Batch:
    """What the decisions of a batch rest on, and the alerts that are open as it goes on."""

    events: Sequence[Event]
    targets: Sequence[NotificationTarget]
    """Those that are told of what is new."""
    on_call: Mapping[str, NotificationTarget]
    """Every on-call service by its key: what was opened is ended also where it is switched off."""
    matrix: Matrix
    tickets: Mapping[UUID, AlertedTicket]
    calls: OpenCalls = field(default_factory=dict)
    withdrawn: Sequence[OnCall] = ()

    @classmethod
    async def read(
        cls, session: Session, targets: Sequence[NotificationTarget], events: Sequence[Event], matrix: Matrix
    ) -> "_Batch":
        on_call = {recipient_of(one.id): one for one in targets if _channel(one) is DeliveryChannel.ON_CALL}
        steps = (*ENDS, SlaBreached, TicketTransferred)
        alerted = {event.entity_id for event in events if isinstance(event, steps)}
        alerted |= {ticket_id for event in events for ticket_id in tickets_of(event)}
        return cls(
            events,
            [one for one in targets if one.is_active],
            on_call,
            matrix,
            await tickets_known(session, {event.entity_id for event in events}),
            await open_calls(session, alerted, on_call),
            await withdrawn_breaches(session, events) if on_call else (),
        )

    def end(self, cause: str, event: Event) -> Rows:
        """Ends what an event ends."""
        ended = take_ended(event, event.entity_id, self.calls, self.withdrawn)
        return [_row(cause, event.entity_id, self.on_call[key], OVER, call_of(event), _facts(event)) for key in ended]

    def end_of_erased(self, cause: str, event: Event) -> Rows:
        """Ends the alerts of erased tickets; one event may erase several, and each end is a row of its own."""
        return [
            _row(f"{cause}:{ticket_id}", ticket_id, self.on_call[key], OVER, call_of(event), {})
            for ticket_id in tickets_of(event)
            for key in take_ended(event, ticket_id, self.calls, ())
        ]

    async def tell(self, session: Session, cause: str, event: Event, contacts: TicketContacts) -> Rows:
        """Tells those whom the rules name, but calls nobody for what is over, or is called for already."""
        ticket_id = event.entity_id
        if self._known(ticket_id).is_erased:
            return []
        told = [one for one in self.targets if self._is_told(event, one, contacts)]
        called = {recipient_of(one.id) for one in told} & self.on_call.keys()
        silent = {key for key in called if is_called_already(event, self.calls.get((ticket_id, key), ()))}
        if called and await is_over(session, event, self.events):
            silent = called
        for key in called - silent:
            self.calls.setdefault((ticket_id, key), []).append(_with_template(call_of(event), event))
        return [
            _row(cause, ticket_id, one, TEMPLATE_OF[type(event)], call_of(event), _facts(event))
            for one in told
            if recipient_of(one.id) not in silent
        ]

    async def move(self, session: Session, cause: str, event: Event) -> Rows:
        """Ends the alert at the on-call service of the team that a ticket left, and opens it at the new team's.

        It is opened if it still stands. What is for every team goes on.
        """
        if not isinstance(event, TicketTransferred) or not self.on_call:
            return []
        ticket_id, team_id = event.entity_id, self._team_of(event, None)
        here = {key: each for (about, key), each in self.calls.items() if about == ticket_id}
        left = [key for key in here if self.on_call[key].team_id not in (None, team_id)]
        for key in left:
            del self.calls[ticket_id, key]
        rows = [_row(cause, ticket_id, self.on_call[key], OVER, call_of(event), _facts(event)) for key in left]
        reasons = reasons_after_move(event, [call for each in here.values() for call in each], self.withdrawn)
        if not reasons or self._known(ticket_id).is_erased or await is_over(session, event, self.events):
            return rows
        for one in self._on_call_of(team_id, reasons[0].template):
            if (ticket_id, key := recipient_of(one.id)) in self.calls:
                continue
            self.calls[ticket_id, key] = [reason.call for reason in reasons]
            rows += [
                _row(each, ticket_id, one, reason.template, reason.call, _facts(event) | {"metric": reason.metric})
                for each, reason in zip(_causes(cause, reasons), reasons, strict=True)
            ]
        return rows

    def _on_call_of(self, team_id: UUID | None, template: TemplateName) -> Iterator[NotificationTarget]:
        cell = (EVENT_OF[template], RecipientAudience.ON_CALL, DeliveryChannel.ON_CALL)
        theirs = (one for one in self.targets if one.team_id is not None and one.team_id == team_id)
        if self.matrix.is_on(cell):
            yield from (one for one in theirs if recipient_of(one.id) in self.on_call)

    def _is_told(self, event: Event, target: NotificationTarget, contacts: TicketContacts) -> bool:
        template, channel = TEMPLATE_OF[type(event)], _channel(target)
        team_id = event.snapshot.team_id if isinstance(event, LifecycleEvent) else contacts.team_id
        if channel is DeliveryChannel.ON_CALL:
            team_id = self._team_of(event, team_id)
        cell = (EVENT_OF[template], AUDIENCE_OF[channel], channel)
        return target.team_id in (None, team_id) and self.matrix.is_on(cell)

    def _team_of(self, event: Event, otherwise: UUID | None) -> UUID | None:
        """Returns the team that has the ticket by the newest step that is known, which may be a later one."""
        known = self._known(event.entity_id)
        if isinstance(event, LifecycleEvent):
            return known.team_id if known.seq > event.seq else event.snapshot.team_id
        return known.team_id if known.seq else otherwise

    def _known(self, ticket_id: UUID) -> AlertedTicket:
        return self.tickets.get(ticket_id, NOTHING_KNOWN)


def _channel(target: NotificationTarget) -> DeliveryChannel:
    return TargetKind(target.kind).channel


def _causes(cause: str, reasons: Sequence[Reason]) -> list[str]:
    """Returns a cause for each reason: rows to one target about the same event differ by it."""
    return [cause, *(f"{cause}:{reason.metric}" for reason in reasons[1:])]


def _with_template(call: OnCall, event: Event) -> OnCall:
    return OnCall(call.about, call.seq, TEMPLATE_OF[type(event)])


def _row(
    cause: str,
    ticket_id: UUID,
    target: NotificationTarget,
    template: TemplateName,
    call: OnCall,
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    return ledger_row(target, _channel(target), cause, ticket_id, template, call, facts)


def _facts(event: Event) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if isinstance(event, LifecycleEvent):
        facts["priority"] = event.snapshot.priority.value
    if isinstance(event, (SlaWarned, SlaBreached, TicketEscalated)):
        facts["metric"] = event.metric.value
    if isinstance(event, SlaWarned):
        facts["percent"] = event.percent
    return facts
