"""Request and response models of routing previews and simulations."""

import datetime as dt
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, JsonValue, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.assignment.schemas.routing_rules import RoutingRuleInput
from services.assignment.schemas.tickets import AgentRef, NamedRef, View
from shared.contracts.base import Instant
from shared.contracts.events import RuleMatch
from shared.contracts.vocabulary import BodyFormat, Channel, Priority
from shared.kit.http.inputs import Email, Flag, Input, Slug, Whole

MOST_OF_A_DAY = 1000
MOST_LISTED = 200
Text = Annotated[str, StringConstraints(max_length=20_000)]
Zone = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class SimulatedRequester(Input):
    """Who would have asked."""

    email: Email
    name: Annotated[str, StringConstraints(max_length=255)] = ""


class SimulatedTicket(Input):
    """A made-up ticket."""

    requester: SimulatedRequester | None = None
    subject: Annotated[str, StringConstraints(max_length=255)] = ""
    body: Text = ""
    body_format: BodyFormat = BodyFormat.TEXT
    topic: Slug | None = None
    channel: Channel = Channel.PORTAL
    priority: Priority | None = None
    fields: Annotated[dict[str, JsonValue], Field(max_length=100)] = Field(default_factory=dict)
    received_at: Instant | None = None
    """Left out: now."""


class SimulationInput(Input):
    """One of three: a ticket that is here, a made-up one, or a past day."""

    ticket_id: UUID | None = None
    ticket: SimulatedTicket | None = None
    day: dt.date | None = None
    timezone: Zone | None = None
    """Whose day it is; left out: the installation's time zone."""
    with_monitored: Flag = False
    """Whether rules in monitor mode count as active."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if sum(one is not None for one in (self.ticket_id, self.ticket, self.day)) != 1:
            raise PydanticCustomError("one_of", "name one of ticket_id, ticket and day")
        return self


class PolicyRef(View):
    """An SLA policy."""

    id: UUID
    name: str


class SimulatedCandidate(View):
    """Somebody who could have got the ticket, or why not."""

    id: UUID
    name: str
    load: int
    out: str | None


class SimulatedDecision(View):
    """What would happen to a ticket."""

    team: NamedRef
    agent: AgentRef | None
    offered_to: AgentRef | None = None
    priority: Priority
    policy: PolicyRef
    policy_reason: str
    tags: list[str]
    required_skills: dict[str, int]
    preferred_skills: dict[str, int]
    rule: str
    """The rules that matched, in words."""
    matched_rules: list[RuleMatch]
    monitored_rules: list[RuleMatch]
    strategy: str
    decided_by: str
    tie_break: str
    candidates: list[SimulatedCandidate]
    """Of a very large team those who could have got it, the least busy first."""
    more_available: int = 0
    """How many could have got it too, and are not among them."""
    more_out: int = 0
    """How many could not, and are not among them."""


class Routed(View):
    """Where a ticket went, or would go."""

    team_id: UUID | None
    assignee_id: UUID | None = None
    priority: Priority
    policy_id: UUID | None
    tags: list[str] = Field(default_factory=list)


class RoutedTicket(View):
    """A ticket, how it was routed and how it would be."""

    id: UUID
    number: str
    subject: str
    """Empty where the reader may not see the ticket."""
    was: Routed
    would_be: Routed
    changes: list[str]
    """What differs: team, priority, policy, tags or skills."""
    rules: list[str]
    """The rules that would match, in words."""


class RoutedCount(View):
    """How many tickets of a day a team or an agent got, and would get."""

    id: UUID | None
    name: str
    was: int
    would_be: int


class SimulatedDay(View):
    """What the rules of now would have made of a past day."""

    day: dt.date
    timezone: str
    tickets: int
    is_complete: bool
    """False where the day had more tickets than are looked at: then the last ones were."""
    changed: int
    teams: list[RoutedCount]
    agents: list[RoutedCount]
    items: list[RoutedTicket]
    """Tickets that would go elsewhere, then the others, up to a limit."""


class SimulationView(View):
    """The answer: `decision` for one ticket, `summary` for a day."""

    simulated_at: Instant
    decision: SimulatedDecision | None = None
    summary: SimulatedDay | None = None


class RulePreviewInput(Input):
    """A rule as it would be, and on how many of the last tickets to try it."""

    rule: RoutingRuleInput
    rule_id: UUID | None = None
    """The rule that it would replace; left out: a new one."""
    last: Annotated[Whole, Field(ge=1, le=MOST_LISTED)] = 50


class RulePreview(View):
    """What a rule would change."""

    looked_at: int
    matched: int
    """Tickets that it would take part in deciding."""
    changed: int
    items: list[RoutedTicket]
    """Those that would be routed differently, newest first."""
