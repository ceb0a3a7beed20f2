"""Makes one routing decision with its evidence."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.dialects.postgresql import Insert

from services.assignment.models import RoutingTurn, table_of
from services.assignment.routing.rosters import TeamRoster
from shared.contracts.base import AgentId, PolicyId, TicketId
from shared.contracts.events import AssignmentDecided, DemandedSkill, RuleEvidence
from shared.contracts.vocabulary import DecidedBy, DecisionCause
from shared.domain.routing import Demand
from shared.domain.routing.choice import NOBODY_BARRED, Barred
from shared.kit.db import Session
from shared.kit.recordsets import as_parameter, insert_rows

TURNS = table_of(RoutingTurn)
AT_ONCE = frozenset({DecidedBy.LAST_AGENT, DecidedBy.RULE, DecidedBy.DELEGATE})
"""Who is named for a ticket gets it without being asked first."""


@dataclass(frozen=True, slots=True)
class Question:
    """A ticket for which somebody is to be chosen."""

    ticket_id: TicketId
    demand: Demand
    policy_id: PolicyId
    rule: str
    cause: DecisionCause = DecisionCause.NEW
    barred: Barred = field(default_factory=lambda: NOBODY_BARRED)
    first: AgentId | None = None
    """Who gets it before anybody else, if they can be given it, and as what."""
    first_as: DecidedBy = DecidedBy.LAST_AGENT
    previous_agent_id: AgentId | None = None


def decide(team: TeamRoster, asked: Question, at: datetime, *, may_offer: bool = True) -> AssignmentDecided:
    """Chooses, counts the ticket for whoever was chosen, and says why.

    `at` must be later with every decision on the same roster: turns are taken in its order.
    """
    roster, demand = team.roster, asked.demand
    if asked.previous_agent_id is not None:
        roster.put_down(asked.previous_agent_id, demand.priority)
    choice = roster.choose(demand, asked.barred, asked.first, asked.first_as)
    shown = team.candidates.of(roster.standings.values(), demand, choice.out or {}, choice.agent_id)
    team.encoded_candidates[asked.ticket_id] = shown.encoded
    if choice.agent_id is not None:
        roster.give(choice.agent_id, demand.priority, at)
    is_asked = may_offer and choice.agent_id is not None and choice.decided_by not in AT_ONCE
    offer_seconds = team.rules.offer_seconds if is_asked else None
    return AssignmentDecided(
        ticket_id=asked.ticket_id,
        team_id=team.rules.team_id,
        agent_id=choice.agent_id if offer_seconds is None else None,
        priority=demand.priority,
        policy_id=asked.policy_id,
        rule=asked.rule,
        required_skills=tuple(sorted({skill.name for skill in demand.required})),
        candidates=shown.candidates,
        more_available=shown.more_available,
        more_out=shown.more_out,
        tie_break=choice.tie_break,
        decided_at=at,
        cause=asked.cause,
        decided_by=choice.decided_by,
        strategy=team.rules.strategy,
        strategy_version=team.rules.version,
        demanded_skills=_demanded(demand),
        matched_rules=_matched(demand),
        previous_agent_id=asked.previous_agent_id,
        offered_to=choice.agent_id if offer_seconds is not None else None,
        offer_expires_at=at + timedelta(seconds=offer_seconds) if offer_seconds is not None else None,
    )


def without_candidates(evidence: AssignmentDecided) -> dict[str, Any]:
    """Evidence as it is kept with a decision: who could have got the ticket is in the event log, and long."""
    return evidence.model_copy(update={"candidates": ()}).model_dump(mode="json")


async def write_turns(session: Session, teams: Collection[TeamRoster]) -> None:
    """Remembers whose turn it was, in the transaction of the decisions."""
    if rows := turn_rows(teams):
        await session.execute(WRITE_TURNS, {"turns": as_parameter(rows)})


def turn_rows(teams: Collection[TeamRoster]) -> list[dict[str, Any]]:
    """The turns that were taken, in one order."""
    return [
        {"team_id": team.rules.team_id, "agent_id": agent_id, "turn": one.turn, "last_at": one.last_assigned_at}
        for team in sorted(teams, key=lambda team: team.rules.team_id)
        for agent_id in sorted(team.roster.given)
        if (one := team.roster.standings[agent_id]).turn is not None
    ]


def turns_statement() -> Insert:
    """The statement that writes the rows in its parameter `turns`."""
    new = insert_rows(TURNS, ("team_id", "agent_id", "turn", "last_at"), "turns")
    return new.on_conflict_do_update(
        index_elements=["team_id", "agent_id"], set_={"turn": new.excluded.turn, "last_at": new.excluded.last_at}
    )


WRITE_TURNS = turns_statement()


def _demanded(demand: Demand) -> tuple[DemandedSkill, ...]:
    needed = [DemandedSkill(name=skill.name, level=skill.level) for skill in demand.required]
    wanted = [DemandedSkill(name=skill.name, level=skill.level, is_required=False) for skill in demand.preferred]
    return (*needed, *wanted)


def _matched(demand: Demand) -> tuple[RuleEvidence, ...]:
    return tuple(
        RuleEvidence(
            rule_id=rule.rule_id,
            position=rule.position,
            version=rule.version,
            words=rule.words,
            effects=rule.effects,
            decided=rule.decided,
        )
        for rule in demand.matched
    )
