"""The states of a delivery."""

from enum import StrEnum

TOLD_WITH_WORSE = "something worse was to be told at the same time: one mail tells both"
"""Why a mail about a clock was dropped; see `worst`."""
TOLD_IN_BUNDLE = "told in one mail with others"
"""Why a mail of a bundle was dropped; see `bundles`."""


class DeliveryStatus(StrEnum):
    """waiting -> queued -> sending -> sent.

    `failed` may be retried, `dropped` has no recipient, `expanded` was replaced by one row per recipient.
    """

    WAITING = "waiting"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"
    EXPANDED = "expanded"
