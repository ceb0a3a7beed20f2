"""What agents arrange around tickets: links between them, tasks on one, and major incidents."""

from typing import Literal
from uuid import UUID

from shared.contracts.base import Instant, MessageId, TicketId
from shared.contracts.events.conversation import TicketEvent
from shared.contracts.redaction import Foreign
from shared.contracts.tickets import Actor

LinkRelation = Literal["related", "duplicate_of", "duplicated_by", "parent", "child"]
"""What the other ticket is to this one; `duplicate_of` and `duplicated_by` say what this one is."""
TaskChange = Literal["added", "changed", "done", "undone", "removed"]


class TicketLinked(TicketEvent, name="ticket.linked"):
    """Another ticket belongs to this one. Announced once for each of the two."""

    produced_by = "assignment"

    other_id: TicketId
    kind: LinkRelation
    actor: Actor
    linked_at: Instant


class TicketUnlinked(TicketEvent, name="ticket.unlinked"):
    """Two tickets do not belong together any more. Announced once for each of the two."""

    produced_by = "assignment"

    other_id: TicketId
    kind: LinkRelation
    actor: Actor
    unlinked_at: Instant


class TicketSplit(TicketEvent, name="ticket.split"):
    """A message was taken from the ticket: intake opens a new one that starts with it, when it was received."""

    produced_by = "assignment"

    message_id: MessageId
    new_ticket_id: TicketId
    subject: Foreign
    actor: Actor
    split_at: Instant


class TicketTaskChanged(TicketEvent, name="ticket.task_changed"):
    """A task on a ticket was added, changed, done or removed. Its title stays in the service that keeps it."""

    produced_by = "assignment"

    task_id: UUID
    change: TaskChange
    is_blocking: bool
    is_done: bool
    actor: Actor
    changed_at: Instant


class IncidentChanged(TicketEvent, name="ticket.incident_changed"):
    """A ticket was declared a major incident, is none any more, or something was done about it: how it now stands.

    Its children are announced as links.
    """

    produced_by = "assignment"

    is_declared: bool
    public_title: Foreign = ""
    """What the requesters of its children are shown of it; empty for nothing."""
    actor: Actor
    changed_at: Instant
