"""Records for an event which chat rooms and on-call services are told of it, in the consumer's transaction."""

from collections.abc import Mapping, Sequence
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
LOOKED_AHEAD = 30
"""Steps after one, among which that is looked for which ended the reason to be on call."""


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
    called = await _called(session, [event.entity_id for _, event, _ in concerned if isinstance(event, ENDS)], on_call)
    rows: list[dict[str, Any]] = []
    for cause, event, contacts in concerned:
        if isinstance(event, ENDS):
            told = [on_call[one] for ticket, one in sorted(called) if ticket == event.entity_id]
            rows += [_row(cause, event, one, TemplateName.FOLLOWER_RESOLVED) for one in told]
            continue
        told = [one for one in targets if _is_told(event, one, contacts, matrix)]
        if any(recipient_of(one.id) in on_call for one in told) and await _is_over(session, event, concerned):
            told = [one for one in told if recipient_of(one.id) not in on_call]
        called |= {(event.entity_id, recipient_of(one.id)) for one in told if recipient_of(one.id) in on_call}
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


async def _called(
    session: Session, tickets: Sequence[UUID], on_call: Mapping[str, NotificationTarget]
) -> set[tuple[UUID, str]]:
    """Returns which on-call services were told of which of the tickets."""
    if not tickets or not on_call:
        return set()
    told = select(Delivery.ticket_id, Delivery.recipient).where(
        Delivery.ticket_id.in_(tickets), Delivery.recipient.in_(on_call)
    )
    return {(row.ticket_id, row.recipient) for row in await session.execute(told.distinct())}


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
    channel = TargetKind(target.kind).channel
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
