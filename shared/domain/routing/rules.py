"""Routing of new tickets, pure: picks team, policy and priority from rules."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.contracts.base import PolicyId, TeamId
from shared.contracts.vocabulary import Priority
from shared.domain.routing.demand import Demand, MatchedRule, RuleEffect, SkillDemand

FALLBACK = 0
"""The position of the rule that stands for having none."""


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

    def demand(self, priority: Priority, words: str) -> Demand:
        """What the rule asks of the choice, for a ticket of this priority."""
        effects: tuple[RuleEffect, ...] = ("team",)
        return Demand(
            team_id=self.team_id,
            priority=priority,
            policy_id=self.policy_id,
            required=tuple(SkillDemand(name) for name in sorted(self.skills)),
            matched=(MatchedRule(self.position, words, effects=effects),),
        )

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


def first_match(rules: Iterable[Rule], topic: str | None, priority: Priority) -> Rule | None:
    """The rule that comes first among those that match."""
    return min((rule for rule in rules if rule.matches(topic, priority)), key=lambda rule: rule.position, default=None)


def priority_for(rule: Rule | None, current: Priority, *, is_given: bool) -> Priority:
    """A rule's priority is a default: one that somebody asked for stands."""
    if is_given or rule is None or rule.set_priority is None:
        return current
    return rule.set_priority
