"""The states of a delivery."""

from enum import StrEnum


class DeliveryStatus(StrEnum):
    """waiting -> queued -> sending -> sent; `failed` may be retried, `dropped` has nobody to tell."""

    WAITING = "waiting"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"
