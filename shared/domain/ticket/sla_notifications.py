"""What follows from an event of the SLA clocks: the ticket event to record, and what an escalation step changes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.contracts.base import AgentId, TeamId
from shared.contracts.events import (
    LifecycleEvent,
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
from shared.domain.sla import Breached, ClockEvent, Escalated, Settled, Warned, Withdrawn
from shared.domain.ticket.state import TicketState


@dataclass(frozen=True, slots=True)
class SlaNotification:
    """An event for the ticket to record."""

    kind: type[LifecycleEvent]
    at: datetime
    actor: Actor
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EscalationTarget:
    """The team and agent that a step is addressed to, as far as they are known."""

    team_id: TeamId | None = None
    agent_id: AgentId | None = None


def sla_notification(state: TicketState, clock_event: ClockEvent, actor: Actor) -> SlaNotification | None:
    """The event that tells of `clock_event`; None for an escalation of a clock that has ended meanwhile."""
    match clock_event:
        case Warned(metric=metric, cycle=cycle, percent=percent, due_at=due_at, at=at):
            fields = {"metric": metric, "cycle": cycle, "percent": percent, "due_at": due_at}
            return SlaNotification(SlaWarned, at, SYSTEM, fields)
        case Breached(metric=metric, cycle=cycle, due_at=due_at, at=at):
            return SlaNotification(SlaBreached, at, SYSTEM, {"metric": metric, "cycle": cycle, "due_at": due_at})
        case Withdrawn(metric=metric, cycle=cycle, at=at):
            return SlaNotification(SlaBreachWithdrawn, at, SYSTEM, {"metric": metric, "cycle": cycle})
        case Settled(verdict=verdict, at=at):
            return SlaNotification(SlaSettled, at, actor, {"verdict": verdict})
        case Escalated() if state.sla.is_unsettled(clock_event.metric, clock_event.cycle):
            return _escalation(clock_event, _target(state, clock_event))
    return None


def apply_escalation(state: TicketState, escalation: Escalated) -> SlaNotification | None:
    """Does what a step says; returns the event of the change, None if there is nothing to change.

    The change counts from now, not from when the step was due.
    """
    at = max(escalation.at, state.sla.reached)
    match escalation.step.do:
        case "raise_priority":
            return _raise_priority(state, at)
        case "reassign":
            return _reassign(state, _target(state, escalation), at)
    return None


def _escalation(escalation: Escalated, target: EscalationTarget) -> SlaNotification:
    fields = {
        "metric": escalation.metric,
        "cycle": escalation.cycle,
        "step": escalation.index + 1,
        "repetition": escalation.repetition,
        "do": escalation.step.do,
        "to": escalation.step.to,
        "team_id": target.team_id,
        "agent_id": target.agent_id,
        "due_at": escalation.due_at,
    }
    return SlaNotification(TicketEscalated, escalation.at, SYSTEM, fields)


def _target(state: TicketState, escalation: Escalated) -> EscalationTarget:
    """A `lead` is the lead of the team that has the ticket now, as known when the policy was applied."""
    policy, team_id = state.policy, state.team_id
    if escalation.step.to == "lead":
        lead = policy.leads.get(team_id) if policy is not None and team_id is not None else None
        return EscalationTarget(team_id, lead)
    return EscalationTarget(escalation.step.team_id, escalation.step.agent_id)


def _raise_priority(state: TicketState, at: datetime) -> SlaNotification | None:
    priorities, current = list(Priority), state.sla.priority
    if current is priorities[-1]:
        return None
    higher = priorities[current.rank + 1]
    return SlaNotification(TicketPrioritised, at, SYSTEM, {"priority": higher, "previous": current})


def _reassign(state: TicketState, target: EscalationTarget, at: datetime) -> SlaNotification | None:
    """To an agent, or to a team, which unassigns the agent; whoever has the ticket already keeps it."""
    previous_agent, previous_team = state.assignee_id, state.team_id
    if target.agent_id is not None and target.agent_id != previous_agent:
        state.assignee_id = target.agent_id
        fields: dict[str, Any] = {"agent_id": target.agent_id, "previous_agent_id": previous_agent}
        return SlaNotification(TicketAssigned, at, SYSTEM, fields)
    if target.agent_id is None and target.team_id is not None and target.team_id != previous_team:
        state.team_id, state.assignee_id = target.team_id, None
        fields = {
            "team_id": target.team_id,
            "previous_team_id": previous_team,
            "previous_agent_id": previous_agent,
        }
        return SlaNotification(TicketTransferred, at, SYSTEM, fields)
    return None
