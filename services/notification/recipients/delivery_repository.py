"""Inserts decisions into the delivery ledger, each exactly once."""

from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from services.notification.decisions.event_rules import SIDE, NotificationDecision
from services.notification.delivery.status import DeliveryStatus
from services.notification.delivery.templates import TEMPLATES
from services.notification.models import Delivery
from services.notification.record_sets import ROWS, record_set
from shared.contracts.base import TicketId
from shared.kit.auth import MailThreads
from shared.kit.clock import derived_id, new_id
from shared.kit.db import Session

MESSAGE_IDS = UUID("6f1d3c5e-8a53-5b0e-9a52-3f2f3a3f4e11")
DELIVERIES = cast(Table, Delivery.__table__)
RECORDED = (
    *("id", "cause", "recipient", "template", "template_version", "ticket_id", "agent_id", "team_id"),
    *("about", "seq", "weight", "audience", "channel", "facts", "status", "message_id"),
    *("address", "name", "last_error", "next_attempt_at", "bundle", "sent_at"),
)


def _record() -> ReturningInsert[tuple[UUID]]:
    given = record_set(DELIVERIES, RECORDED)
    rows = select(*(given.c[name] for name in RECORDED)).order_by(given.c.id)
    return insert(DELIVERIES).from_select(RECORDED, rows).on_conflict_do_nothing().returning(DELIVERIES.c.id)


RECORD = _record()
"""Built once, so that its compiled form is found again."""


def mail_id_of(cause: str, recipient: str, template: str) -> UUID:
    """Returns the Message-ID, the same for the same event and recipient, so that mail clients drop a duplicate.

    That of a message to a third party is the message's own id: an answer names the message it answers.
    """
    if recipient.startswith(SIDE):
        return UUID(recipient.removeprefix(SIDE))
    return derived_id(MESSAGE_IDS, f"{cause}|{recipient}|{template}")


async def record(session: Session, cause: str, decisions: Sequence[NotificationDecision], threads: MailThreads) -> None:
    """Inserts the decisions of the event `cause`; a redelivered event inserts nothing."""
    await record_all(session, [(cause, decision) for decision in decisions], threads)


async def record_all(
    session: Session, decisions: Sequence[tuple[str, NotificationDecision]], threads: MailThreads
) -> None:
    """Inserts the decisions of a batch in one statement, to be settled; each comes with the id of its event."""
    rows = [with_message_id(waiting_row(cause, decision), threads) for cause, decision in decisions]
    await insert_rows(session, rows)


async def insert_rows(session: Session, rows: Sequence[Mapping[str, Any]]) -> set[UUID]:
    """Inserts rows of the ledger, each exactly once; returns the ids of those that were not there."""
    if not rows:
        return set()
    return set(await (await session.connection()).scalars(RECORD, {ROWS: rows}))


def waiting_row(cause: str, decision: NotificationDecision) -> dict[str, Any]:
    """Returns the row of a decision that is not settled, its Message-ID still to be told."""
    recipient, template, about = decision.recipient, decision.template, decision.about
    return {
        "id": str(new_id()),
        "cause": cause,
        "recipient": recipient.key,
        "template": template.value,
        "template_version": TEMPLATES[template].version,
        "ticket_id": str(decision.ticket_id),
        "agent_id": str(recipient.agent_id) if recipient.agent_id else None,
        "team_id": str(recipient.team_id) if recipient.team_id else None,
        "about": about.key if about else None,
        "seq": about.seq if about else None,
        "weight": None if decision.weight is None else str(decision.weight),
        "audience": decision.audience,
        "channel": decision.channel,
        "facts": dict(decision.facts),
        "status": DeliveryStatus.WAITING.value,
    }


def with_message_id(row: Mapping[str, Any], threads: MailThreads) -> dict[str, Any]:
    """Returns a row that waits with a Message-ID; it gets another when it is settled, which tells the recipient too."""
    mail_id = mail_id_of(row["cause"], row["recipient"], row["template"])
    return {**row, "message_id": threads.message_id(TicketId(UUID(row["ticket_id"])), mail_id)}
