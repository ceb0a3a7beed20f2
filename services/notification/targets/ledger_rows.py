"""Rows of the delivery ledger for chat rooms and on-call services."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.notification.delivery.channels import DeliveryChannel
from services.notification.delivery.status import DeliveryStatus
from services.notification.delivery.templates import TEMPLATES, TemplateName
from services.notification.models import NotificationTarget
from services.notification.rules.matrix import RecipientAudience
from services.notification.targets.alerts import OnCall, recipient_of
from shared.kit.clock import new_id, utc_now

AUDIENCE_OF = {
    DeliveryChannel.CHAT: RecipientAudience.TEAM,
    DeliveryChannel.ON_CALL: RecipientAudience.ON_CALL,
}


def ledger_row(
    target: NotificationTarget,
    channel: DeliveryChannel,
    cause: str,
    ticket_id: UUID,
    template: TemplateName,
    call: OnCall,
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Returns the row of a message to a target, which is due at once; there is one for each cause and target."""
    return {
        "id": new_id(),
        "cause": cause,
        "recipient": recipient_of(target.id),
        "channel": channel.value,
        "audience": AUDIENCE_OF[channel].value,
        "template": template.value,
        "template_version": TEMPLATES[template].version,
        "ticket_id": ticket_id,
        "about": call.about,
        "seq": call.seq,
        "name": target.name,
        "facts": dict(facts),
        "status": DeliveryStatus.QUEUED.value,
        "next_attempt_at": utc_now(),
        "message_id": "",
    }
