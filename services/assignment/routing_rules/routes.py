"""Applies the routing rules to a batch of new tickets: team, policy, priority and demands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.assignment.queries.administration.policies import PolicyCache
from services.assignment.queries.administration.policy_tiers import PolicyChoice, PolicySources, policy_for
from services.assignment.queries.people.organisations import KnownOrganisation, organisations_of
from services.assignment.routing_rules.table import RoutingTable, describe_fallback
from shared.contracts.events import RuleMatch
from shared.domain.routing import Demand, MatchedRule, SkillDemand
from shared.domain.routing.demand import RuleEffect
from shared.domain.routing_rules import RulesOutcome, TicketFacts
from shared.kit.db import Session

FALLBACK = 0
"""The position of the rule that stands for having none."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a ticket goes and why, before anybody is chosen."""

    demand: Demand
    policy: PolicyChoice
    outcome: RulesOutcome
    words: str
    """The rules that took part, as evidence shows them."""
    organisation: KnownOrganisation | None = None

    @property
    def evidence(self) -> dict[str, Any]:
        """The rules' part of `assignment.decided`."""
        return {
            "monitored_rules": self.outcome.monitored,
            "tags": self.demand.tags,
            "policy_reason": self.policy.reason,
            "organisation_id": self.organisation.id if self.organisation else None,
        }


async def route_tickets(
    session: Session, shelf: PolicyCache, table: RoutingTable, facts: Mapping[UUID, TicketFacts], now: datetime
) -> dict[UUID, Route]:
    """Tries the rules of a table on tickets. Raises PolicyMissing if a ticket has no policy at all."""
    addresses = {one.address for one in facts.values()} if table.has_organisations else set()
    organisations = await organisations_of(session, addresses)
    routes: dict[UUID, Route] = {}
    for ticket_id, one in facts.items():
        result = table.result_for(one)
        organisation = organisations.get(one.address)
        team = table.successors.teams[result.team_id]
        sources = PolicySources(
            rule=result.outcome.policy_id,
            rule_overrides=result.outcome.policy_overrides,
            organisation=organisation.policy_id if organisation else None,
            team=team.policy_id,
            hours=team.calendar,
        )
        policy = await _policy_for(session, shelf, table, sources, now)
        words = f"{result.words}; its SLA policy is not active" if policy.has_inactive else result.words
        demand = _demand(table, result.outcome, one, result.team_id)
        routes[ticket_id] = Route(demand, policy, result.outcome, words, organisation)
    return routes


async def _policy_for(
    session: Session, shelf: PolicyCache, table: RoutingTable, sources: PolicySources, now: datetime
) -> PolicyChoice:
    """The policy, as the table remembers it or anew; either way it is written down before any ticket gets it."""
    if (known := table.choices.get(sources)) is None:
        known = table.choices[sources] = await policy_for(session, shelf, sources, now)
    else:
        await shelf.keep(session, known.policy, now)
    return known


def _demand(table: RoutingTable, outcome: RulesOutcome, facts: TicketFacts, team_id: UUID) -> Demand:
    return Demand(
        team_id=table.successors.home_of(team_id),
        priority=outcome.priority or facts.priority,
        policy_id=outcome.policy_id,
        tags=outcome.tags,
        required=tuple(SkillDemand(name, level) for name, level in sorted(outcome.skills.items())),
        preferred=tuple(SkillDemand(name, level) for name, level in sorted(outcome.preferred_skills.items())),
        assignee_id=outcome.assignee_id,
        matched=(*map(_matched, outcome.matched), *_fallback(outcome)),
    )


def _fallback(outcome: RulesOutcome) -> tuple[MatchedRule, ...]:
    """What stands for having no rule that names a team."""
    if outcome.team_id is not None:
        return ()
    return (MatchedRule(FALLBACK, describe_fallback(outcome), effects=("team",)),)


def _matched(one: RuleMatch) -> MatchedRule:
    says = one.effects
    named: tuple[tuple[RuleEffect, object], ...] = (
        ("team", says.team_id),
        ("priority", says.priority),
        ("policy", says.policy_id),
        ("tags", says.tags),
        ("skills", says.skills or says.preferred_skills),
        ("assignee", says.assignee_id),
    )
    return MatchedRule(
        position=one.position,
        words=one.words,
        rule_id=one.rule_id,
        version=one.version,
        effects=tuple(name for name, value in named if value),
        decided=says,
    )
