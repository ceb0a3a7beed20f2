"""What a ticket announces, and does, when its clocks have something to say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from shared.contracts.base import AgentId, TeamId
from shared.contracts.events import (
    SlaBreached,
    SlaBreachWithdrawn,
    SlaSettled,
    SlaWarned,
    TicketAssigned,
    TicketEscalated,
    TicketPrioritised,
    TicketTransferred,
)
from shared.contracts.tickets import SYSTEM, Actor
from shared.contracts.vocabulary import Priority
from shared.domain.sla import Breached, Escalated, Notice, Settled, Warned, Withdrawn

if TYPE_CHECKING:
    from shared.domain.ticket.ticket import Ticket


def say(ticket: Ticket, notice: Notice, actor: Actor) -> bool:
    """Announces a notice; False for a step of a clock that has ended meanwhile, which is not taken any more."""
    match notice:
        case Warned(metric=metric, cycle=cycle, percent=percent, due_at=due_at, at=at):
            ticket.announce(SlaWarned, at, SYSTEM, metric=metric, cycle=cycle, percent=percent, due_at=due_at)
        case Breached(metric=metric, cycle=cycle, due_at=due_at, at=at):
            ticket.announce(SlaBreached, at, SYSTEM, metric=metric, cycle=cycle, due_at=due_at)
        case Withdrawn(metric=metric, cycle=cycle, at=at):
            ticket.announce(SlaBreachWithdrawn, at, SYSTEM, metric=metric, cycle=cycle)
        case Settled(verdict=verdict, at=at):
            ticket.announce(SlaSettled, at, actor, verdict=verdict)
        case Escalated():
            if not ticket.state.sla.is_under_way(notice.metric, notice.cycle):
                return False
            _announce_step(ticket, notice, _target(ticket, notice))
    return True


def take_step(ticket: Ticket, notice: Escalated) -> None:
    """Does what a step of the ladder says, now: what it changes counts from here, not from when it should have been."""
    at = max(notice.at, ticket.state.sla.reached)
    match notice.step.do:
        case "raise_priority":
            _raise_priority(ticket, at)
        case "reassign":
            _hand_over(ticket, _target(ticket, notice), at)


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a step is addressed to, as far as that can be said."""

    team_id: TeamId | None = None
    agent_id: AgentId | None = None


def _announce_step(ticket: Ticket, notice: Escalated, target: Target) -> None:
    ticket.announce(
        TicketEscalated,
        notice.at,
        SYSTEM,
        metric=notice.metric,
        cycle=notice.cycle,
        step=notice.index + 1,
        repetition=notice.repetition,
        do=notice.step.do,
        to=notice.step.to,
        team_id=target.team_id,
        agent_id=target.agent_id,
        due_at=notice.due_at,
    )


def _target(ticket: Ticket, notice: Escalated) -> Target:
    """A `lead` is the lead of the team that has the ticket now, as known when the policy was applied."""
    policy, team_id = ticket.state.policy, ticket.state.team_id
    if notice.step.to == "lead":
        lead = policy.leads.get(team_id) if policy is not None and team_id is not None else None
        return Target(team_id, lead)
    return Target(notice.step.team_id, notice.step.agent_id)


def _raise_priority(ticket: Ticket, at: datetime) -> None:
    ladder, current = list(Priority), ticket.state.sla.priority
    if current is not ladder[-1]:
        higher = ladder[current.rank + 1]
        ticket.announce(TicketPrioritised, at, SYSTEM, priority=higher, previous=current)


def _hand_over(ticket: Ticket, target: Target, at: datetime) -> None:
    """To a team, which drops the agent, or to an agent; who has it already keeps it."""
    state = ticket.state
    if target.agent_id is not None and target.agent_id != state.assignee_id:
        previous_agent, state.assignee_id = state.assignee_id, target.agent_id
        ticket.announce(TicketAssigned, at, SYSTEM, agent_id=target.agent_id, previous_agent_id=previous_agent)
    elif target.agent_id is None and target.team_id is not None and target.team_id != state.team_id:
        previous_team, state.team_id = state.team_id, target.team_id
        previous_agent, state.assignee_id = state.assignee_id, None
        ticket.announce(
            TicketTransferred,
            at,
            SYSTEM,
            team_id=target.team_id,
            previous_team_id=previous_team,
            previous_agent_id=previous_agent,
        )
