"""Counts references to an agent, a team or an SLA policy before its deactivation; reads open tickets only."""

from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.expression import cast, literal

from services.assignment.models import Agent, Policy, RoutingRule, Team, Ticket
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.administration.configuration import get_current_policy
from services.assignment.queries.indexed_ranges import IS_OPEN
from services.assignment.schemas.deactivation import AgentDeactivation, PolicyDeactivation, TeamDeactivation
from shared.kit.db import Session
from shared.kit.http.problems import not_found


async def of_agent(session: Session, caller: Caller, agent_id: UUID) -> AgentDeactivation:
    """Raises Problem 404."""
    if await session.get(Agent, agent_id) is None:
        raise not_found("agent")
    leads = select(Team.slug).where(Team.lead_id == agent_id, Team.is_active).order_by(Team.slug)
    return AgentDeactivation(
        open_tickets=await _count_tickets(session, Ticket.assignee_id == agent_id),
        leads=list(await session.scalars(leads)),
        policies=await _names(session, names_in_ladder(f"agent:{agent_id}")),
        refused_as="own_account" if agent_id == caller.agent_id else None,
    )


async def of_team(session: Session, team: Team) -> TeamDeactivation:
    """Returns the effects of deactivating a team."""
    rules = select(func.count()).select_from(RoutingRule).where(RoutingRule.team_id == team.id)
    predecessors = select(Team.slug).where(Team.successor_id == team.id).order_by(Team.slug)
    found = TeamDeactivation(
        open_tickets=await _count_tickets(session, Ticket.team_id == team.id),
        routing_rules=await session.scalar(rules) or 0,
        policies=await _names(session, names_in_ladder(f"team:{team.slug}")),
        predecessors=list(await session.scalars(predecessors)),
        refused_as="fallback_needed" if team.is_fallback else None,
    )
    if found.refused_as is None and any((found.open_tickets, found.routing_rules, found.policies, found.predecessors)):
        return found.model_copy(update={"refused_as": "reassign_needed"})
    return found


async def of_policy(session: Session, policy_id: UUID) -> PolicyDeactivation:
    """Raises Problem 404."""
    policy = await get_current_policy(session, policy_id)
    rules = select(func.count()).select_from(RoutingRule).where(RoutingRule.policy_id == policy_id)
    return PolicyDeactivation(
        open_tickets=await _count_tickets(session, Ticket.snapshot["policy_id"].astext == str(policy_id)),
        routing_rules=await session.scalar(rules) or 0,
        refused_as="default_needed" if policy.is_default else None,
    )


def names_in_ladder(to: str) -> ColumnElement[bool]:
    """Whether an escalation of the policy names this agent or team."""
    return Policy.body["escalations"].op("@>")(cast(literal([{"to": to}], JSONB), JSONB))


async def _names(session: Session, which: ColumnElement[bool]) -> list[str]:
    name = Policy.body["name"].astext
    return list(await session.scalars(select(name).where(Policy.is_current, which).order_by(name)))


async def _count_tickets(session: Session, which: ColumnElement[bool]) -> int:
    return await session.scalar(select(func.count()).select_from(Ticket).where(which, IS_OPEN)) or 0
