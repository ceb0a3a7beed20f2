"""Which endpoints get which of the events that enter the feed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.notification.event_selection import types_of_all
from shared.kit.clock import new_id


@dataclass(frozen=True, slots=True)
class WebhookChoice:
    """An endpoint and the patterns of the events it wants."""

    id: str
    types: Sequence[str]


def decide_deliveries(webhooks: Iterable[WebhookChoice], events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns the ledger rows of a batch, in the order of the feed."""
    wanted = [(webhook.id, types_of_all(webhook.types)) for webhook in webhooks]
    return [
        {
            "id": str(new_id()),
            "webhook_id": webhook_id,
            "event_id": event["event_id"],
            "position": event["position"],
            "type": event["type"],
            "entity_id": event["entity_id"],
        }
        for event in events
        for webhook_id, types in wanted
        if event["type"] in types
    ]
