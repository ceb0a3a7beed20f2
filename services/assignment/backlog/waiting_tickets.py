"""Queries for unassigned tickets of a team in assignment order: due time, priority, age."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    DateTime,
    Integer,
    Select,
    Uuid,
    and_,
    bindparam,
    exists,
    func,
    lateral,
    literal_column,
    or_,
    select,
    true,
)

from services.assignment.models import Agent, LoggedEvent, Membership, RoutingDecision, Team, Ticket, TicketAssignment
from services.assignment.models.ticket_indexes import WAITING
from services.assignment.routing.standings import IS_UNDER_WAY
from shared.contracts.base import AgentId, TeamId, TicketId
from shared.contracts.vocabulary import ActorKind, Handover, Priority, ReturnReason, Strategy
from shared.domain.routing import Demand, SkillDemand
from shared.kit.db import Session

IS_WAITING = literal_column(
    WAITING.replace("status", "tickets.status").replace("assignee_id", "tickets.assignee_id"), Boolean
)
OWNERSHIP = ("ticket.triaged", "ticket.assigned", "ticket.released", "ticket.transferred", "ticket.reopened")
"""Events that change or may change who is assigned to the ticket."""
NOW: ColumnElement[datetime] = bindparam("now", type_=DateTime(timezone=True))
AFTER: tuple[BindParameter[Any], ...] = (
    bindparam("after_due_at", type_=DateTime(timezone=True)),
    bindparam("after_rank", type_=Integer()),
    bindparam("after_created_at", type_=DateTime(timezone=True)),
    bindparam("after_id", type_=Uuid()),
)
"""The position of the ticket that a page begins after."""
SHORTEST_PASS = timedelta(minutes=5)
PASSED_OFFERS = 5
"""Multiple of the offer's duration for which an agent who let it lapse is not asked for that ticket again."""
PAGE = 200


@dataclass(frozen=True, slots=True)
class WaitingTicket:
    """An unassigned ticket with the revision at which it was read and its demand."""

    ticket_id: TicketId
    revision: int
    demand: Demand
    policy_id: UUID | None
    rule: str
    passed_by: frozenset[AgentId]
    position: tuple[datetime, int, datetime, UUID]
    """By which the next page goes on."""


def last_ownership() -> Any:
    """Lateral subquery for a ticket's newest event of the types in OWNERSHIP."""
    log = LoggedEvent
    return lateral(
        select(
            log.type,
            log.recorded_at,
            log.data["reason"].astext.label("reason"),
            log.data["actor"]["kind"].astext.label("actor_kind"),
            log.data["actor"]["id"].astext.label("actor_id"),
        )
        .where(log.ticket_id == Ticket.id, log.type.in_(OWNERSHIP))
        .order_by(log.seq.desc())
        .limit(1)
    ).alias("last_ownership")


def is_being_handled(now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    """Whether a decision about the ticket is under way, or was refused and has not reached its next attempt."""
    is_resting = and_(TicketAssignment.state == "refused", TicketAssignment.next_attempt_at > now)
    return exists(
        select(TicketAssignment.id).where(TicketAssignment.ticket_id == Ticket.id, or_(IS_UNDER_WAY, is_resting))
    )


async def list_waiting_teams(session: Session) -> list[UUID]:
    """Active teams with unassigned tickets, a strategy other than `manual`, and somebody who takes tickets now."""
    return list(await session.scalars(select_waiting_teams().order_by(Team.id)))


def select_waiting_teams() -> Select[UUID]:
    """The statement of `list_waiting_teams`, in no order.

    Working hours, absences and capacity are left to the pass over the team. Without anybody who is available the pass
    would find no room, and a team can be without anybody for days while passes come every few seconds.
    """
    waits = exists(select(Ticket.id).where(Ticket.team_id == Team.id, IS_WAITING))
    is_staffed = exists(
        select(Agent.id)
        .join(Membership, Membership.agent_id == Agent.id)
        .where(Membership.team_id == Team.id, Agent.is_active, Agent.is_available)
    )
    return select(Team.id).where(Team.is_active, Team.strategy != Strategy.MANUAL.value, waits, is_staffed)


async def list_waiting(
    session: Session,
    team_id: TeamId,
    handover: Handover,
    now: datetime,
    after: tuple[datetime, int, datetime, UUID] | None = None,
    limit: int = PAGE,
) -> list[WaitingTicket]:
    """A page of the tickets to assign; with handover policy `team`, tickets released by an agent are left out."""
    given: dict[str, Any] = {"team_id": team_id, "now": now, "most": limit}
    if after is not None:
        given |= {one.key: value for one, value in zip(AFTER, after, strict=True)}
    rows = await session.execute(_page(handover, is_first=after is None), given)
    return [_read(row, team_id) for row in rows]


async def count_waiting(session: Session, team_id: TeamId, handover: Handover, now: datetime) -> int:
    """The number of tickets that `list_waiting` would list without a limit."""
    return await session.scalar(_count(handover), {"team_id": team_id, "now": now}) or 0


async def find_handover(session: Session, team_id: UUID) -> Handover:
    """A team's handover policy, read without a lock."""
    return Handover(await session.scalar(select(Team.handover).where(Team.id == team_id)) or Handover.TEAM)


@cache
def _page(handover: Handover, *, is_first: bool) -> Select[Any]:
    """Built once for each policy: that takes longer than to run it for a team with few tickets."""
    order = (Ticket.next_due_at, Ticket.priority_rank.desc(), Ticket.created_at, Ticket.id)
    page = _waiting(handover).order_by(*order).limit(bindparam("most", type_=Integer()))
    return page if is_first else page.where(_is_after(*AFTER))


@cache
def _count(handover: Handover) -> Select[Any]:
    return select(func.count()).select_from(_waiting(handover).subquery())


def _waiting(handover: Handover) -> Select[Any]:
    last, decision = last_ownership(), RoutingDecision
    query = (
        select(
            *(Ticket.id, Ticket.revision, Ticket.priority, Ticket.priority_rank, Ticket.next_due_at),
            Ticket.created_at,
            Ticket.snapshot["policy_id"].astext.label("policy_id"),
            decision.evidence["rule"].astext.label("rule"),
            demanded(decision).label("demanded"),
            _passed_by().label("passed_by"),
        )
        .outerjoin(decision, decision.ticket_id == Ticket.id)
        .outerjoin(last, true())
        .where(
            Ticket.team_id == bindparam("team_id", type_=Uuid()),
            IS_WAITING,
            func.coalesce(decision.state, "") != "sent",
            ~is_being_handled(NOW),
        )
    )
    if handover is Handover.ROUTE:
        return query
    is_by_rules = and_(last.c.type == "ticket.triaged", last.c.actor_kind == ActorKind.SYSTEM.value)
    is_free = and_(last.c.type == "ticket.released", last.c.reason == ReturnReason.AGENT_UNAVAILABLE.value)
    return query.where(or_(is_by_rules, is_free, last.c.type == "ticket.reopened"))


def demanded(decision: Any) -> Any:
    """The skills demanded by routing rules, from the evidence of the ticket's first decision."""
    return decision.evidence["demanded_skills"]


def _passed_by() -> Any:
    """Agents whose offer of the ticket lapsed recently, who are not asked again for a while."""
    offer = TicketAssignment
    duration = offer.next_attempt_at - offer.decided_at
    until = offer.next_attempt_at + func.greatest(SHORTEST_PASS, duration * PASSED_OFFERS)
    return (
        select(func.array_agg(offer.agent_id))
        .where(offer.ticket_id == Ticket.id, offer.state == "lapsed", until > NOW)
        .scalar_subquery()
    )


def _is_after(due_at: Any, rank: Any, created_at: Any, ticket_id: Any) -> ColumnElement[bool]:
    is_later = and_(Ticket.created_at >= created_at, or_(Ticket.created_at > created_at, Ticket.id > ticket_id))
    is_lower = or_(Ticket.priority_rank < rank, and_(Ticket.priority_rank == rank, is_later))
    return or_(Ticket.next_due_at > due_at, and_(Ticket.next_due_at == due_at, is_lower))


def _read(row: Any, team_id: TeamId) -> WaitingTicket:
    return WaitingTicket(
        ticket_id=TicketId(row.id),
        revision=row.revision,
        demand=demand_of(team_id, row.priority, row.demanded),
        policy_id=UUID(row.policy_id) if row.policy_id else None,
        rule=row.rule or "",
        passed_by=frozenset(AgentId(agent_id) for agent_id in row.passed_by or ()),
        position=(row.next_due_at, row.priority_rank, row.created_at, row.id),
    )


def demand_of(team_id: TeamId, priority: str, demanded_skills: Sequence[Mapping[str, Any]] | None) -> Demand:
    """The demand with the skills of the first decision, and the ticket's current team and priority."""
    skills = [(SkillDemand(one["name"], one["level"]), one["is_required"]) for one in demanded_skills or ()]
    return Demand(
        team_id=team_id,
        priority=Priority(priority),
        required=tuple(skill for skill, is_required in skills if is_required),
        preferred=tuple(skill for skill, is_required in skills if not is_required),
    )
