"""All routing rules as one document: with names in place of ids, so that another installation can read it."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.assignment.schemas.routing import Skills
from services.assignment.schemas.routing_rules import Levels, Mode, RuleName, Tags
from services.assignment.schemas.tickets import View
from shared.contracts.routing import ConditionGroup
from shared.contracts.vocabulary import Priority
from shared.kit.http.inputs import Email, Flag, Input, Line, Slug

MOST_RULES = 1000
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class DocumentedRule(Input):
    """One rule; its place in the list is its order."""

    id: UUID | None = None
    """The rule that this is. Left out, or not known here: a new one."""
    name: RuleName = ""
    mode: Mode = "active"
    topic: Slug | None = None
    priority: Priority | None = None
    conditions: ConditionGroup = ConditionGroup()
    team: Slug | None = None
    policy: Line | None = None
    """The SLA policy's name."""
    set_priority: Priority | None = None
    overrides: Flag = False
    tags: Tags = ()
    skills: Skills = ()
    skill_levels: Levels = Field(default_factory=dict)
    preferred_skills: Levels = Field(default_factory=dict)
    assignee: Email | None = None
    """The agent's e-mail address."""
    stop: Flag = True


class RuleDocument(Input):
    """All rules in order."""

    format: Literal["everdesk.routing-rules"] = "everdesk.routing-rules"
    version: Literal[1] = 1
    rules: Annotated[tuple[DocumentedRule, ...], Field(max_length=MOST_RULES)]

    @model_validator(mode="after")
    def _names_each_rule_once(self) -> Self:
        named = [rule.id for rule in self.rules if rule.id is not None]
        if len(named) != len(set(named)):
            raise PydanticCustomError("rule_repeated", "a rule is in the list more than once")
        return self


class ImportInput(Input):
    """A document that is to stand for all rules."""

    document: RuleDocument
    apply: Flag = False
    """Whether to do it. Without it, only what would change is told."""
    digest: Digest | None = None
    """What was answered when the differences were shown: refused if the rules have changed since."""


class RuleDifference(View):
    """What becomes of one rule."""

    action: Literal["added", "changed", "moved", "removed"]
    id: UUID | None
    name: str
    """The rule in words."""
    fields: list[str]
    """The fields that change."""


class ImportView(View):
    """What an import changes, or has changed."""

    applied: bool
    digest: str
    """Stands for the rules that were compared with."""
    unchanged: int
    differences: list[RuleDifference]
