"""Administration of routing rules."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic_core import PydanticCustomError
from sqlalchemy import func, select

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import apply_changes, changes_of, changing, get_locked
from services.assignment.commands.configuration.audit import record_change
from services.assignment.commands.configuration.versions import lock
from services.assignment.models import Agent, Calendar, Policy, RoutingRule, Team
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.administration.configuration import rule_view
from services.assignment.schemas.routing_rules import (
    RoutingRuleInput,
    RoutingRulePatch,
    RoutingRuleView,
    check_has_effect,
)
from shared.contracts.routing import ConditionGroup
from shared.domain.routing_rules import calendars_named
from shared.kit.clock import new_id
from shared.kit.db import Session
from shared.kit.http.problems import Problem, invalid

FIELDS = tuple(RoutingRuleInput.model_fields)
REFERENCES = frozenset({"team_id", "policy_id", "assignee_id", "conditions"})
RULE_NULLS = frozenset({"topic", "priority", "policy_id", "set_priority", "team_id", "assignee_id"})
RULES_LOCK = "routing-rules"
GAP = 10
"""Between the positions of rules that were given none, so that one can be put in between."""
_BETWEEN = 0
"""A position that no rule has, used while two change places."""


async def create_rule(session: Session, body: RoutingRuleInput) -> RoutingRuleView:
    """Adds a line to the routing table."""
    rule = RoutingRule(id=new_id(), version=1, **columns_of({name: getattr(body, name) for name in FIELDS}))
    if body.position is None:
        await lock(session, RULES_LOCK)
        last = await session.scalar(select(func.max(RoutingRule.position))) or 0
        rule.position = last + GAP
    await check_rule(session, rule, REFERENCES)
    session.add(rule)
    await session.flush()
    await record_change(session, None, rule_view(rule))
    return rule_view(rule)


async def change_rule(context: AppState, by: Caller, rule_id: UUID, body: RoutingRulePatch) -> RoutingRuleView:
    """Changes a line of the routing table, for tickets to come."""
    changes = columns_of(changes_of(body, nullable=RULE_NULLS))
    async with changing(context, by) as session:
        rule = await get_locked(session, RoutingRule, rule_id, "routing rule")
        before = rule_view(rule)
        if not apply_changes(rule, changes):
            return before
        rule.version += 1
        with session.no_autoflush:
            await check_rule(session, rule, changes.keys())
        await session.flush()
        await record_change(session, before, rule_view(rule))
        return rule_view(rule)


async def delete_rule(context: AppState, by: Caller, rule_id: UUID) -> None:
    """Takes a line out of the routing table. Raises Problem 404."""
    async with changing(context, by) as session:
        rule = await get_locked(session, RoutingRule, rule_id, "routing rule")
        await record_change(session, rule_view(rule), None)
        await session.delete(rule)


async def check_rule(session: Session, rule: RoutingRule, changed: Collection[str]) -> None:
    """Raises Problem 422 for what does not exist, or not any more, and for a rule that would do nothing."""
    try:
        check_has_effect(rule)
    except PydanticCustomError as error:
        raise invalid("/team_id", str(error)) from error
    if "team_id" in changed and rule.team_id is not None:
        team = await session.get(Team, rule.team_id)
        if team is None or not team.is_active:
            raise invalid("/team_id", "there is no such active team")
    if "policy_id" in changed and rule.policy_id is not None:
        query = select(Policy.id).where(Policy.id == rule.policy_id, Policy.is_current, Policy.is_active)
        if await session.scalar(query) is None:
            raise invalid("/policy_id", "there is no such active SLA policy")
    if "assignee_id" in changed and rule.assignee_id is not None:
        agent = await session.get(Agent, rule.assignee_id)
        if agent is None or not agent.is_active:
            raise invalid("/assignee_id", "there is no such active agent")
    if "conditions" in changed:
        await _check_calendars(session, ConditionGroup.model_validate(rule.conditions))


async def _check_calendars(session: Session, conditions: ConditionGroup) -> None:
    named = calendars_named([conditions])
    if not named:
        return
    query = select(Calendar.slug).where(Calendar.slug.in_(named), Calendar.is_current)
    unknown = named - set(await session.scalars(query))
    if unknown:
        raise invalid("/conditions", f"there is no calendar {sorted(unknown)[0]}")


def columns_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """A rule's fields as columns take them."""
    return {name: _column(value) for name, value in values.items()}


def _column(value: Any) -> Any:
    if isinstance(value, ConditionGroup):
        return value.model_dump(mode="json", exclude_defaults=True)
    return list(value) if isinstance(value, tuple) else value


async def order_rules(context: AppState, by: Caller, rule_ids: Sequence[UUID]) -> None:
    """Puts all rules into an order. Raises Problem 409 unless exactly those that there are are named."""
    async with changing(context, by) as session:
        await lock(session, RULES_LOCK)
        query = select(RoutingRule).order_by(RoutingRule.id).with_for_update()
        rules = {rule.id: rule for rule in await session.scalars(query)}
        if sorted(rules) != sorted(rule_ids):
            raise Problem(409, "stale", "the rules were changed meanwhile: read them again, then put them in order")
        places = sorted(rule.position for rule in rules.values())
        moved = [(rules[one], place) for one, place in zip(rule_ids, places, strict=True)]
        moved = [(rule, place) for rule, place in moved if rule.position != place]
        befores = [rule_view(rule) for rule, _ in moved]
        for rule, place in moved:
            rule.position = -place
        await session.flush()  # positions are unique at every moment
        for rule, place in moved:
            rule.position = place
            rule.version += 1
        await session.flush()
        for before, (rule, _) in zip(befores, moved, strict=True):
            await record_change(session, before, rule_view(rule))


async def move_rule(context: AppState, by: Caller, rule_id: UUID, *, is_up: bool) -> None:
    """Lets a rule change places with the one tried before it (`is_up`) or after it, if there is one.

    Raises Problem 404.
    """
    async with changing(context, by) as session:
        await lock(session, RULES_LOCK)
        rule = await get_locked(session, RoutingRule, rule_id, "routing rule")
        position = rule.position
        beside = RoutingRule.position < position if is_up else RoutingRule.position > position
        order = RoutingRule.position.desc() if is_up else RoutingRule.position
        other = await session.scalar(select(RoutingRule).where(beside).order_by(order).limit(1).with_for_update())
        if other is None:
            return
        befores = rule_view(rule), rule_view(other)
        theirs, other.position = other.position, _BETWEEN
        await session.flush()  # positions are unique at every moment
        rule.position = theirs
        await session.flush()
        other.position = position
        rule.version, other.version = rule.version + 1, other.version + 1
        for before, after in zip(befores, (rule, other), strict=True):
            await record_change(session, before, rule_view(after))
