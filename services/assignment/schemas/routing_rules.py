"""Request and response models of routing rules."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.assignment.schemas.routing import Skill, Skills
from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.contracts.routing import ConditionGroup
from shared.contracts.vocabulary import Priority
from shared.kit.http.inputs import Flag, Input, ShortLine, Slug, Whole

Position = Annotated[int, Field(ge=1, le=1_000_000)]
Mode = Literal["active", "monitor", "off"]
Level = Annotated[Whole, Field(ge=1, le=5)]
Levels = Annotated[dict[Skill, Level], Field(max_length=50)]
Tag = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Tags = Annotated[tuple[Tag, ...], Field(max_length=20)]
RuleName = ShortLine | Literal[""]
EFFECTS = ("team_id", "policy_id", "set_priority", "assignee_id", "tags", "skills", "skill_levels", "preferred_skills")
"""The fields of which a rule has at least one."""
Conditions = Annotated[ConditionGroup, Field(description="Everything else a ticket can be told by.")]


class RuleTerms(Input):
    """What a rule says without naming a team, policy or agent, which the API does by id and a document by name."""

    name: RuleName = ""
    """What people call it."""
    mode: Mode = "active"
    """`monitor` only counts what it would have done; `off` does nothing."""
    topic: Slug | None = None
    priority: Priority | None = None
    """With `topic`, the simplest conditions; both must hold beside `conditions`. Left out: any."""
    conditions: Conditions = ConditionGroup()
    set_priority: Priority | None = None
    """For tickets whose requester named none."""
    overrides: Flag = False
    """Whether the priority stands against the requester's and the policy against the one of their organisation."""
    tags: Tags = ()
    skills: Skills = ()
    """What the agent must know."""
    skill_levels: Levels = Field(default_factory=dict)
    """The same with the lowest level of each skill, 1 to 5."""
    preferred_skills: Levels = Field(default_factory=dict)
    """Among those who may get the ticket, whoever has these goes first."""
    stop: Flag = True
    """Whether no further rule is tried once this one matches."""


class RoutingRuleInput(RuleTerms):
    """When a new ticket is like this, this happens to it."""

    position: Position | None = None
    """Rules are tried in this order: the first that says something decides it. Left out: after all others."""
    team_id: UUID | None = None
    """Left out: a later rule decides, or it goes to the fallback team."""
    policy_id: UUID | None = None
    """Left out: as for any ticket of the requester's organisation and of the team."""
    assignee_id: UUID | None = None
    """Who gets it, if they may have it and are there; else somebody is chosen."""

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        check_has_effect(self)
        return self


class RoutingRulePatch(Input):
    """What to change."""

    position: Position | None = None
    name: RuleName | None = None
    mode: Mode | None = None
    topic: Slug | None = None
    priority: Priority | None = None
    conditions: Conditions | None = None
    team_id: UUID | None = None
    policy_id: UUID | None = None
    set_priority: Priority | None = None
    overrides: Flag | None = None
    tags: Tags | None = None
    skills: Skills | None = None
    skill_levels: Levels | None = None
    preferred_skills: Levels | None = None
    assignee_id: UUID | None = None
    stop: Flag | None = None


class RuleCounts(View):
    """How often a rule matched; a few seconds behind."""

    matched: int = 0
    """Tickets it took part in deciding."""
    would_have_matched: int = 0
    """Tickets it would have taken part in deciding while it was in monitor mode."""
    last_matched_at: Instant | None = None


class RoutingRuleView(View):
    """A routing rule."""

    id: UUID
    position: int
    name: str = ""
    mode: Mode = "active"
    topic: str | None
    priority: Priority | None
    conditions: Conditions = ConditionGroup()
    team_id: UUID | None
    policy_id: UUID | None
    set_priority: Priority | None
    overrides: bool = False
    tags: list[str] = Field(default_factory=list)
    skills: list[str]
    skill_levels: dict[str, int] = Field(default_factory=dict)
    preferred_skills: dict[str, int] = Field(default_factory=dict)
    assignee_id: UUID | None = None
    stop: bool = True
    version: int
    counts: RuleCounts = RuleCounts()


class RuleOrder(Input):
    """All rules in the order in which they are to be tried."""

    rule_ids: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=1000)]


def check_has_effect(rule: object) -> None:
    """Raises PydanticCustomError for a rule that would do nothing."""
    if not any(getattr(rule, name) for name in EFFECTS):
        raise PydanticCustomError("no_effect", "it does nothing: name a team, or another effect")
