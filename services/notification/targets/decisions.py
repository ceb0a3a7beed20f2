"""Records for an event which chat rooms and on-call services are told of it, in the consumer's transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.notification.batches import NAME
from services.notification.decisions.event_rules import ALREADY_NOTIFIED, Breach
from services.notification.delivery.channels import DeliveryChannel
from services.notification.delivery.status import DeliveryStatus
from services.notification.delivery.templates import TEMPLATES, TemplateName
from services.notification.models import Delivery, NotificationTarget
from services.notification.rules.additional_recipients import TicketContacts
from services.notification.rules.matrix import EVENT_OF, Matrix, RecipientAudience
from services.notification.targets.payloads import TargetKind
from shared.contracts.events import (
    Event,
    LifecycleEvent,
    MessagePosted,
    SlaBreached,
    SlaBreachWithdrawn,
    SlaWarned,
    TicketClosed,
    TicketEscalated,
    TicketResolved,
    TicketTransferred,
    TicketTriaged,
)
from shared.contracts.names import ticket_workflow_id
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.tables import inbox

AUDIENCE_OF = {
    DeliveryChannel.CHAT: RecipientAudience.TEAM,
    DeliveryChannel.ON_CALL: RecipientAudience.ON_CALL,
}
TEMPLATE_OF: dict[type[Event], TemplateName] = {
    TicketTriaged: TemplateName.NEW_TICKET,
    MessagePosted: TemplateName.REQUESTER_MESSAGE,
    TicketTransferred: TemplateName.TRANSFERRED,
    SlaWarned: TemplateName.SLA_WARNED,
    SlaBreached: TemplateName.SLA_BREACHED,
    TicketEscalated: TemplateName.ESCALATED,
}
ENDS = (TicketResolved, TicketClosed, SlaBreachWithdrawn)
"""What ends the reason to be on call."""
RECIPIENT = "target:"
CALL = "call:"
"""How that begins which a call was for: the clock, `<metric>:<cycle>`, or the ticket itself."""
OF_TICKET = f"{CALL}ticket"
LOOKED_AHEAD = 30
"""Steps after one, among which that is looked for which ended the reason to be on call."""


@dataclass(frozen=True, slots=True)
class OnCall:
    """What an on-call service was called for, at which step of the ticket; None where an older release did not say."""

    about: str | None
    seq: int

    def stands(self, withdrawn: Iterable["OnCall"]) -> bool:
        """Whether the reason still stands after the breaches that were withdrawn."""
        return self.about is not None and not any(one.about == self.about and one.seq > self.seq for one in withdrawn)


OpenCalls = dict[tuple[UUID, str], list[OnCall]]
"""By ticket and target, the calls since the last end of the alert."""


def recipient_of(target_id: UUID) -> str:
    """Returns the key of a target in the ledger."""
    return f"{RECIPIENT}{target_id}"


async def record_for_targets(
    session: Session, events: Sequence[tuple[str, Event, TicketContacts]], matrix: Matrix
) -> int:
    """Records the deliveries of a batch, each exactly once; returns how many rows it tried to record.

    An alert whose end is known already calls nobody: both may come in one batch, or in either order, as steps of two
    publishers do. The tickets' rows are held: of two processes, the second sees what the first has done.
    """
    concerned = [one for one in events if _is_concerned(one[1])]
    if not concerned:
        return 0
    targets = (await session.scalars(select(NotificationTarget).where(NotificationTarget.is_active))).all()
    if not targets:
        return 0
    on_call = {recipient_of(one.id): one for one in targets if TargetKind(one.kind).channel is DeliveryChannel.ON_CALL}
    ending = [event for _, event, _ in concerned if isinstance(event, ENDS)]
    calls = await _open_calls(session, [event.ticket_id for event in ending], on_call)
    withdrawn = await _withdrawn(session, [event for event in ending if isinstance(event, SlaBreachWithdrawn)])
    rows: list[dict[str, Any]] = []
    for cause, event, contacts in concerned:
        if isinstance(event, ENDS):
            ended = _take_ended(event, calls, withdrawn)
            rows += [_row(cause, event, on_call[key], TemplateName.FOLLOWER_RESOLVED) for key in ended]
            continue
        told = [one for one in targets if _is_told(event, one, contacts, matrix)]
        called = {recipient_of(one.id) for one in told} & on_call.keys()
        if called and await _is_over(session, event, concerned):
            told, called = [one for one in told if recipient_of(one.id) not in called], set()
        for key in called:
            calls.setdefault((event.entity_id, key), []).append(_call_of(event))
        rows += [_row(cause, event, one) for one in told]
    if rows:
        await session.execute(insert(Delivery).on_conflict_do_nothing(), rows)
    return len(rows)


def _is_concerned(event: Event) -> bool:
    if isinstance(event, MessagePosted):
        return not event.is_automatic and not event.author.kind.is_ours
    return isinstance(event, (*TEMPLATE_OF, *ENDS))


def _is_told(event: Event, target: NotificationTarget, contacts: TicketContacts, matrix: Matrix) -> bool:
    template = TEMPLATE_OF.get(type(event))
    if template is None:
        return False
    team_id = event.snapshot.team_id if isinstance(event, LifecycleEvent) else contacts.team_id
    channel = TargetKind(target.kind).channel
    return target.team_id in (None, team_id) and matrix.is_on((EVENT_OF[template], AUDIENCE_OF[channel], channel))


async def _open_calls(
    session: Session, tickets: Sequence[UUID], on_call: Mapping[str, NotificationTarget]
) -> OpenCalls:
    """Returns which on-call services were called about which of the tickets, and were not told of the end since."""
    if not tickets or not on_call:
        return {}
    told = (
        select(Delivery.ticket_id, Delivery.recipient, Delivery.template, Delivery.about, Delivery.seq, Delivery.status)
        .where(Delivery.ticket_id.in_(tickets), Delivery.recipient.in_(on_call))
        .order_by(Delivery.id)
    )
    calls: OpenCalls = {}
    for row in await session.execute(told):
        key = (row.ticket_id, row.recipient)
        if row.template != TemplateName.FOLLOWER_RESOLVED:
            calls.setdefault(key, []).append(OnCall(row.about, row.seq or 0))
        elif row.status not in (DeliveryStatus.FAILED, DeliveryStatus.DROPPED):
            calls.pop(key, None)
    return calls


def _take_ended(event: Event, calls: OpenCalls, withdrawn: Sequence[OnCall]) -> list[str]:
    """Takes out the calls that an event ends, and returns whose they are; other breaches may still stand."""
    is_partial = isinstance(event, SlaBreachWithdrawn)
    ended = [
        (ticket_id, key)
        for (ticket_id, key), each in calls.items()
        if ticket_id == event.entity_id and not (is_partial and any(one.stands(withdrawn) for one in each))
    ]
    for one in ended:
        del calls[one]
    return [key for _, key in ended]


async def _withdrawn(session: Session, now: Sequence[SlaBreachWithdrawn]) -> list[OnCall]:
    """Returns the breaches that are withdrawn in this batch, or were before, of the tickets of which one is now."""
    if not now:
        return []
    earlier = select(Delivery.about, Delivery.seq).where(
        Delivery.ticket_id.in_({event.ticket_id for event in now}), Delivery.recipient == ALREADY_NOTIFIED.key
    )
    before = [OnCall(f"{CALL}{row.about}", row.seq) for row in await session.execute(earlier)]
    return [*before, *(OnCall(f"{CALL}{Breach.of(event).key}", event.seq) for event in now)]


def _call_of(event: Event) -> OnCall:
    """Returns what an event calls for: a step of a clock, which a withdrawn breach ends, or the ticket itself."""
    seq = event.seq if isinstance(event, LifecycleEvent) else 0
    if isinstance(event, (SlaWarned, SlaBreached, TicketEscalated)):
        return OnCall(f"{CALL}{Breach.of(event).key}", seq)
    return OnCall(OF_TICKET, seq)


async def _is_over(session: Session, event: Event, batch: Sequence[tuple[str, Event, TicketContacts]]) -> bool:
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
    withdrawn = (one for _, one, _ in batch if isinstance(one, SlaBreachWithdrawn) and one.ticket_id == event.ticket_id)
    if any(Breach.of(one).key == breach.key and one.seq > event.seq for one in withdrawn):
        return True
    told = select(Delivery.id).where(
        Delivery.ticket_id == event.ticket_id,
        Delivery.recipient == ALREADY_NOTIFIED.key,
        Delivery.about == breach.key,
        Delivery.seq > event.seq,
    )
    return await session.scalar(told.limit(1)) is not None


def _row(cause: str, event: Event, target: NotificationTarget, template: TemplateName | None = None) -> dict[str, Any]:
    template = template or TEMPLATE_OF[type(event)]
    channel, call = TargetKind(target.kind).channel, _call_of(event)
    now = utc_now()
    return {
        "id": new_id(),
        "cause": cause,
        "recipient": recipient_of(target.id),
        "channel": channel.value,
        "audience": AUDIENCE_OF[channel].value,
        "template": template.value,
        "template_version": TEMPLATES[template].version,
        "ticket_id": event.entity_id,
        "about": call.about,
        "seq": call.seq,
        "name": target.name,
        "facts": _facts(event),
        "status": DeliveryStatus.QUEUED.value,
        "next_attempt_at": now,
        "message_id": "",
    }


def _facts(event: Event) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if isinstance(event, LifecycleEvent):
        facts["priority"] = event.snapshot.priority.value
    if isinstance(event, (SlaWarned, SlaBreached, TicketEscalated)):
        facts["metric"] = event.metric.value
    if isinstance(event, SlaWarned):
        facts["percent"] = event.percent
    return facts
