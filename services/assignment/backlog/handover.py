"""Hands over tickets whose agent cannot work on them: reopened tickets, and tickets of agents out of office.

Each goes to the delegate, to the next eligible agent, or back to its team, as the team's handover policy says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, Integer, Select, and_, exists, func, literal_column, or_, select, true

from services.assignment.app_state import AppState
from services.assignment.backlog.batch_assignment import NO_POLICY
from services.assignment.backlog.decision_dispatch import Row
from services.assignment.backlog.waiting_tickets import demand_of, demanded, is_being_handled, last_ownership
from services.assignment.models import (
    Agent,
    Calendar,
    Membership,
    Role,
    RoutingDecision,
    Team,
    Ticket,
    TicketAssignment,
)
from services.assignment.models.ticket_indexes import REOPENED
from services.assignment.queries.indexed_ranges import IS_OPEN
from services.assignment.routing.abilities import absences_of
from services.assignment.routing.assignments import Decided, store
from services.assignment.routing.decisions import Question, decide, write_turns
from services.assignment.routing.rosters import TeamRoster, lock_rosters
from shared.contracts.base import AgentId, PolicyId, TeamId, TicketId
from shared.contracts.vocabulary import (
    ClockState,
    DecidedBy,
    DecisionCause,
    Handover,
    Metric,
    OutReason,
    Scope,
    Status,
)
from shared.domain.permissions import WORKS_TICKETS
from shared.kit.clock import utc_now
from shared.kit.db import Session

BATCH = 100
JUDGED_WITHIN = timedelta(hours=1)
"""A reopening older than this is not handed over any more: the ticket stays with its agent."""
IS_REOPENED = literal_column(f"tickets.{REOPENED.replace('(snapshot', '(tickets.snapshot')}", Boolean)
REOPENINGS = Ticket.snapshot["reopen_count"].astext.cast(Integer)


@dataclass(frozen=True, slots=True)
class HandoverCandidate:
    """A ticket that may have to leave its agent, with the revision at which it was read."""

    ticket_id: UUID
    revision: int
    priority: str
    team_id: UUID
    agent_id: UUID
    policy_id: str | None
    rule: str | None
    demanded: Any
    reopenings: int
    reopened_by: str | None = None


async def hand_over(context: AppState) -> list[Row]:
    """Decides about a batch of candidates and stores the decisions. Returns those to send to the workflows."""
    async with context.database.begin() as session:
        now = utc_now()
        reopened = await _list_reopened(session, now)
        absent = await _list_of_absent(context, session, now)
    rows: list[Row] = []
    for tickets, cause in ((reopened, DecisionCause.REOPENED), (absent, DecisionCause.ABSENT)):
        for team_id in sorted({ticket.team_id for ticket in tickets}):
            rows += await _decide(context, team_id, [one for one in tickets if one.team_id == team_id], cause)
    return [row for row in rows if row["state"] == "sent"]


async def _decide(
    context: AppState, team_id: UUID, tickets: Sequence[HandoverCandidate], cause: DecisionCause
) -> list[dict[str, Any]]:
    async with context.database.begin() as session:
        now = utc_now()
        team = (await lock_rosters(session, context.place, [team_id], now))[TeamId(team_id)]
        judge = _reopened if cause is DecisionCause.REOPENED else _absent
        decided = [judge(team, one, now + timedelta(microseconds=at)) for at, one in enumerate(tickets)]
        rows = await store(session, decided)
        await write_turns(session, [team])
        return rows


def _reopened(team: TeamRoster, ticket: HandoverCandidate, at: datetime) -> Decided:
    """Keeps the agent if they are eligible, else routes the ticket like a new one, without an offer.

    A decision that keeps the agent is stored with the state `kept` and sends no command.
    """
    question = _question(ticket, DecisionCause.REOPENED, AgentId(ticket.agent_id), DecidedBy.LAST_AGENT)
    evidence = decide(team, question, at, may_offer=False)
    return Decided(evidence, ticket.revision, ticket.reopenings, is_kept=evidence.decided_by is DecidedBy.LAST_AGENT)


def _absent(team: TeamRoster, ticket: HandoverCandidate, at: datetime) -> Decided:
    """Goes to the delegate if eligible, else to the next agent or to the team, as the policy says."""
    absence = team.absences.get(AgentId(ticket.agent_id))
    delegate = absence.delegate_id if absence is not None else None
    barred = {AgentId(ticket.agent_id): OutReason.OUT_OF_OFFICE}
    if team.rules.handover is Handover.TEAM:
        others = team.roster.standings.keys() - {delegate}
        barred |= dict.fromkeys(others - barred.keys(), OutReason.NOT_DELEGATE)
    question = _question(ticket, DecisionCause.ABSENT, delegate, DecidedBy.DELEGATE, barred)
    return Decided(decide(team, question, at, may_offer=False), ticket.revision)


def _question(
    ticket: HandoverCandidate,
    cause: DecisionCause,
    first: AgentId | None,
    first_as: DecidedBy,
    barred: dict[AgentId, OutReason] | None = None,
) -> Question:
    return Question(
        ticket_id=TicketId(ticket.ticket_id),
        demand=demand_of(TeamId(ticket.team_id), ticket.priority, ticket.demanded),
        policy_id=PolicyId(UUID(ticket.policy_id)) if ticket.policy_id else NO_POLICY,
        rule=ticket.rule or "was with an agent",
        cause=cause,
        barred=barred or {},
        first=first,
        first_as=first_as,
        previous_agent_id=AgentId(ticket.agent_id),
    )


def _held(now: datetime) -> Select[Any]:
    decision = RoutingDecision
    return (
        select(
            Ticket.id,
            *(Ticket.revision, Ticket.priority, Ticket.team_id, Ticket.assignee_id),
            Ticket.snapshot["policy_id"].astext,
            decision.evidence["rule"].astext,
            demanded(decision),
            REOPENINGS,
        )
        .join(Agent, and_(Agent.id == Ticket.assignee_id, Agent.is_active))
        .join(Team, and_(Team.id == Ticket.team_id, Team.is_active))
        .outerjoin(decision, decision.ticket_id == Ticket.id)
        .where(~is_being_handled(now))
        .order_by(Ticket.id)
        .limit(BATCH)
    )


def is_judged() -> ColumnElement[bool]:
    """Whether it was decided who has the ticket after its last reopening."""
    return exists(
        select(TicketAssignment.id).where(
            TicketAssignment.ticket_id == Ticket.id,
            TicketAssignment.reopen_count == REOPENINGS,
            TicketAssignment.state != "refused",
        )
    )


async def _list_reopened(session: Session, now: datetime) -> list[HandoverCandidate]:
    """Tickets just reopened by somebody other than their agent; an agent with rights from a parent team keeps them."""
    last = last_ownership()
    is_member = exists(
        select(Membership.agent_id).where(
            Membership.agent_id == Ticket.assignee_id, Membership.team_id == Ticket.team_id
        )
    )
    works_above = exists(
        select(Membership.agent_id)
        .join(Role, Role.id == Membership.role_id)
        .where(
            Membership.agent_id == Ticket.assignee_id,
            or_(Role.scope == Scope.ALL.value, Membership.team_id == func.any(Team.lineage)),
            Role.permissions.op("&&")(sorted(WORKS_TICKETS)),
        )
    )
    query = (
        _held(now)
        .add_columns(last.c.actor_kind)
        .outerjoin(last, true())
        .where(
            IS_REOPENED,
            ~is_judged(),
            or_(is_member, ~works_above),
            last.c.type == "ticket.reopened",
            last.c.recorded_at > now - JUDGED_WITHIN,
            last.c.actor_id.is_distinct_from(literal_column("tickets.assignee_id::text")),
        )
    )
    return [HandoverCandidate(*row) for row in await session.execute(query)]


async def _list_of_absent(context: AppState, session: Session, now: datetime) -> list[HandoverCandidate]:
    """Tickets of agents who are out of office today that are open or have an unanswered requester message."""
    agent_ids = await _list_absent(context, session, now)
    if not agent_ids:
        return []
    waits_for_reply = or_(
        *(
            Ticket.snapshot.contains({"clocks": [{"metric": metric.value, "state": ClockState.RUNNING.value}]})
            for metric in (Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE)
        )
    )
    is_awake = or_(Ticket.status == Status.OPEN.value, waits_for_reply)
    query = _held(now).where(Ticket.assignee_id.in_(agent_ids), IS_OPEN, is_awake)
    return [HandoverCandidate(*row) for row in await session.execute(query)]


async def _list_absent(context: AppState, session: Session, now: datetime) -> list[UUID]:
    query = (
        select(Agent.id, Agent.out_of_office, Agent.calendar, Calendar.version)
        .outerjoin(Calendar, and_(Calendar.slug == Agent.calendar, Calendar.is_current))
        .where(Agent.is_active, Agent.out_of_office != literal_column("'[]'::jsonb"))
    )
    rows = (await session.execute(query)).all()
    names = {(row.calendar, row.version) for row in rows if row.version is not None}
    await context.agent_calendars.learn(session, names, now)
    absent: list[UUID] = []
    for row in rows:
        name = (row.calendar, row.version) if row.version is not None else None
        today = context.agent_calendars.today(name, now, context.place.zone)
        if any(absence.covers(today) for absence in absences_of(row.out_of_office)):
            absent.append(row.id)
    return absent
