"""What the baseline workflow speaks: as few fields as its job allows, in the same converter as ours."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel


class Open(BaseModel):
    """A ticket begins."""

    ticket_id: UUID
    number: str
    priority: str = "normal"


class Do(BaseModel):
    """A command."""

    command_id: str
    kind: Literal["triage", "reply", "resolve", "close"]
    actor_id: UUID
    team_id: UUID | None = None
    agent_id: UUID | None = None
    message_id: UUID | None = None


class Posted(BaseModel):
    """A message was posted."""

    message_id: UUID
    is_requester: bool


class BaselineView(BaseModel):
    """The ticket after a command."""

    version: int
    status: str
    team_id: UUID | None
    agent_id: UUID | None


class Happened(BaseModel):
    """An event, no more than its name and where the ticket now stands."""

    id: str
    name: str
    ticket_id: UUID
    at: datetime
    version: int
    status: str
