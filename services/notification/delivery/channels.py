"""The channels by which somebody is told."""

from enum import StrEnum


class DeliveryChannel(StrEnum):
    """How a recipient is told."""

    MAIL = "mail"
    INBOX = "inbox"
    CHAT = "chat"
    ON_CALL = "on_call"


COPIES = "participant:"
"""How the recipient's key of a mail to somebody in copy begins."""
