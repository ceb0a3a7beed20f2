"""Inserts decisions into the delivery ledger, each exactly once."""

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, select
from sqlalchemy.dialects.postgresql import Insert, insert

from services.notification.decisions.event_rules import SIDE, NotificationDecision, Recipient
from services.notification.delivery.status import DeliveryStatus
from services.notification.delivery.templates import TEMPLATES, TemplateName
from services.notification.models import Delivery
from services.notification.record_sets import ROWS, record_set
from shared.kit.auth import MailThreads
from shared.kit.clock import derived_id, new_id
from shared.kit.db import Session

MESSAGE_IDS = UUID("6f1d3c5e-8a53-5b0e-9a52-3f2f3a3f4e11")
DELIVERIES = cast(Table, Delivery.__table__)
RECORDED = (
    *("id", "cause", "recipient", "template", "template_version", "ticket_id", "agent_id", "team_id"),
    *("about", "seq", "weight", "audience", "channel", "facts", "status", "message_id"),
)


def _record() -> Insert:
    given = record_set(DELIVERIES, RECORDED)
    rows = select(*(given.c[name] for name in RECORDED)).order_by(given.c.id)
    return insert(DELIVERIES).from_select(RECORDED, rows).on_conflict_do_nothing()


RECORD = _record()
"""Built once, so that its compiled form is found again."""


def mail_id_of(cause: str, recipient: Recipient, template: TemplateName) -> UUID:
    """Returns the Message-ID, the same for the same event and recipient, so that mail clients drop a duplicate.

    That of a message to a third party is the message's own id: an answer names the message it answers.
    """
    if recipient.key.startswith(SIDE):
        return UUID(recipient.key.removeprefix(SIDE))
    return derived_id(MESSAGE_IDS, f"{cause}|{recipient.key}|{template}")


async def record(session: Session, cause: str, decisions: Sequence[NotificationDecision], threads: MailThreads) -> None:
    """Inserts the decisions of the event `cause`; a redelivered event inserts nothing."""
    await record_all(session, [(cause, decision) for decision in decisions], threads)


async def record_all(
    session: Session, decisions: Sequence[tuple[str, NotificationDecision]], threads: MailThreads
) -> None:
    """Inserts the decisions of a batch in one statement; each comes with the id of its event."""
    if decisions:
        rows = [_row(cause, decision, threads) for cause, decision in decisions]
        await (await session.connection()).execute(RECORD, {ROWS: rows})


def _row(cause: str, decision: NotificationDecision, threads: MailThreads) -> dict[str, Any]:
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
        "message_id": threads.message_id(decision.ticket_id, mail_id_of(cause, recipient, template)),
    }
