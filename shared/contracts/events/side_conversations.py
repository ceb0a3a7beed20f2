"""What agents and third parties write to each other beside a ticket. Requesters never see any of it."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from shared.contracts.base import Instant, MessageId, TicketId
from shared.contracts.events.conversation import AttachmentRef, Author, TicketEvent
from shared.contracts.redaction import Foreign
from shared.contracts.vocabulary import BodyFormat

_SIDE_EVENT = "side-message:"


def side_event_id(message_id: UUID) -> str:
    """Returns the id of the event that tells a message to or from a third party; its mail has it as its cause."""
    return f"{_SIDE_EVENT}{message_id}"


def side_message_of(event_id: object) -> str | None:
    """Returns the id of the message that such an event tells; None for the id of any other event."""
    is_side = isinstance(event_id, str) and event_id.startswith(_SIDE_EVENT)
    return str(event_id).removeprefix(_SIDE_EVENT) if is_side else None


class SideMessageSent(TicketEvent, name="side.message_sent"):
    """An agent wrote to a third party about a ticket: it goes out as a mail."""

    produced_by = "assignment"

    conversation_id: UUID
    message_id: MessageId
    author: Author
    email: str
    """Whom it is for."""
    subject: Foreign
    body: Foreign
    body_format: BodyFormat
    earlier: tuple[MessageId, ...] = ()
    """Of what was sent in this conversation before, oldest first: mail programs show one thread."""
    answers: str | None = None
    """The Message-ID of the third party's newest mail."""
    sent_at: Instant


class SideMessageReceived(TicketEvent, name="side.message_received"):
    """A third party answered by mail, or a mail to them came back."""

    produced_by = "intake"

    message_id: MessageId
    answered_id: MessageId
    """The message of ours whose mail is answered; the sender's address is the one it went to."""
    author_name: Foreign = ""
    body: Foreign
    """Empty for a bounce."""
    body_format: BodyFormat
    attachments: tuple[AttachmentRef, ...] = ()
    mail_id: str | None = None
    is_bounce: bool = False
    """Whether a mail server reports that the mail could not be delivered."""
    is_proved: bool | None = None
    """Whether such a report came to the envelope sender that only this mail had; null where nothing is said of that."""
    is_automatic: bool = False
    """An absence note and the like: nobody has answered yet."""
    is_verified: bool = False
    """Whether our mail server vouches for the sender."""
    merged_into: TicketId | None = None
    """The ticket that this one is a part of by now, if it is of another."""
    received_at: Instant


def is_beside(data: Mapping[str, Any], message_ids: Collection[str]) -> bool:
    """Whether an event tells one of these messages, or what became of its mail."""
    return data.get("message_id") in message_ids or side_message_of(data.get("cause")) in message_ids
