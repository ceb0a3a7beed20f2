"""Request and response models of conversations with third parties beside a ticket."""

from uuid import UUID

from pydantic import ConfigDict

from services.assignment.schemas.conversation import FileView
from services.assignment.schemas.tickets import AgentRef, View
from shared.contracts.base import Instant
from shared.contracts.vocabulary import BodyFormat
from shared.kit.http.inputs import Body, Email, Flag, Input, Line

MOST_CONVERSATIONS = 50
"""Of one ticket."""
MOST_MESSAGES = 200
"""Of one conversation."""


class SideReplyInput(Input):
    """What to write to the third party."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"body": "Is there news?", "hold": True}]})

    body: Body
    body_format: BodyFormat = BodyFormat.TEXT
    hold: Flag = False
    """Whether to put the ticket on hold, reason `third_party`, until the third party answers."""


class SideConversationInput(SideReplyInput):
    """A new conversation."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"to": "support@supplier.example", "subject": "The line in Berlin", "body": "Is it down?", "hold": True}
            ]
        }
    )

    to: Email
    """Whom to write to: not the requester, and nobody in copy."""
    subject: Line


class SideMessageView(View):
    """One message."""

    id: UUID
    author: AgentRef | None
    """Null for what the third party wrote."""
    author_name: str
    body: str
    body_format: BodyFormat
    attachments: tuple[FileView, ...]
    is_automatic: bool
    is_verified: bool
    """Whether the mail server vouched for the third party's address."""
    failed_because: str | None
    """Why a mail of ours did not arrive; null while nothing says so."""
    at: Instant


class SideConversationView(View):
    """A conversation with its messages, oldest first."""

    id: UUID
    to: str
    subject: str
    created_by: AgentRef
    created_at: Instant
    is_awaited: bool
    """Whether the ticket waits on hold for the answer."""
    messages: tuple[SideMessageView, ...]
