"""Request and response models of major incidents and their children."""

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from services.assignment.schemas.actions import ActionInput
from services.assignment.schemas.desk import MOST_TICKETS, BulkView
from services.assignment.schemas.tickets import AgentRef, RelatedTicket, View
from shared.contracts.base import Instant
from shared.contracts.vocabulary import BodyFormat
from shared.kit.http.inputs import Body, Input, Line


class IncidentInput(Input):
    """How a major incident is declared. Sent again, it changes the title."""

    public_title: Line | Literal[""] | None = None
    """What the requesters of its children are shown in the support centre; empty for nothing, null leaves it."""


class ChildrenInput(Input):
    """Tickets to attach to a major incident, or to detach from it."""

    ticket_ids: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=MOST_TICKETS)]


class IncidentUpdateInput(Input):
    """What every child's requester is told."""

    body: Body
    body_format: BodyFormat = BodyFormat.TEXT


class ParentInput(ActionInput):
    """The major incident that a background job attaches a ticket to, or detaches it from."""

    parent_id: UUID


class ChildrenShown(StrEnum):
    """Which children a list holds."""

    ALL = "all"
    OPEN = "open"
    REOPENED = "reopened"


class ChildCounts(View):
    """The children that the caller may see, by how far they are."""

    total: int
    open: int
    """Neither resolved nor closed."""
    reopened: int
    """Those of the open ones that had been resolved or closed before."""


class IncidentView(View):
    """A major incident."""

    ticket: RelatedTicket
    declared_by: AgentRef
    declared_at: Instant
    public_title: str
    """What the requesters of its children are shown; empty for nothing."""
    children: ChildCounts


class IncidentSummary(View):
    """A major incident in a list."""

    ticket: RelatedTicket
    declared_at: Instant


class ChildView(View):
    """A ticket that belongs to a major incident."""

    ticket: RelatedTicket
    attached_at: Instant
    is_reopened: bool
    """Whether it is open again after it had been resolved or closed."""


class SimilarTicketView(View):
    """A ticket that may belong to a major incident."""

    ticket: RelatedTicket
    created_at: Instant
    likeness: float
    """From 0 to 1."""


class IncidentJobView(BulkView):
    """An action on the children of a major incident, and how far it has come."""

    text: str = ""
    """What an update says."""
    is_own: bool
    """Whether the caller asked for it, and may stop it (`POST /v1/bulk/{id}/cancel`)."""
