"""Finds open tickets whose agent or team is inactive, or whose agent left the team. Reads open tickets only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    and_,
    bindparam,
    exists,
    literal,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import aliased

from services.assignment.models import Agent, Departure, Membership, Role, Team, Ticket, TicketReturn
from services.assignment.queries.access.callers import reaches_team
from services.assignment.queries.indexed_ranges import IS_OPEN
from shared.contracts.base import AgentId
from shared.contracts.vocabulary import Permission, ReturnReason, Scope
from shared.domain.permissions import WORKS_TICKETS
from shared.kit.db import Session


@dataclass(frozen=True, slots=True)
class Stray:
    """An open ticket of an inactive agent or team."""

    ticket_id: UUID
    agent_id: UUID | None
    team_id: UUID | None
    topic_id: UUID | None
    priority: str
    revision: int
    reason: str


async def find_strays(session: Session, now: datetime, most: int) -> list[Stray]:
    """Returns some that are not being returned already; a ticket with two reasons is listed for the team's."""
    found = await session.execute(_find_strays(), {"now": now, "most": most})
    rows = [Stray(*row) for row in found.tuples()]
    return list({stray.ticket_id: stray for stray in reversed(rows)}.values())


@cache
def _find_strays() -> CompoundSelect[UUID, UUID | None, UUID | None, UUID | None, str, int, str]:
    """Built once: it is asked every second or so while much happens."""
    return union_all(
        _strays(Team, Team.id == Ticket.team_id, ~Team.is_active, ReturnReason.TEAM_INACTIVE),
        _strays(Agent, Agent.id == Ticket.assignee_id, ~Agent.is_active, ReturnReason.AGENT_INACTIVE),
        _strays(Departure, _is_left(), ~_works_there(), ReturnReason.AGENT_LEFT_TEAM),
    )


def _strays(
    where: type[Any], joins: ColumnElement[bool], is_gone: ColumnElement[bool], reason: ReturnReason
) -> Select[UUID, UUID | None, UUID | None, UUID | None, str, int, str]:
    columns = (Ticket.id, Ticket.assignee_id, Ticket.team_id, Ticket.topic_id, Ticket.priority, Ticket.revision)
    return (
        select(*columns, literal(reason.value))
        .select_from(where)
        .join(Ticket, and_(joins, IS_OPEN))
        .where(is_gone, ~_is_seen_to())
        .limit(bindparam("most", type_=Integer()))
    )


def _is_left() -> ColumnElement[bool]:
    return and_(Departure.agent_id == Ticket.assignee_id, Departure.team_id == Ticket.team_id)


def _works_there() -> ColumnElement[bool]:
    """Whether who left a team works on its tickets all the same: by now, or because a role reaches that far."""
    left = aliased(Team)
    return exists(
        select(Membership.agent_id)
        .join(Role, Role.id == Membership.role_id)
        .join(left, left.id == Departure.team_id)
        .where(
            Membership.agent_id == Departure.agent_id,
            or_(Role.scope == Scope.ALL.value, reaches_team(left)),
            Role.permissions.op("&&")(sorted(WORKS_TICKETS)),
        )
    )


def _is_seen_to() -> ColumnElement[bool]:
    is_waiting = and_(TicketReturn.state == "refused", TicketReturn.next_attempt_at > bindparam("now"))
    return exists(
        select(TicketReturn.id).where(
            TicketReturn.ticket_id == Ticket.id, or_(TicketReturn.state == "queued", is_waiting)
        )
    )


async def has_work(session: Session, now: datetime, departed_before: datetime) -> bool:
    """Whether a ticket is to go back, or somebody to be told, or a departure to be forgotten."""
    if await session.scalar(_has_work(), {"now": now, "departed_before": departed_before}):
        return True
    return bool(await find_strays(session, now, 1))


@cache
def _has_work() -> Select[bool]:
    to_do = select(TicketReturn.id).where(
        TicketReturn.state == "queued", TicketReturn.next_attempt_at <= bindparam("now")
    )
    to_tell = select(TicketReturn.id).where(TicketReturn.state == "returned")
    over = select(Departure.agent_id).where(Departure.left_at < bindparam("departed_before"))
    return select(or_(to_do.exists(), to_tell.exists(), over.exists()))


async def still_holds(session: Session, lines: Sequence[TicketReturn]) -> set[UUID]:
    """Of the lines, the ids of those whose agent or team is still gone: a mistake may have been undone meanwhile."""
    agents = {line.agent_id for line in lines}
    teams = {line.from_team_id for line in lines}
    active_agents = set(await session.scalars(select(Agent.id).where(Agent.id.in_(agents), Agent.is_active)))
    active_teams = set(await session.scalars(select(Team.id).where(Team.id.in_(teams), Team.is_active)))
    back = {ReturnReason.AGENT_INACTIVE: active_agents, ReturnReason.TEAM_INACTIVE: active_teams}
    return {
        line.id
        for line in lines
        if (line.from_team_id if line.reason == ReturnReason.TEAM_INACTIVE else line.agent_id)
        not in back.get(ReturnReason(line.reason), set())
    }


async def list_told(session: Session, team_id: UUID, except_for: UUID | None) -> tuple[AgentId, ...]:
    """Who hears of what came back to a team: its lead, else its members, else those who administer agents."""
    is_other = Agent.id != except_for if except_for is not None else true()
    active = select(Agent.id).where(Agent.is_active, is_other).order_by(Agent.id)
    lead = active.join(Team, Team.lead_id == Agent.id).where(Team.id == team_id)
    members = active.join(Membership, Membership.agent_id == Agent.id).where(Membership.team_id == team_id)
    administers = Role.permissions.op("&&")([Permission.ADMIN_AGENTS.value])
    administrators = active.where(
        exists(select(Membership.agent_id).join(Role).where(Membership.agent_id == Agent.id, administers))
    )
    for query in (lead, members, administrators):
        found = list(await session.scalars(query))
        if found:
            return tuple(AgentId(agent_id) for agent_id in found)
    return ()
