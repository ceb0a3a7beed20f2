"""States of endpoints and of deliveries."""

from enum import StrEnum


class WebhookState(StrEnum):
    """Whether an endpoint is sent events."""

    ACTIVE = "active"
    PAUSED = "paused"
    """Events wait for it."""
    DISABLED = "disabled"
    """It answered 410 Gone: no event is kept for it."""


class WebhookDeliveryStatus(StrEnum):
    """What became of an event for an endpoint."""

    QUEUED = "queued"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"
    """Given up after the last attempt."""
    DROPPED = "dropped"
    """The endpoint is gone, or the event is not kept any longer."""
