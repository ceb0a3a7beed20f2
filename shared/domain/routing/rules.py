"""Routing of new tickets, pure: picks team, policy and agent from rules and candidates, with the reason."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from shared.contracts.base import AgentId, PolicyId, TeamId
from shared.contracts.events import Candidate
from shared.contracts.vocabulary import Priority

TieBreak = Literal["none", "longest_idle", "lowest_id"]
FALLBACK = 0
"""The position of the rule that stands for having none."""
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the routing table: empty conditions match everything."""

    position: int
    team_id: TeamId
    topic: str | None = None
    priority: Priority | None = None
    policy_id: PolicyId | None = None
    set_priority: Priority | None = None
    skills: frozenset[str] = frozenset()
    instead_of: str | None = None
    """The name of the team the rule says, if that is not active and `team_id` is its successor."""

    def matches(self, topic: str | None, priority: Priority) -> bool:
        """Whether every condition holds."""
        return self.topic in (None, topic) and self.priority in (None, priority)

    @property
    def in_words(self) -> str:
        """The rule as evidence shows it."""
        return f"{self._conditions}; {self.instead_of} is not active" if self.instead_of else self._conditions

    @property
    def _conditions(self) -> str:
        if self.position == FALLBACK:
            return "no rule matches: the fallback team"
        conditions = [f"topic {self.topic}"] if self.topic else []
        conditions += [f"priority {self.priority.value}"] if self.priority else []
        return f"rule {self.position}: {' and '.join(conditions) or 'any ticket'}"


@dataclass(frozen=True, slots=True)
class AgentChoice:
    """The agent picked, if any, and what decided between equals."""

    agent_id: AgentId | None
    tie_break: TieBreak = "none"


def first_match(rules: Iterable[Rule], topic: str | None, priority: Priority) -> Rule | None:
    """The rule that comes first among those that match."""
    return min((rule for rule in rules if rule.matches(topic, priority)), key=lambda rule: rule.position, default=None)


def priority_for(rule: Rule | None, current: Priority, *, is_given: bool) -> Priority:
    """A rule's priority is a default: one that somebody asked for stands."""
    if is_given or rule is None or rule.set_priority is None:
        return current
    return rule.set_priority


def pick_agent(candidates: Sequence[Candidate], required_skills: frozenset[str] = frozenset()) -> AgentChoice:
    """The least-loaded available agent with the skills; ties go to the longest idle, then to the lowest id."""
    fit = [one for one in candidates if one.is_available and required_skills <= set(one.skills)]
    if not fit:
        return AgentChoice(None)
    lightest = min(one.load for one in fit)
    light = [one for one in fit if one.load == lightest]
    if len(light) == 1:
        return AgentChoice(light[0].agent_id)
    idle_since = min(one.last_assigned_at or _NEVER for one in light)
    idlest = [one for one in light if (one.last_assigned_at or _NEVER) == idle_since]
    if len(idlest) == 1:
        return AgentChoice(idlest[0].agent_id, "longest_idle")
    return AgentChoice(min(one.agent_id for one in idlest), "lowest_id")
