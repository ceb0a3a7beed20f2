"""The compiled routing table, cached and recompiled when its rows change."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from services.assignment.calendar_resolution import resolve
from services.assignment.models import (
    Calendar,
    RoutingRule,
    Topic,
)
from services.assignment.queries.administration.policy_tiers import PolicyChoice, PolicySources
from services.assignment.queries.administration.routing_stamp import RoutingStamp, read_stamp
from services.assignment.queries.people.successors import Successors, get_successors
from shared.contracts.base import AgentId, PolicyId, TeamId
from shared.contracts.calendars import BusinessCalendar, ResolvedCalendar
from shared.contracts.events import RuleEffects, TicketSubmitted
from shared.contracts.routing import ConditionGroup
from shared.contracts.vocabulary import BodyFormat, Priority
from shared.domain.routing_rules import (
    CompiledRule,
    RulesOutcome,
    TicketFacts,
    calendars_named,
    compiled,
    describe_conditions,
    evaluate,
    text_of_html,
)
from shared.kit.addresses import with_ascii_domain
from shared.kit.db import Session

OFF, MONITOR = "off", "monitor"


@dataclass(frozen=True, slots=True)
class RulesResult:
    """What the rules say about a ticket, and the active team it therefore goes to."""

    outcome: RulesOutcome
    team_id: TeamId
    words: str
    """The rules that matched, as evidence shows them."""


def describe_fallback(outcome: RulesOutcome) -> str:
    """Why a ticket goes to the fallback team."""
    return f"no rule {'names a team' if outcome.matched else 'matches'}: the fallback team"


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """Every rule that is not off, in order; and what names in it stand for."""

    rules: tuple[CompiledRule, ...]
    successors: Successors
    topics: Mapping[UUID, str]
    has_organisations: bool = True
    choices: dict[PolicySources, PolicyChoice] = field(default_factory=dict, compare=False)
    """The policies that were found for its tickets: they are the same for as long as the table is."""

    def result_for(self, facts: TicketFacts) -> RulesResult:
        """Tries the rules on a ticket."""
        outcome = evaluate(self.rules, facts)
        names = [one.words for one in outcome.matched]
        if outcome.team_id is None:
            names.append(describe_fallback(outcome))
        home = self.successors.home_of(outcome.team_id)
        if outcome.team_id is not None and home != outcome.team_id:
            names.append(f"{self.successors.teams[outcome.team_id].name} is not active")
        return RulesResult(outcome, home, "; ".join(names))

    def facts_of(self, submitted: TicketSubmitted) -> TicketFacts:
        """What rules may ask of a ticket: all of it is in its first event."""
        return TicketFacts(
            received_at=submitted.received_at,
            topic=self.topics.get(submitted.topic_id) if submitted.topic_id else None,
            channel=submitted.channel,
            priority=submitted.priority or Priority.NORMAL,
            is_priority_given=submitted.priority is not None,
            requester=with_ascii_domain(submitted.requester.email),
            subject=submitted.subject,
            body=plain_text(submitted.body, submitted.body_format),
            fields=submitted.fields,
        )


class RoutingTables:
    """The newest table, kept until something it is made of changes."""

    def __init__(self) -> None:
        self._stamp: RoutingStamp | None = None
        self._kept: RoutingTable | None = None

    @property
    def newest(self) -> tuple[RoutingStamp, RoutingTable] | None:
        """The newest table that is known, with its stamp, which may be out of date."""
        return (self._stamp, self._kept) if self._stamp is not None and self._kept is not None else None

    async def get(self, session: Session, now: datetime) -> RoutingTable:
        """The table as it now is. Raises PolicyMissing if there is no fallback team."""
        stamp, _ = await read_stamp(session, now)
        return await self.at(session, stamp, now)

    async def at(self, session: Session, stamp: RoutingStamp, now: datetime) -> RoutingTable:
        """The table as it is at a stamp that was just read. Raises PolicyMissing as above."""
        if self._kept is None or stamp != self._stamp:
            rows = await session.scalars(select(RoutingRule).order_by(RoutingRule.position))
            table = await build_table(session, rows, now)
            self._kept, self._stamp = replace(table, has_organisations=stamp.has_organisations), stamp
        return self._kept


async def build_table(session: Session, rules: Iterable[RoutingRule], now: datetime) -> RoutingTable:
    """A table of these rules, stored or not. Raises PolicyMissing if there is no fallback team."""
    live = sorted((rule for rule in rules if rule.mode != OFF), key=lambda rule: rule.position)
    groups = {rule.id: conditions_of(rule) for rule in live}
    calendars = await _calendars(session, calendars_named(groups.values()), now)
    topics = dict((await session.execute(select(Topic.id, Topic.slug))).tuples().all())
    made = tuple(compiled_rule(rule, groups[rule.id], calendars) for rule in live)
    return RoutingTable(made, await get_successors(session), topics)


def compiled_rule(
    rule: RoutingRule, conditions: ConditionGroup, calendars: Mapping[str, ResolvedCalendar]
) -> CompiledRule:
    """A stored rule, ready to be tried."""
    return CompiledRule(
        rule_id=rule.id,
        version=rule.version,
        position=rule.position,
        name=f"rule {rule.position}: {rule.name or describe_conditions(conditions) or 'any ticket'}",
        holds=compiled(conditions, calendars),
        effects=effects_of(rule),
        stops=rule.stop,
        is_monitored=rule.mode == MONITOR,
        overrides=rule.overrides,
    )


def conditions_of(rule: RoutingRule) -> ConditionGroup:
    """All conditions of a rule: its topic and priority, and the rest."""
    group = ConditionGroup.model_validate(rule.conditions)
    simple = [
        {"field": name, "values": [value]}
        for name, value in (("topic", rule.topic), ("priority", rule.priority))
        if value is not None
    ]
    if not simple:
        return group
    rest = [] if group.is_empty else [group]
    return ConditionGroup.model_construct(
        match="all", conditions=ConditionGroup.model_validate({"conditions": simple}).conditions, groups=tuple(rest)
    )


def effects_of(rule: RoutingRule) -> RuleEffects:
    """What a rule says."""
    return RuleEffects(
        team_id=TeamId(rule.team_id) if rule.team_id else None,
        priority=Priority(rule.set_priority) if rule.set_priority else None,
        policy_id=PolicyId(rule.policy_id) if rule.policy_id else None,
        assignee_id=AgentId(rule.assignee_id) if rule.assignee_id else None,
        tags=tuple(rule.tags),
        skills=dict.fromkeys(rule.skills, 1) | rule.skill_levels,
        preferred_skills=dict(rule.preferred_skills),
    )


def plain_text(body: str, body_format: BodyFormat) -> str:
    """The words of a message."""
    return text_of_html(body) if body_format is BodyFormat.HTML else body


async def _calendars(session: Session, slugs: set[str], now: datetime) -> dict[str, ResolvedCalendar]:
    if not slugs:
        return {}
    rows = await session.scalars(select(Calendar).where(Calendar.slug.in_(slugs), Calendar.is_current))
    return {row.slug: resolve(BusinessCalendar.model_validate(row.body), row.slug, row.version, now) for row in rows}
