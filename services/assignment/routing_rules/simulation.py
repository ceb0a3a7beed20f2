"""Simulates routing: one ticket with the agents of now, or a past day with the rules of now. No side effects."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from services.assignment.models import Agent, Policy, Team
from services.assignment.queries.administration.policies import PolicyCache
from services.assignment.routing.decisions import Question, decide
from services.assignment.routing.rosters import Place, TeamRoster, read_rosters
from services.assignment.routing_rules.preview import IsVisible
from services.assignment.routing_rules.routes import Route, route_tickets
from services.assignment.routing_rules.sampled_tickets import SampledTicket, recent_ticket_ids, sampled_tickets
from services.assignment.routing_rules.stored_facts import stored_facts
from services.assignment.routing_rules.table import RoutingTable
from services.assignment.schemas.simulations import (
    MOST_LISTED,
    MOST_OF_A_DAY,
    PolicyRef,
    Routed,
    RoutedCount,
    RoutedTicket,
    SimulatedCandidate,
    SimulatedDay,
    SimulatedDecision,
)
from services.assignment.schemas.tickets import AgentRef, NamedRef
from shared.contracts.base import TeamId, TicketId
from shared.contracts.events import AssignmentDecided
from shared.contracts.vocabulary import Priority
from shared.domain.routing_rules import TicketFacts
from shared.kit.clock import new_id
from shared.kit.db import Session

BREATHE_EVERY = 10
"""Number of decisions after which the event loop is yielded to other requests."""


@dataclass(frozen=True, slots=True)
class Router:
    """Read-only access to what a routing decision needs."""

    shelf: PolicyCache
    place: Place
    table: RoutingTable

    def with_monitored(self) -> "Router":
        """The same with rules in monitor mode treated as active."""
        rules = tuple(replace(rule, is_monitored=False) for rule in self.table.rules)
        return replace(self, table=replace(self.table, rules=rules))


@dataclass(frozen=True, slots=True)
class SimulatedSpan:
    """A calendar day as a pair of instants in a time zone."""

    day: datetime
    timezone: str

    @property
    def until(self) -> datetime:
        """The next midnight in the zone: a day may have 23, 24 or 25 hours."""
        return (self.day.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=self.day.tzinfo)


async def simulate_one(session: Session, router: Router, facts: TicketFacts, now: datetime) -> SimulatedDecision:
    """Routes one ticket with the functions used for real tickets, on rosters read without locks."""
    ticket_id = TicketId(new_id())
    route = (await route_tickets(session, router.shelf, router.table, {ticket_id: facts}, now))[ticket_id]
    team_id = route.demand.team_id
    roster = (await read_rosters(session, router.place, {team_id}, now))[team_id]
    asked = Question(ticket_id, route.demand, route.policy.policy.policy_id, route.words)
    return await _told(session, route, decide(roster, asked, now))


async def simulate_day(
    session: Session, router: Router, span: SimulatedSpan, now: datetime, is_visible: IsVisible
) -> SimulatedDay:
    """Applies the current rules to a day's tickets, oldest first.

    Every agent of a team counts as available with free capacity: past availability is not stored.
    """
    ids = await recent_ticket_ids(session, MOST_OF_A_DAY + 1, span.day, span.until)
    is_complete = len(ids) <= MOST_OF_A_DAY
    ids = ids[:MOST_OF_A_DAY][::-1]
    facts = await stored_facts(session, router.table.topics, ids)
    tickets = await sampled_tickets(session, ids)
    routes = await route_tickets(session, router.shelf, router.table, {one: facts[one] for one in ids}, now)
    teams = {route.demand.team_id for route in routes.values()}
    rosters = await read_rosters(session, router.place, teams, now)
    _all_there(rosters.values())
    lines: list[RoutedTicket] = []
    for number, ticket_id in enumerate(ids):
        at = now + timedelta(microseconds=number)
        lines.append(_line(tickets[ticket_id], routes[ticket_id], rosters, at, is_visible))
        if number % BREATHE_EVERY == 0:
            await asyncio.sleep(0)
    return await _summary(session, span, lines, is_complete=is_complete)


def _all_there(rosters: Collection[TeamRoster]) -> None:
    for team in rosters:
        for standing in team.roster.standings.values():
            standing.absent_as, standing.capacity, standing.load = None, None, 0


def _line(
    ticket: SampledTicket, route: Route, rosters: Mapping[TeamId, TeamRoster], at: datetime, is_visible: IsVisible
) -> RoutedTicket:
    policy_id = route.policy.policy.policy_id
    asked = Question(TicketId(ticket.id), route.demand, policy_id, route.words)
    decided = decide(rosters[route.demand.team_id], asked, at)
    was = Routed(
        team_id=ticket.team_id,
        assignee_id=ticket.assignee_id,
        priority=Priority(ticket.priority),
        policy_id=ticket.policy_id,
    )
    would_be = Routed(
        team_id=decided.team_id,
        assignee_id=decided.agent_id or decided.offered_to,
        priority=decided.priority,
        policy_id=policy_id,
        tags=list(route.demand.tags),
    )
    pairs = (("team", "team_id"), ("priority", "priority"), ("policy", "policy_id"))
    return RoutedTicket(
        id=ticket.id,
        number=ticket.number,
        subject=ticket.subject if is_visible(ticket) else "",
        was=was,
        would_be=would_be,
        changes=[name for name, field in pairs if getattr(was, field) != getattr(would_be, field)],
        rules=[rule.words for rule in decided.matched_rules],
    )


async def _summary(
    session: Session, span: SimulatedSpan, lines: list[RoutedTicket], *, is_complete: bool
) -> SimulatedDay:
    ordered = sorted(lines, key=lambda line: not line.changes)
    teams = dict((await session.execute(select(Team.id, Team.name))).tuples().all())
    people = {one for line in lines for one in (line.was.assignee_id, line.would_be.assignee_id) if one}
    agents = dict((await session.execute(select(Agent.id, Agent.name).where(Agent.id.in_(people)))).tuples().all())
    return SimulatedDay(
        day=span.day.date(),
        timezone=span.timezone,
        tickets=len(lines),
        is_complete=is_complete,
        changed=sum(bool(line.changes) for line in lines),
        teams=_tallies(lines, "team_id", teams, "No team"),
        agents=_tallies(lines, "assignee_id", agents, "Nobody"),
        items=ordered[:MOST_LISTED],
    )


def _tallies(lines: list[RoutedTicket], field: str, names: Mapping[UUID, str], nobody: str) -> list[RoutedCount]:
    was = Counter(getattr(line.was, field) for line in lines)
    would_be = Counter(getattr(line.would_be, field) for line in lines)
    found = [
        RoutedCount(id=one, name=names.get(one, "?") if one else nobody, was=was[one], would_be=would_be[one])
        for one in was.keys() | would_be.keys()
    ]
    return sorted(found, key=lambda tally: (-tally.would_be, tally.name))


async def _told(session: Session, route: Route, decided: AssignmentDecided) -> SimulatedDecision:
    people = {one.agent_id for one in decided.candidates}
    rows = await session.execute(select(Agent.id, Agent.name).where(Agent.id.in_(people)))
    names = dict(rows.tuples().all())
    team = await session.get_one(Team, decided.team_id)
    policy_name = await session.scalar(
        select(Policy.body["name"].astext).where(Policy.id == decided.policy_id, Policy.is_current)
    )
    return SimulatedDecision(
        team=NamedRef(id=team.id, slug=team.slug, name=team.name),
        agent=_agent(decided.agent_id, names),
        offered_to=_agent(decided.offered_to, names),
        priority=decided.priority,
        policy=PolicyRef(id=decided.policy_id, name=policy_name or ""),
        policy_reason=route.policy.reason,
        tags=list(route.demand.tags),
        required_skills={skill.name: skill.level for skill in route.demand.required},
        preferred_skills={skill.name: skill.level for skill in route.demand.preferred},
        rule=route.words,
        matched_rules=list(route.outcome.matched),
        monitored_rules=list(route.outcome.monitored),
        strategy=decided.strategy.value,
        decided_by=decided.decided_by.value if decided.decided_by else "",
        tie_break=decided.tie_break,
        candidates=[
            SimulatedCandidate(
                id=one.agent_id,
                name=names.get(one.agent_id, "?"),
                load=one.load,
                out=one.out.value if one.out else None,
            )
            for one in decided.candidates
        ],
        more_available=decided.more_available,
        more_out=decided.more_out,
    )


def _agent(agent_id: UUID | None, names: Mapping[UUID, str]) -> AgentRef | None:
    return AgentRef(id=agent_id, name=names.get(agent_id, "?")) if agent_id else None
