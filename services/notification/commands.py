"""What changes the ledger: writing decisions down, settling who they are for, and an operator's retry."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, Table, and_, bindparam, case, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from services.notification.decisions import REQUESTER, Decision, Recipient
from services.notification.delivery.catalogue import TEMPLATES, TemplateName
from services.notification.delivery.status import DeliveryStatus
from services.notification.models import Agent, Delivery, Team, Ticket
from shared.contracts.events import Envelope
from shared.kit.clock import derived_id, new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.problems import Problem, not_found

MESSAGE_IDS = UUID("6f1d3c5e-8a53-5b0e-9a52-3f2f3a3f4e11")
SETTLE_AT_ONCE = 500
DELIVERIES = Delivery.__table__
assert isinstance(DELIVERIES, Table)
RECORD = insert(DELIVERIES).on_conflict_do_nothing()
SETTLE = update(DELIVERIES).where(DELIVERIES.c.id == bindparam("settled_id"))
"""Built once, so that their compiled form is found again."""


def message_id_of(cause: str, recipient: Recipient, template: TemplateName, domain: str) -> str:
    """The same for the same event and recipient, so that a mail sent twice is seen once."""
    return f"<{derived_id(MESSAGE_IDS, f'{cause}|{recipient.key}|{template}')}@{domain}>"


async def record(session: Session, cause: Envelope, decisions: Sequence[Decision], domain: str) -> None:
    """Writes decisions into the ledger, each once however often its event arrives."""
    rows = [
        {
            "id": new_id(),
            "cause": cause.id,
            "recipient": decision.recipient.key,
            "template": decision.template.value,
            "template_version": TEMPLATES[decision.template].version,
            "ticket_id": decision.ticket_id,
            "agent_id": decision.recipient.agent_id,
            "team_id": decision.recipient.team_id,
            "facts": dict(decision.facts),
            "status": DeliveryStatus.WAITING.value,
            "message_id": message_id_of(cause.id, decision.recipient, decision.template, domain),
        }
        for decision in decisions
    ]
    if rows:
        connection = await session.connection()
        await connection.execute(RECORD, rows)


@dataclass(frozen=True, slots=True)
class Settlement:
    """Who a decision is for after all; or why nobody."""

    address: str | None = None
    name: str | None = None
    dropped_because: str | None = None


async def settle_waiting(session: Session) -> int:
    """Settles every decision whose people and ticket are known by now; returns how many were looked at.

    What it needs may arrive after the event that needed it, so this runs after each batch and in the sweep.
    """
    rows = (await session.execute(_settleable())).all()
    if rows:
        connection = await session.connection()
        await connection.execute(SETTLE, [_settled(row) for row in rows])
    return len(rows)


def _settled(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    settlement = settlement_of(row)
    is_dropped = settlement.dropped_because is not None
    return {
        "settled_id": row.id,
        "status": (DeliveryStatus.DROPPED if is_dropped else DeliveryStatus.QUEUED).value,
        "address": settlement.address,
        "name": settlement.name,
        "last_error": settlement.dropped_because,
        "next_attempt_at": None if is_dropped else utc_now(),
        "facts": {} if is_dropped else row.facts,
    }


@cache
def _settleable() -> Select[*tuple[Any, ...]]:
    """Waiting rows with all they need, joined with it, locked against other settlers."""
    team_lead = aliased(Team)
    target = case(
        (Delivery.recipient == "assignee", Ticket.assignee_id),
        (Delivery.team_id.is_not(None), team_lead.lead_id),
        else_=Delivery.agent_id,
    )
    is_person_known = or_(
        Delivery.recipient == REQUESTER.key,
        Agent.id.is_not(None),
        and_(Delivery.recipient == "assignee", Ticket.seq > 0, Ticket.assignee_id.is_(None)),
        and_(Delivery.team_id.is_not(None), team_lead.id.is_not(None), team_lead.lead_id.is_(None)),
    )
    sibling = aliased(Ticket)
    has_sibling = (
        select(sibling.id)
        .where(sibling.follows == Ticket.follows, sibling.id != Ticket.id, sibling.submitted_at < Ticket.submitted_at)
        .exists()
    )
    return (
        select(
            Delivery.id,
            Delivery.recipient,
            Delivery.template,
            Delivery.facts,
            Ticket.requester_email,
            Ticket.requester_name,
            Ticket.erased_at,
            has_sibling.label("is_repeated_follow_up"),
            Agent.email.label("agent_email"),
            Agent.name.label("agent_name"),
            Agent.is_active.label("is_agent_active"),
        )
        .join(Ticket, Ticket.id == Delivery.ticket_id)
        .outerjoin(team_lead, team_lead.id == Delivery.team_id)
        .outerjoin(Agent, Agent.id == target)
        .where(
            Delivery.status == DeliveryStatus.WAITING,
            or_(Ticket.submitted_at.is_not(None), Ticket.erased_at.is_not(None)),
            is_person_known,
        )
        .order_by(Delivery.id)
        .limit(SETTLE_AT_ONCE)
        .with_for_update(of=Delivery, skip_locked=True)
    )


def settlement_of(row: Row[*tuple[Any, ...]]) -> Settlement:
    """Whom a row that has all it needs is for."""
    if row.erased_at is not None:
        return Settlement(dropped_because="the requester was erased")
    if row.recipient == REQUESTER.key:
        if row.template == TemplateName.ACKNOWLEDGEMENT and row.is_repeated_follow_up:
            return Settlement(
                dropped_because="a follow-up of the same ticket was acknowledged: this may be a mail loop"
            )
        return Settlement(row.requester_email, row.requester_name)
    if row.agent_email is None:
        return Settlement(dropped_because="nobody is assigned, or the team has no lead")
    if not row.is_agent_active:
        return Settlement(dropped_because="the agent is not active")
    return Settlement(row.agent_email, row.agent_name)


async def retry_delivery(session: Session, delivery_id: UUID) -> Delivery:
    """Queues a failed mail again. Raises Problem 404, or 409 for one that has not failed."""
    delivery = await session.scalar(select(Delivery).where(Delivery.id == delivery_id).with_for_update())
    if delivery is None:
        raise not_found("delivery")
    if delivery.status != DeliveryStatus.FAILED:
        raise Problem(409, "not_failed", f"the delivery is {delivery.status}; only a failed one can be retried")
    delivery.status, delivery.next_attempt_at, delivery.last_error = DeliveryStatus.QUEUED.value, utc_now(), None
    return delivery
