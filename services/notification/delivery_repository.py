"""Writing decisions into the ledger, each once."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import insert

from services.notification.decisions import NotificationDecision, Recipient
from services.notification.delivery.status import DeliveryStatus
from services.notification.delivery.templates import TEMPLATES, TemplateName
from services.notification.models import Delivery
from shared.kit.auth import MailThreads
from shared.kit.clock import derived_id, new_id
from shared.kit.db import Session

MESSAGE_IDS = UUID("6f1d3c5e-8a53-5b0e-9a52-3f2f3a3f4e11")
DELIVERIES = Delivery.__table__
assert isinstance(DELIVERIES, Table)
RECORD = insert(DELIVERIES).on_conflict_do_nothing()
"""Built once, so that its compiled form is found again."""


def mail_id_of(cause: str, recipient: Recipient, template: TemplateName) -> UUID:
    """The same for the same event and recipient, so that a mail sent twice is seen once."""
    return derived_id(MESSAGE_IDS, f"{cause}|{recipient.key}|{template}")


async def record(session: Session, cause: str, decisions: Sequence[NotificationDecision], threads: MailThreads) -> None:
    """Writes what follows from the event with the id `cause`, each decision once however often the event arrives."""
    rows = [_row(cause, decision, threads) for decision in decisions]
    if rows:
        connection = await session.connection()
        await connection.execute(RECORD, rows)


def _row(cause: str, decision: NotificationDecision, threads: MailThreads) -> dict[str, Any]:
    recipient, template, about = decision.recipient, decision.template, decision.about
    return {
        "id": new_id(),
        "cause": cause,
        "recipient": recipient.key,
        "template": template.value,
        "template_version": TEMPLATES[template].version,
        "ticket_id": decision.ticket_id,
        "agent_id": recipient.agent_id,
        "team_id": recipient.team_id,
        "about": about.key if about else None,
        "seq": about.seq if about else None,
        "weight": decision.weight,
        "facts": dict(decision.facts),
        "status": DeliveryStatus.WAITING.value,
        "message_id": threads.message_id(decision.ticket_id, mail_id_of(cause, recipient, template)),
    }
