"""The in-app inbox: entries are rows of the ledger, delivered the moment they are written."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, case, false, func, select, update

from services.notification.delivery.channels import DeliveryChannel
from services.notification.delivery.status import DeliveryStatus
from services.notification.delivery.templates import TEMPLATES, TemplateName
from services.notification.models import IS_ENTRY, Agent, Delivery, Ticket
from services.notification.recipients.ticket_visibility import is_in_sight
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session

KEPT_FACTS = ("metric", "percent", "priority", "step", "do", "count", "team")
"""What an entry keeps of its event: nothing that a person wrote."""
MOST_COUNTED = 100
"""Unread entries are counted up to here; pages show one less and a plus sign."""


def entry_of(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    """Returns the entry of a settled row, which stands for the mail."""
    return {
        "id": str(new_id()),
        "cause": row.cause,
        "recipient": row.recipient,
        "channel": DeliveryChannel.INBOX.value,
        "audience": row.audience,
        "template": row.template,
        "template_version": TEMPLATES[TemplateName(row.template)].version,
        "ticket_id": str(row.ticket_id),
        "agent_id": str(row.known_agent_id),
        "name": row.agent_name,
        "facts": {name: row.facts[name] for name in KEPT_FACTS if name in row.facts},
        "status": DeliveryStatus.SENT.value,
        "message_id": "",
        "sent_at": utc_now().isoformat(),
    }


async def list_entries(
    session: Session, agent_id: UUID, before: UUID | None, limit: int, *, only_unread: bool = False
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Returns an agent's entries, newest first, with number and subject of the tickets that they may see now."""
    sees = func.coalesce(is_in_sight(), false())
    query = (
        select(
            Delivery.id,
            Delivery.ticket_id,
            Delivery.template,
            Delivery.audience,
            Delivery.facts,
            Delivery.created_at,
            Delivery.read_at,
            sees.label("is_in_sight"),
            case((sees, Ticket.number)).label("number"),
            case((sees, Ticket.subject)).label("subject"),
        )
        .outerjoin(Ticket, Ticket.id == Delivery.ticket_id)
        .outerjoin(Agent, Agent.id == Delivery.agent_id)
        .where(*_of(agent_id))
        .order_by(Delivery.id.desc())
        .limit(limit)
    )
    if only_unread:
        query = query.where(Delivery.read_at.is_(None))
    if before is not None:
        query = query.where(Delivery.id < before)
    return (await session.execute(query)).all()


async def count_unread(session: Session, agent_id: UUID) -> int:
    """Returns how many entries an agent has not read, up to MOST_COUNTED."""
    unread = select(Delivery.id).where(*_of(agent_id), Delivery.read_at.is_(None)).limit(MOST_COUNTED).subquery()
    return await session.scalar(select(func.count()).select_from(unread)) or 0


async def mark_read(session: Session, agent_id: UUID, entry_ids: Sequence[UUID] | None, *, is_read: bool = True) -> int:
    """Marks an agent's entries as read, or all of them; returns how many changed."""
    changed = update(Delivery).where(*_of(agent_id))
    if entry_ids is not None:
        changed = changed.where(Delivery.id.in_(entry_ids))
    is_other = Delivery.read_at.is_(None) if is_read else Delivery.read_at.is_not(None)
    values = {"read_at": utc_now() if is_read else None}
    found = await session.scalars(changed.where(is_other).values(values).returning(Delivery.id))
    return len(found.all())


def _of(agent_id: UUID) -> tuple[Any, ...]:
    return (IS_ENTRY, Delivery.agent_id == agent_id, Delivery.status == DeliveryStatus.SENT)
