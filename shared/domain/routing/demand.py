"""What routing rules demand of the agent: the input of the selection, independent of how rules are evaluated."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from shared.contracts.base import AgentId, PolicyId, TeamId
from shared.contracts.events import RuleEffects
from shared.contracts.vocabulary import Priority

RuleEffect = Literal["team", "priority", "policy", "tags", "skills", "assignee", "stop"]
LOWEST_LEVEL, HIGHEST_LEVEL = 1, 5


@dataclass(frozen=True, slots=True)
class SkillDemand:
    """A skill and its minimum level (1 to 5)."""

    name: str
    level: int = LOWEST_LEVEL


@dataclass(frozen=True, slots=True)
class MatchedRule:
    """A rule that matched, with the version that was evaluated."""

    position: int
    words: str
    """The rule as evidence shows it."""
    rule_id: UUID | None = None
    """Null for the fallback, which stands for having none."""
    version: int = 1
    effects: tuple[RuleEffect, ...] = ()
    """What of it took effect: a later rule does not undo an earlier one."""
    decided: RuleEffects | None = None
    """The same with its values."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Team, priority and skills demanded of the ticket's agent."""

    team_id: TeamId
    priority: Priority
    policy_id: PolicyId | None = None
    """The policy the rules name; null leaves it to the default."""
    tags: tuple[str, ...] = ()
    required: tuple[SkillDemand, ...] = ()
    """Nobody without all of these gets the ticket."""
    preferred: tuple[SkillDemand, ...] = ()
    """Among those who may get it, whoever has most of these goes first."""
    assignee_id: AgentId | None = None
    """Who gets it if they may, can and have room; otherwise somebody is chosen as for any ticket."""
    matched: tuple[MatchedRule, ...] = ()

    @property
    def words(self) -> str:
        """The matched rules as one line of text."""
        return "; ".join(rule.words for rule in self.matched)
