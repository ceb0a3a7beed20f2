"""The routing table as the rules need it."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from services.assignment.models import RoutingRule, Topic
from services.assignment.queries.policies import PolicyCache
from services.assignment.queries.successors import Successors, get_successors
from shared.contracts.base import PolicyId, TeamId
from shared.contracts.policies import PolicySnapshot
from shared.contracts.vocabulary import Priority
from shared.domain.errors import PolicyMissing
from shared.domain.routing import FALLBACK, Rule, first_match
from shared.kit.db import Session


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """Every rule, and the team for what none matches."""

    rules: tuple[Rule, ...]
    fallback: Rule
    topics: dict[UUID, str]

    def rule_for(self, topic_id: UUID | None, priority: Priority) -> Rule:
        """The rule that decides for a ticket."""
        topic = self.topics.get(topic_id) if topic_id else None
        return first_match(self.rules, topic, priority) or self.fallback


async def get_routing_table(session: Session) -> RoutingTable:
    """The table as it now is. Raises PolicyMissing if there is no fallback team to start from."""
    successors = await get_successors(session)
    rows = await session.scalars(select(RoutingRule).order_by(RoutingRule.position))
    topics = dict((await session.execute(select(Topic.id, Topic.slug))).tuples().all())
    rules = tuple(_going_on(rule_of(row), successors) for row in rows)
    return RoutingTable(rules, Rule(FALLBACK, successors.fallback), topics)


def _going_on(rule: Rule, successors: Successors) -> Rule:
    """The rule with the team that has the tickets of the one it names."""
    home = successors.home_of(rule.team_id)
    if home == rule.team_id:
        return rule
    return replace(rule, team_id=home, instead_of=successors.teams[rule.team_id].name)


def rule_of(row: RoutingRule) -> Rule:
    """A stored rule as a value."""
    return Rule(
        position=row.position,
        team_id=TeamId(row.team_id),
        topic=row.topic,
        priority=Priority(row.priority) if row.priority else None,
        policy_id=PolicyId(row.policy_id) if row.policy_id else None,
        set_priority=Priority(row.set_priority) if row.set_priority else None,
        skills=frozenset(row.skills),
    )


async def get_policy(session: Session, shelf: PolicyCache, rule: Rule, now: datetime) -> PolicySnapshot:
    """The policy a rule names, else the default. Raises PolicyMissing."""
    found = await shelf.find_current(session, rule.policy_id, now) if rule.policy_id else None
    found = found or await shelf.find_default(session, now)
    if found is None:
        raise PolicyMissing("no SLA policy is marked as the default; mark one at /v1/sla-policies")
    return found
