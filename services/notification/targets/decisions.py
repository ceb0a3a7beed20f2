"""Records for an event which chat rooms and on-call services are told of it, in the consumer's transaction."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

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
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session

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


def recipient_of(target_id: UUID) -> str:
    """Returns the key of a target in the ledger."""
    return f"{RECIPIENT}{target_id}"


async def record_for_targets(
    session: Session, events: Sequence[tuple[str, Event, TicketContacts]], matrix: Matrix
) -> int:
    """Records the deliveries of a batch, each exactly once; returns how many rows it tried to record."""
    concerned = [one for one in events if _is_concerned(one[1])]
    if not concerned:
        return 0
    targets = (await session.scalars(select(NotificationTarget).where(NotificationTarget.is_active))).all()
    if not targets:
        return 0
    rows = [
        _row(cause, event, target)
        for cause, event, contacts in concerned
        for target in targets
        if _is_told(event, target, contacts, matrix)
    ]
    rows += await _ends(session, concerned, targets)
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


async def _ends(
    session: Session,
    concerned: Sequence[tuple[str, Event, TicketContacts]],
    targets: Sequence[NotificationTarget],
) -> list[dict[str, Any]]:
    """Returns rows that tell on-call services of the end of what they were told of."""
    ended = {event.entity_id: (cause, event) for cause, event, _ in concerned if isinstance(event, ENDS)}
    on_call = {recipient_of(one.id): one for one in targets if TargetKind(one.kind).channel is DeliveryChannel.ON_CALL}
    if not ended or not on_call:
        return []
    told = select(Delivery.ticket_id, Delivery.recipient).where(
        Delivery.ticket_id.in_(ended), Delivery.recipient.in_(on_call)
    )
    found = (await session.execute(told.distinct())).all()
    return [_row(*ended[row.ticket_id], on_call[row.recipient], TemplateName.FOLLOWER_RESOLVED) for row in found]


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
