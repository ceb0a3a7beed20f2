"""What people wrote: submissions, messages and notes, bodies included."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.contracts.base import AgentId, Instant, MessageId, TicketId, WireModel
from shared.contracts.events.base import Event
from shared.contracts.redaction import Foreign, ForeignValues
from shared.contracts.tickets import Actor, TopicId
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel, ParticipantDecision, ParticipantState, Priority


class Person(WireModel):
    """A name and an address as the person gave them."""

    email: str
    name: Foreign
    phone: str | None = None
    language: str | None = None
    """BCP 47, such as `de`: what mails to them are written in; null where it is not known."""


class Author(WireModel):
    """Who wrote; agents have an id, requesters an address."""

    kind: ActorKind
    id: UUID | None = None
    name: Foreign
    email: str | None = None


class AttachmentRef(WireModel):
    """A stored file; its bytes never travel on the bus."""

    id: UUID
    name: Foreign
    media_type: str
    size: int
    """Bytes."""
    is_inline: bool = False
    """Shown inside the body, which names it as `attachment:<id>`."""


class TicketEvent(Event):
    """Something written on a ticket."""

    ticket_id: TicketId

    @property
    def entity_id(self) -> UUID:
        return self.ticket_id


class TicketSubmitted(TicketEvent, name="ticket.submitted"):
    """A requester asked for help; durable in intake before anyone else hears of it."""

    produced_by = "intake"

    number: str
    message_id: MessageId
    requester: Person
    subject: Foreign
    body: Foreign
    body_format: BodyFormat
    channel: Channel
    topic_id: TopicId | None = None
    priority: Priority | None = None
    fields: ForeignValues = Field(default_factory=dict)
    cc: tuple[str, ...] = ()
    attachments: tuple[AttachmentRef, ...] = ()
    follows: TicketId | None = None
    """The archived ticket this one follows up."""
    quoted: Foreign = ""
    """What a mail quoted or signed, as plain text: kept, and shown on demand."""
    is_automatic: bool = False
    """True for what a machine wrote: an auto-reply, a bounce, a list."""
    acknowledge: bool = True
    """Whether the requester is sent an acknowledgement; machines never are."""
    alert: bool = True
    """Whether agents are told of the new ticket."""
    mail_id: str | None = None
    """The Message-ID of the mail it came by."""
    received_at: Instant


class MessagePosted(TicketEvent, name="message.posted"):
    """A public message, from the requester or from an agent."""

    produced_by = "messages"

    message_id: MessageId
    author: Author
    body: Foreign
    body_format: BodyFormat
    channel: Channel
    attachments: tuple[AttachmentRef, ...] = ()
    is_automatic: bool = False
    """True for auto-replies and bounces: they never reopen a ticket and never stop a clock."""
    quoted: Foreign = ""
    """What a mail quoted or signed, as plain text: kept, and shown on demand."""
    mail_id: str | None = None
    """The Message-ID of the mail it came by."""
    requester_address: str | None = None
    """Which of the requester's addresses it came from, where that is known: they are answered there."""
    received_at: Instant
    was_archived: bool = False
    """Whether the ticket was archived when the message was accepted: then its workflow is not told."""
    follow_up_id: TicketId | None = None
    """The ticket that the message opened, because this one was archived."""
    resolves: bool = False
    """Whether the agent who writes it is about to resolve the ticket with it."""
    has_command: bool = False
    """Whether the service that accepted it tells the ticket's workflow itself, so that no consumer need do so."""


class ParticipantChanged(TicketEvent, name="participant.changed"):
    """Somebody in copy of a ticket, as they now are; `invited` means: ask them by mail."""

    produced_by = "intake"

    email: str
    name: Foreign
    state: ParticipantState
    version: int
    """Rises with every change of this participant of this ticket."""
    changed_at: Instant
    channel: Channel | None = None
    """How they were named; None for those named before this was kept."""
    added_by: str = ""
    """Who named them: the address of a mail's sender, or the name of an agent."""
    added_at: Instant | None = None
    joined_at: Instant | None = None
    """Since when they take part; the same as `changed_at` in the event that tells it first."""


class ParticipantDecided(TicketEvent, name="participant.decided"):
    """An agent adds, confirms or removes somebody in copy; intake carries it out and announces the change."""

    produced_by = "assignment"

    email: str
    name: str = ""
    decision: ParticipantDecision
    agent: Author
    decided_at: Instant


class NoteAdded(TicketEvent, name="note.added"):
    """A note among agents. Never shown to requesters."""

    produced_by = "assignment"
    is_for_outsiders = True

    note_id: MessageId
    author: Author
    body: Foreign
    body_format: BodyFormat
    about: str | None = None
    """The action the note comments on, if any."""
    added_at: Instant


class NoteFilesAttached(TicketEvent, name="note.files_attached"):
    """Files that an agent sent for a note: intake puts them on the ticket, for agents only."""

    produced_by = "assignment"

    note_id: MessageId
    agent_id: AgentId
    attachment_ids: tuple[UUID, ...]


class TicketMentioned(TicketEvent, name="ticket.mentioned"):
    """A note names agents: they follow the ticket from then on, and are told of it if they may see it."""

    produced_by = "assignment"

    note_id: MessageId
    actor: Actor
    """Who wrote the note; if they name themselves they follow, and are not told."""
    agent_ids: Annotated[tuple[AgentId, ...], Field(min_length=1)]
    """Those whom no earlier version of the note named."""
    mentioned_at: Instant


class FollowerChanged(TicketEvent, name="follower.changed"):
    """An agent follows a ticket from now on, or does no more."""

    produced_by = "assignment"

    agent_id: AgentId
    is_following: bool
    changed_at: Instant


class TicketEdited(TicketEvent, name="ticket.edited"):
    """An agent corrected what the ticket says of itself. What is null stayed as it was."""

    produced_by = "assignment"

    agent_id: AgentId
    subject: Foreign | None = None
    topic_id: TopicId | None = None
    fields: ForeignValues | None = None
    """All answers, as they now are."""
    requester: Person | None = None
    edited_at: Instant


class MessageEdited(TicketEvent, name="message.edited"):
    """An agent corrected their reply. Mails that are out stay as they are."""

    produced_by = "assignment"

    message_id: MessageId
    agent_id: AgentId
    body: Foreign
    body_format: BodyFormat
    version: int
    """Counts from 2; the highest one is what the reply says."""
    edited_at: Instant


class NoteReceived(TicketEvent, name="note.received"):
    """What an agent wrote by mail about a ticket: a note, or where it says so a reply. No page shows it."""

    produced_by = "intake"

    message_id: MessageId
    """Of the note or the reply it becomes."""
    agent_id: AgentId
    body: Foreign
    """Of a mail that nobody vouches for, the first line says so."""
    body_format: BodyFormat
    attachments: tuple[AttachmentRef, ...] = ()
    is_verified: bool = False
    """Whether the mail server says that the mail is from the agent's address."""
    is_reply: bool = False
    """Whether it answers the requester, if the agent may."""
    received_at: Instant


class TicketErased(TicketEvent, name="ticket.erased"):
    """What people wrote on a ticket is kept no longer; its life and its verdicts stay."""

    produced_by = "intake"

    erased_at: Instant
