"""Administration of routing rules."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import select

from services.assignment.app_state import AppState
from services.assignment.commands.administration import apply_changes, changes_of, changing, get_locked
from services.assignment.commands.audit import record_change
from services.assignment.commands.versions import lock
from services.assignment.models import Policy, RoutingRule, Team
from services.assignment.queries.callers import Caller
from services.assignment.queries.configuration import rule_view
from services.assignment.schemas.rules import RoutingRuleInput, RoutingRulePatch, RoutingRuleView
from shared.kit.clock import new_id
from shared.kit.db import Session
from shared.kit.http.problems import invalid

RULE_NULLS = frozenset({"topic", "priority", "policy_id", "set_priority"})
_BETWEEN = 0
"""A position that no rule has, used while two change places."""


async def create_rule(session: Session, body: RoutingRuleInput) -> RoutingRuleView:
    """Adds a line to the routing table."""
    rule = RoutingRule(id=new_id(), version=1, **_columns(body.model_dump()))
    await _check_rule(session, rule, {"team_id", "policy_id"})
    session.add(rule)
    await session.flush()
    await record_change(session, None, rule_view(rule))
    return rule_view(rule)


async def change_rule(context: AppState, by: Caller, rule_id: UUID, body: RoutingRulePatch) -> RoutingRuleView:
    """Changes a line of the routing table, for tickets to come."""
    changes = _columns(changes_of(body, nullable=RULE_NULLS))
    async with changing(context, by) as session:
        rule = await get_locked(session, RoutingRule, rule_id, "routing rule")
        before = rule_view(rule)
        if not apply_changes(rule, changes):
            return before
        rule.version += 1
        with session.no_autoflush:
            await _check_rule(session, rule, changes.keys())
        await session.flush()
        await record_change(session, before, rule_view(rule))
        return rule_view(rule)


async def delete_rule(context: AppState, by: Caller, rule_id: UUID) -> None:
    """Takes a line out of the routing table. Raises Problem 404."""
    async with changing(context, by) as session:
        rule = await get_locked(session, RoutingRule, rule_id, "routing rule")
        await record_change(session, rule_view(rule), None)
        await session.delete(rule)


async def _check_rule(session: Session, rule: RoutingRule, changed: Collection[str]) -> None:
    """Raises Problem 422 for what does not exist, or not any more."""
    if "team_id" in changed:
        team = await session.get(Team, rule.team_id)
        if team is None or not team.is_active:
            raise invalid("/team_id", "there is no such active team")
    if "policy_id" in changed and rule.policy_id is not None:
        query = select(Policy.id).where(Policy.id == rule.policy_id, Policy.is_current, Policy.is_active)
        if await session.scalar(query) is None:
            raise invalid("/policy_id", "there is no such active SLA policy")


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    """A rule's fields as columns take them."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


async def move_rule(context: AppState, by: Caller, rule_id: UUID, *, is_up: bool) -> None:
    """Lets a rule change places with the one tried before it (`is_up`) or after it, if there is one.

    Raises Problem 404.
    """
    async with changing(context, by) as session:
        await lock(session, "routing-rules")
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
