"""Request and response models of drafts, held replies, followers, presence and links."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from services.assignment.schemas.actions import AttachmentIds, MessageInput
from services.assignment.schemas.tickets import AgentRef, RelatedTicket, View
from shared.contracts.base import Instant
from shared.contracts.events.collaboration import LinkRelation
from shared.contracts.redaction import redacted
from shared.contracts.vocabulary import BodyFormat
from shared.kit.http.inputs import MAX_TEXT, Flag, Input

DraftKind = Literal["reply", "note"]
FollowingAction = Literal["", "resolve", "pend"]


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain the NUL character")
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        raise ValueError("must not contain unpaired surrogates") from None
    if len(encoded) > MAX_TEXT:
        raise ValueError(f"must be at most {MAX_TEXT // 1024} KiB")
    return text


DraftBody = Annotated[str, StringConstraints(), AfterValidator(_storable), AfterValidator(redacted)]
"""What is being written: it may be empty, which forgets the draft."""


class DraftInput(Input):
    """What an agent has written so far. An empty body without files forgets the draft."""

    kind: DraftKind = "reply"
    body: DraftBody
    body_format: BodyFormat = BodyFormat.MARKDOWN
    attachments: AttachmentIds = ()


class DraftView(View):
    """A draft of the caller's own; an empty one if there is none."""

    kind: DraftKind
    body: str = ""
    body_format: BodyFormat = BodyFormat.MARKDOWN
    attachments: tuple[UUID, ...] = ()
    remark: str = ""
    """Why it was not sent, where it had been and was refused later."""
    updated_at: Instant | None = None


class HeldReplyInput(MessageInput):
    """A reply that can be taken back for a while."""

    then: FollowingAction = ""
    """What follows the reply."""


class HeldReplyView(View):
    """A reply on its way. Until `send_at` it can be taken back."""

    id: UUID
    agent: AgentRef
    body: str
    body_format: BodyFormat
    attachments: tuple[UUID, ...]
    then: str
    held_at: Instant
    send_at: Instant


class FollowerInput(Input):
    """Who is to follow; the caller if nobody is named."""

    agent_id: UUID | None = None


class FollowerView(View):
    """An agent who follows a ticket."""

    agent: AgentRef
    since: Instant
    is_mentioned: bool
    """Whether a note named them; false if they or a colleague added them."""


class PresenceInput(Input):
    """What the caller is doing on the ticket."""

    is_typing: Flag = False
    is_gone: Flag = False
    """The caller has left the ticket."""


class PresentAgent(View):
    """An agent who has the ticket open."""

    agent: AgentRef
    is_typing: bool
    seen_at: Instant


class PresenceView(View):
    """Who has the ticket open, the caller not among them, and at which revision it is."""

    items: tuple[PresentAgent, ...]
    revision: int
    last_entry_at: Instant | None
    """When something was last written on it; a note raises no revision."""


LinkKind = Literal["related", "duplicate", "parent", "child"]


class LinkInput(Input):
    """Another ticket that belongs to this one."""

    ticket: Annotated[str, Field(min_length=1, max_length=64, examples=["100042"])]
    """Its id or number."""
    kind: LinkKind = "related"
    """`duplicate`: this one is a duplicate of the other. `parent`, `child`: what the other is to this one."""


class LinkView(View):
    """A ticket that belongs to this one, seen from here."""

    ticket: RelatedTicket
    kind: LinkRelation
    """What the other one is to this one; `duplicate_of`: this one is its duplicate."""
    added_at: Instant
