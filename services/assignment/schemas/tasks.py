"""Request and response models of a ticket's tasks."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.assignment.schemas.tickets import AgentRef, View
from shared.contracts.base import Instant
from shared.kit.http.inputs import Flag, Input, Line, Whole

MOST_TASKS = 100
"""Tasks of one ticket."""
Due = Annotated[AwareDatetime, Field(examples=["2026-12-01T16:00:00Z"])]


class TaskInput(Input):
    """A new task; it goes to the end of the list."""

    title: Line
    assignee_id: UUID | None = None
    """The agent who is to do it; whoever has the ticket if nobody is named."""
    due_at: Due | None = None
    is_blocking: Flag = False
    """Whether the ticket cannot be resolved before it is done."""


class TaskPatch(Input):
    """What is to be otherwise; what is left out stays. Null takes assignee and due instant away."""

    title: Line | None = None
    assignee_id: UUID | None = None
    due_at: Due | None = None
    is_blocking: Flag | None = None
    is_done: Flag | None = None
    position: Annotated[Whole, Field(ge=1, le=MOST_TASKS)] | None = None
    """Its new place on the list, from 1; the others move up or down."""


class TaskView(View):
    """One line of a ticket's checklist."""

    id: UUID
    title: str
    position: int
    assignee: AgentRef | None
    due_at: Instant | None
    is_blocking: bool
    is_done: bool
    done_at: Instant | None
    done_by: AgentRef | None
    created_at: Instant
