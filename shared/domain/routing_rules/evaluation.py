"""Evaluates ordered rules: the first rule to set a field wins, tags and skills accumulate, a `stop` rule ends it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from shared.contracts.base import AgentId, PolicyId, TeamId
from shared.contracts.events import RuleEffects, RuleMatch
from shared.contracts.vocabulary import Priority
from shared.domain.routing_rules.conditions import Predicate
from shared.domain.routing_rules.facts import TicketFacts


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule with its compiled conditions and effects."""

    rule_id: UUID
    version: int
    position: int
    name: str
    """The rule in words, as evidence shows it."""
    holds: Predicate
    effects: RuleEffects
    stops: bool = True
    is_monitored: bool = False
    """Whether it only counts what it would have done."""
    overrides: bool = False
    """Whether its priority stands against one that was asked for, and its policy against the organisation's."""


@dataclass(frozen=True, slots=True)
class RulesOutcome:
    """The combined effects of all matching rules; fields that no rule set are empty."""

    team_id: TeamId | None = None
    priority: Priority | None = None
    """The one to give the ticket, if it differs from how it came."""
    policy_id: PolicyId | None = None
    policy_overrides: bool = False
    """Whether the policy stands against the one of the requester's organisation."""
    tags: tuple[str, ...] = ()
    skills: Mapping[str, int] = field(default_factory=dict)
    """Skills the agent must have, with the lowest level of each."""
    preferred_skills: Mapping[str, int] = field(default_factory=dict)
    assignee_id: AgentId | None = None
    matched: tuple[RuleMatch, ...] = ()
    """Every rule that matched, with what it decided."""
    monitored: tuple[RuleMatch, ...] = ()
    """Every rule in monitor mode that would have matched, with what it would have decided."""


def evaluate(rules: Sequence[CompiledRule], facts: TicketFacts) -> RulesOutcome:
    """Evaluates the rules in the order of their positions.

    Conditions test the ticket as submitted, never the effects of earlier rules, so a rule matches the same tickets at
    any position. A rule in monitor mode has no effect and does not stop.
    """
    so_far = _Evaluation(facts)
    for rule in rules:
        if not rule.holds(facts):
            continue
        decided = so_far.new_of(rule)
        match = RuleMatch(
            rule_id=rule.rule_id, version=rule.version, position=rule.position, words=rule.name, effects=decided
        )
        if rule.is_monitored:
            so_far.monitored.append(match)
            continue
        so_far.matched.append(match)
        so_far.take(decided, overrides=rule.overrides)
        if rule.stops:
            break
    return so_far.outcome()


def in_order(rules: Iterable[CompiledRule]) -> tuple[CompiledRule, ...]:
    """The rules sorted by position."""
    return tuple(sorted(rules, key=lambda rule: rule.position))


class _Evaluation:
    """Accumulates the effects of the rules evaluated so far."""

    def __init__(self, facts: TicketFacts) -> None:
        self._facts = facts
        self._values: dict[str, object] = {}
        self._tags: list[str] = []
        self._skills: dict[str, int] = {}
        self._preferred: dict[str, int] = {}
        self._policy_overrides = False
        self.matched: list[RuleMatch] = []
        self.monitored: list[RuleMatch] = []

    def new_of(self, rule: CompiledRule) -> RuleEffects:
        """The effects of a rule that no earlier rule has set."""
        says = rule.effects
        decided = self._values
        may_set_priority = not self._facts.is_priority_given or rule.overrides
        return RuleEffects(
            team_id=says.team_id if "team_id" not in decided else None,
            priority=says.priority if "priority" not in decided and may_set_priority else None,
            policy_id=says.policy_id if "policy_id" not in decided else None,
            assignee_id=says.assignee_id if "assignee_id" not in decided else None,
            tags=tuple(tag for tag in says.tags if tag not in self._tags),
            skills={name: level for name, level in says.skills.items() if level > self._skills.get(name, 0)},
            preferred_skills={
                name: level for name, level in says.preferred_skills.items() if level > self._preferred.get(name, 0)
            },
        )

    def take(self, decided: RuleEffects, *, overrides: bool) -> None:
        """Merges a rule's effects."""
        for name in ("team_id", "priority", "policy_id", "assignee_id"):
            value = getattr(decided, name)
            if value is not None:
                self._values[name] = value
        if decided.policy_id is not None:
            self._policy_overrides = overrides
        self._tags += decided.tags
        self._skills |= decided.skills
        self._preferred |= decided.preferred_skills

    def outcome(self) -> RulesOutcome:
        """The accumulated outcome."""
        found = RuleEffects.model_validate(self._values)
        return RulesOutcome(
            team_id=found.team_id,
            priority=found.priority,
            policy_id=found.policy_id,
            policy_overrides=self._policy_overrides,
            tags=tuple(self._tags),
            skills=self._skills,
            preferred_skills=self._preferred,
            assignee_id=found.assignee_id,
            matched=tuple(self.matched),
            monitored=tuple(self.monitored),
        )
