"""What is asked of requesters after a resolution, and what they answer."""

from typing import Annotated

from pydantic import Field

from shared.contracts.base import AgentId, Instant, TeamId
from shared.contracts.events.conversation import TicketEvent
from shared.contracts.redaction import Foreign


class CsatAsked(TicketEvent, name="csat.asked"):
    """The mail that tells a requester of a resolution also asks how satisfied they are."""

    produced_by = "notification"

    resolution: int
    """The `seq` of the `ticket.resolved` that the question is about."""
    team_id: TeamId | None = None
    """The team that had the ticket when it was resolved."""
    agent_id: AgentId | None = None
    """The agent who had it then."""
    asked_at: Instant
    open_until: Instant
    """Until then the answer can be given and changed."""


class CsatRated(TicketEvent, name="csat.rated"):
    """A requester rated the help that they got, or changed their rating."""

    produced_by = "intake"

    resolution: int
    """The `seq` of the `ticket.resolved` that was rated."""
    score: Annotated[int, Field(ge=1, le=5)]
    """From 1, very dissatisfied, to 5, very satisfied."""
    comment: Foreign | None = None
    version: int
    """Counts the changes of this rating; the first has 1."""
    team_id: TeamId | None = None
    agent_id: AgentId | None = None
    asked_at: Instant
    rated_at: Instant
