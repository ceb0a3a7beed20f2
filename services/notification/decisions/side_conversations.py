"""Rules for what agents and third parties write beside a ticket: to the third party, or to the assignee."""

from uuid import UUID

from pydantic import JsonValue

from services.notification.decisions.event_rules import (
    ASSIGNEE,
    MERGED_INTO,
    SENT_TO,
    SIDE,
    NotificationDecision,
    Recipient,
    decide,
)
from services.notification.delivery.templates import TemplateName
from shared.contracts.events import SideMessageReceived, SideMessageSent


def third_party(message_id: UUID) -> Recipient:
    """Whom one message beside a ticket is for; the decision's facts hold the address."""
    return Recipient(f"{SIDE}{message_id}")


@decide.register
def _(event: SideMessageSent) -> list[NotificationDecision]:
    facts: dict[str, JsonValue] = {
        "author": event.author.name,
        "subject": event.subject,
        "body": event.body,
        "body_format": event.body_format.value,
        "earlier": [str(message_id) for message_id in event.earlier],
        "answers": event.answers,
        SENT_TO: event.email,
    }
    return [NotificationDecision(event.ticket_id, TemplateName.SIDE_MESSAGE, third_party(event.message_id), facts)]


@decide.register
def _(event: SideMessageReceived) -> list[NotificationDecision]:
    if event.is_bounce or event.is_automatic:
        return []
    facts: dict[str, JsonValue] = {
        "author": event.author_name,
        "body": event.body,
        "body_format": event.body_format.value,
        "attachments": [attachment.name for attachment in event.attachments],
    }
    if event.merged_into is not None:
        facts[MERGED_INTO] = str(event.merged_into)
    return [NotificationDecision(event.ticket_id, TemplateName.SIDE_ANSWER, ASSIGNEE, facts)]
