"""Assigns a team's waiting tickets in batches, one transaction per batch under the team's row lock.

Each agent gets at most a fair share of the backlog while colleagues may still come online.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select

from services.assignment.app_state import AppState
from services.assignment.backlog.decision_dispatch import Row
from services.assignment.backlog.waiting_tickets import PAGE, WaitingTicket, count_waiting, find_handover, list_waiting
from services.assignment.models import TicketAssignment
from services.assignment.routing.assignments import Decided, store
from services.assignment.routing.decisions import Question, decide, write_turns
from services.assignment.routing.rosters import TeamRoster, lock_rosters
from shared.contracts.base import AgentId, PolicyId, TeamId
from shared.contracts.vocabulary import DecisionCause, OutReason
from shared.domain.routing import Shares, period_start
from shared.kit.clock import utc_now
from shared.kit.db import Session

NO_POLICY = PolicyId(UUID(int=0))
"""Of a ticket that has none: it was opened before any policy could be given to it."""


@dataclass
class AssignmentBatch:
    """The result of one pass over a team's backlog."""

    rows: Sequence[Row] = ()
    """Decisions to be sent; offers are not."""
    is_locked_out: bool = False
    """Whether somebody else was deciding for the team: it is worth another look."""
    has_more: bool = False
    """Whether the batch was full before the room was."""


async def assign_batch(context: AppState, team_id: UUID) -> AssignmentBatch:
    """Decides for up to PAGE waiting tickets of a team and stores the decisions; offers are stored, not sent."""
    async with context.database.begin() as session:
        now = utc_now()
        if not await list_waiting(session, TeamId(team_id), await find_handover(session, team_id), now, limit=1):
            return AssignmentBatch()
        rosters = await lock_rosters(session, context.place, [team_id], now, is_waiting=False)
        if not rosters:
            return AssignmentBatch(is_locked_out=True)
        team = rosters[TeamId(team_id)]
        if not team.roster.has_room():
            return AssignmentBatch()
        decided = await _decide(session, team, now)
        rows = await store(session, decided)
        await write_turns(session, [team])
    to_send = [row for row in rows if row["state"] == "sent"]
    return AssignmentBatch(to_send, has_more=len(decided) >= PAGE)


async def _decide(session: Session, team: TeamRoster, now: datetime) -> list[Decided]:
    """Tries the waiting tickets in order. A ticket that no agent can take does not block those behind it."""
    rules, shares = team.rules, await _shares(session, team, now)
    decided: list[Decided] = []
    after = None
    while len(decided) < PAGE and team.roster.has_room():
        page = await list_waiting(session, rules.team_id, rules.handover, now, after)
        for ticket in page:
            one = _place(team, ticket, shares, now + timedelta(microseconds=len(decided)))
            if one is not None:
                decided.append(one)
            if len(decided) >= PAGE or not team.roster.has_room():
                break
        if len(page) < PAGE:
            break
        after = page[-1].position
    return decided


def _place(team: TeamRoster, ticket: WaitingTicket, shares: Shares | None, at: datetime) -> Decided | None:
    barred: dict[AgentId, OutReason] = dict.fromkeys(ticket.passed_by, OutReason.PASSED)
    if shares is not None:
        barred |= {agent_id: OutReason.HAD_SHARE for agent_id in team.roster.standings if not shares.has_left(agent_id)}
    if team.roster.choose(ticket.demand, barred).agent_id is None:
        return None
    asked = Question(
        ticket_id=ticket.ticket_id,
        demand=ticket.demand,
        policy_id=PolicyId(ticket.policy_id) if ticket.policy_id else NO_POLICY,
        rule=ticket.rule or "waited in the team",
        cause=DecisionCause.OFFER_LAPSED if ticket.passed_by else DecisionCause.BACKLOG,
        barred=barred,
    )
    evidence = decide(team, asked, at)
    chosen = evidence.offered_to or evidence.agent_id
    if shares is not None and chosen is not None:
        shares.take(chosen)
    return Decided(evidence, ticket.revision)


async def _shares(session: Session, team: TeamRoster, now: datetime) -> Shares | None:
    """The fair share left to each agent; None if every expected agent is online, so that nothing is reserved."""
    if team.present >= team.expected:
        return None
    rules = team.rules
    waiting = await count_waiting(session, rules.team_id, rules.handover, now)
    return Shares(waiting, team.expected, await _assigned_lately(session, rules.team_id, now))


async def _assigned_lately(session: Session, team_id: TeamId, now: datetime) -> Mapping[AgentId, int]:
    """How many tickets of the backlog each agent has got in the current share period."""
    query = (
        select(TicketAssignment.agent_id, func.count())
        .where(
            TicketAssignment.team_id == team_id,
            TicketAssignment.cause == DecisionCause.BACKLOG.value,
            TicketAssignment.decided_at > period_start(now),
            TicketAssignment.agent_id.is_not(None),
            TicketAssignment.state != "refused",
        )
        .group_by(TicketAssignment.agent_id)
    )
    return {AgentId(agent_id): count for agent_id, count in (await session.execute(query)).tuples() if agent_id}
