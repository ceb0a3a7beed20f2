"""Runs one number of agents over arrivals as discrete events, with the production functions of routing and SLA."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from heapq import heappop, heappush
from uuid import UUID

from services.assignment.staffing.arrivals import TicketArrival
from shared.contracts.base import AgentId, TeamId
from shared.contracts.calendars import ResolvedCalendar
from shared.contracts.policies import PolicySnapshot
from shared.contracts.tickets import Verdict
from shared.contracts.vocabulary import Availability, Metric, Outcome, Strategy
from shared.domain.business_time import (
    NeverCloses,
    add_business_time,
    business_time_between,
    is_open,
    next_closing,
    next_opening,
)
from shared.domain.routing import AgentRoster, AgentStanding, Demand, absence_reason
from shared.domain.sla import Clocks, Fact, FactKind

NEVER = datetime.max.replace(tzinfo=UTC)
TICK = timedelta(microseconds=1)
LINGERS = timedelta(days=14)
"""How long after the last arrival work goes on at least; as long again as arrivals lasted, if that is more."""
TOLD_EVERY = 500
TEAM = TeamId(UUID(int=1))
Told = Callable[[int], None]
"""Told how many more arrivals were simulated."""


@dataclass(frozen=True, slots=True)
class StaffingScenario:
    """What is simulated, whatever the number of agents."""

    arrivals: Sequence[TicketArrival]
    work: Sequence[timedelta]
    """On each arrival."""
    policy: PolicySnapshot
    strategy: Strategy
    shifts: Sequence[ResolvedCalendar | None]
    """Agents are spread over them in turn; None is round the clock."""
    open_tickets: int | None
    first_response_share: float
    since: datetime
    until: datetime

    @property
    def ends_at(self) -> datetime:
        """When the simulation ends at the latest."""
        return self.until + max(LINGERS, self.until - self.since)


class StaffingMoment(IntEnum):
    """What happens at an instant; of several at the same one, in this order."""

    CLOSES = 0
    OPENS = 1
    FINISHES = 2


@dataclass(slots=True)
class SimulatedWork:
    """One ticket on its way through the desk."""

    number: int
    arrival: TicketArrival
    clocks: Clocks
    started_at: datetime | None = None
    replied_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def place(self) -> tuple[datetime, int, int]:
        """The order of work and of the queue: due first, then the more urgent, then the older."""
        due = min((clock.due_at for clock in self.clocks.clocks if clock.due_at), default=NEVER)
        return due, -self.arrival.priority.rank, self.number


@dataclass(slots=True)
class SimulatedAgent:
    """One agent: their standing in the roster, their hours, and the tickets they hold."""

    standing: AgentStanding
    shift: ResolvedCalendar | None
    held: list[tuple[tuple[datetime, int, int], SimulatedWork]] = field(default_factory=list)
    is_busy: bool = False

    def ends(self, at: datetime, work: timedelta) -> datetime:
        """Returns when work begun at an instant is done, within the agent's hours."""
        return at + work if self.shift is None or not work else add_business_time(self.shift, at, work)

    def look_at_clock(self, at: datetime) -> None:
        """Sets whether they can be given tickets, as the routing decides it."""
        is_within = self.shift is None or is_open(self.shift, at)
        self.standing.absent_as = absence_reason(Availability.ONLINE, at.date(), (), is_within_hours=is_within)


class StaffingSimulation:
    """One run; every ticket's wait and verdicts are in it afterwards."""

    def __init__(self, scenario: StaffingScenario, agents: int) -> None:
        self.scenario = scenario
        self.agents: dict[AgentId, SimulatedAgent] = {}
        for number in range(agents):
            standing = AgentStanding(AgentId(UUID(int=number + 1)), capacity=scenario.open_tickets)
            shift = scenario.shifts[number % len(scenario.shifts)]
            self.agents[standing.agent_id] = SimulatedAgent(standing, shift)
        self.roster = AgentRoster(scenario.strategy, [one.standing for one in self.agents.values()])
        self.tickets: list[SimulatedWork] = []
        self.verdicts: list[Verdict] = []
        self.late: list[Metric] = []
        """Metrics of unfinished tickets that were due."""
        self.most_waiting = 0
        self.finished_at = scenario.since
        self._waiting: list[tuple[tuple[datetime, int, int], SimulatedWork]] = []
        self._moments: list[tuple[datetime, StaffingMoment, int, AgentId, SimulatedWork | None]] = []
        self._order = 0
        self._decided_at = scenario.since
        self._policies = {scenario.policy.key: scenario.policy}

    def run(self, told: Told = lambda _more: None) -> None:
        """Simulates every arrival, then the work that is left."""
        for agent in self.agents.values():
            agent.look_at_clock(self.scenario.since)
            self._expect_shift(agent, self.scenario.since)
        for number, arrival in enumerate(self.scenario.arrivals):
            self._pass_until(arrival.at)
            self._arrive(number, arrival)
            if number % TOLD_EVERY == TOLD_EVERY - 1:
                told(TOLD_EVERY)
        told(len(self.scenario.arrivals) % TOLD_EVERY)
        self._pass_until(self.scenario.ends_at)
        for ticket in self.tickets:
            if ticket.finished_at is None or ticket.finished_at > self.scenario.ends_at:
                self._give_up(ticket)

    # -- what happens --------------------------------------------------------------------------------------------

    def _pass_until(self, until: datetime) -> None:
        """Everything that happens up to an instant. What happens at the same one is seen together."""
        while self._moments and (at := self._moments[0][0]) <= until:
            if at > self.scenario.until and not self._is_work_left():
                return
            concerned = []
            while self._moments and self._moments[0][0] == at:
                _, _, _, agent_id, ticket = heappop(self._moments)
                concerned.append(agent := self.agents[agent_id])
                if ticket is not None:
                    self._finish(agent, ticket, at)
                else:
                    agent.look_at_clock(at)
                    self._expect_shift(agent, at)
            self._hand_out(at)
            for agent in concerned:
                self._start_next(agent, at)

    def _is_work_left(self) -> bool:
        return bool(self._waiting) or any(agent.held or agent.is_busy for agent in self.agents.values())

    def _arrive(self, number: int, arrival: TicketArrival) -> None:
        ticket = SimulatedWork(number, arrival, Clocks(arrival.at, arrival.priority))
        triaged = Fact(arrival.at, 1, FactKind.TRIAGED, arrival.priority, self.scenario.policy.key)
        ticket.clocks.apply(triaged, self._policies)
        self.tickets.append(ticket)
        heappush(self._waiting, (ticket.place, ticket))
        if len(self._waiting) == 1:
            self._hand_out(arrival.at)
        self.most_waiting = max(self.most_waiting, len(self._waiting))

    def _hand_out(self, at: datetime) -> None:
        """Gives waiting tickets to agents, as long as the roster chooses one."""
        while self._waiting:
            priority = self._waiting[0][1].arrival.priority
            choice = self.roster.choose(Demand(TEAM, priority))
            if choice.agent_id is None:
                return
            place, ticket = heappop(self._waiting)
            self._decided_at = max(at, self._decided_at + TICK)
            self.roster.give(choice.agent_id, priority, self._decided_at)
            agent = self.agents[choice.agent_id]
            heappush(agent.held, (place, ticket))
            self._start_next(agent, at)

    def _start_next(self, agent: SimulatedAgent, at: datetime) -> None:
        if agent.is_busy or not agent.held or agent.standing.absent_as is not None:
            return
        _, ticket = heappop(agent.held)
        work = self.scenario.work[ticket.number]
        agent.is_busy = True
        ticket.started_at = at
        ticket.replied_at = agent.ends(at, work * self.scenario.first_response_share)
        ticket.finished_at = agent.ends(at, work)
        self._expect(ticket.finished_at, StaffingMoment.FINISHES, agent, ticket)

    def _finish(self, agent: SimulatedAgent, ticket: SimulatedWork, at: datetime) -> None:
        agent.is_busy = False
        self.roster.put_down(agent.standing.agent_id, ticket.arrival.priority)
        self.finished_at = max(self.finished_at, at)
        ticket.clocks.apply(Fact(ticket.replied_at or at, 2, FactKind.REPLIED), self._policies)
        ticket.clocks.apply(Fact(at, 3, FactKind.RESOLVED), self._policies)
        found = (clock.verdict() for clock in ticket.clocks.clocks)
        self.verdicts += [one for one in found if one is not None and one.outcome is not Outcome.CANCELLED]

    def _give_up(self, ticket: SimulatedWork) -> None:
        """Counts what an unfinished ticket has missed; what is not due yet counts for nothing."""
        end = self.scenario.ends_at
        ticket.finished_at = None
        if ticket.replied_at is not None and ticket.replied_at <= end:
            ticket.clocks.apply(Fact(ticket.replied_at, 2, FactKind.REPLIED), self._policies)
        ticket.clocks.advance(end, self._policies)
        for clock in ticket.clocks.clocks:
            verdict = clock.verdict()
            if verdict is not None:
                self.verdicts.append(verdict)
            elif clock.breached_at is not None:
                self.late.append(clock.metric)

    # -- time ----------------------------------------------------------------------------------------------------

    def _expect(
        self, at: datetime, moment: StaffingMoment, agent: SimulatedAgent, ticket: SimulatedWork | None = None
    ) -> None:
        self._order += 1
        heappush(self._moments, (at, moment, self._order, agent.standing.agent_id, ticket))

    def _expect_shift(self, agent: SimulatedAgent, at: datetime) -> None:
        """Arms the agent's next opening or closing."""
        if agent.shift is None:
            return
        if agent.standing.absent_as is not None:
            self._expect(next_opening(agent.shift, at), StaffingMoment.OPENS, agent)
            return
        try:
            self._expect(next_closing(agent.shift, at), StaffingMoment.CLOSES, agent)
        except NeverCloses:
            return

    def open_time(self) -> timedelta:
        """Returns the agents' hours until the last ticket was done, all together."""
        since, until = self.scenario.since, max(self.finished_at, self.scenario.until)
        spans = (
            until - since if one.shift is None else business_time_between(one.shift, since, until)
            for one in self.agents.values()
        )
        return sum(spans, timedelta())
