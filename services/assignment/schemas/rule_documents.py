"""The portable document of all routing rules: names in place of ids."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.assignment.schemas.routing_rules import RuleTerms
from services.assignment.schemas.tickets import View
from shared.kit.http.inputs import Email, Flag, Input, Line, Slug

MOST_RULES = 1000
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class DocumentedRule(RuleTerms):
    """One rule; its place in the list is its order."""

    id: UUID | None = None
    """The rule that this is. Left out, or not known here: a new one."""
    team: Slug | None = None
    policy: Line | None = None
    """The SLA policy's name."""
    assignee: Email | None = None
    """The agent's e-mail address."""


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
