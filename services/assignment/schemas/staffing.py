"""Staffing simulations: what is asked, and which attainment each number of agents holds."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.contracts.calendars import BusinessCalendar
from shared.contracts.vocabulary import Metric, Priority, Strategy
from shared.kit.http.inputs import Input, WrittenInstant
from shared.kit.i18n.messages import marked

MOST_ARRIVALS = 50_000
MOST_AGENTS = 200
MOST_POINTS = 30
MOST_CHOICES = 20_000_000
"""Arrivals times agents, over all points: each choice looks at every agent."""
DAY_HOURS, WEEK_HOURS = 24, 168

CANNOT_FORESEE = (
    marked(
        "Each agent works on one ticket at a time, without interruption, and answers once before resolving it; "
        "requesters write nothing more."
    ),
    marked("All agents have the same skills and the same speed; nobody is ill."),
    marked("The desk is empty at the beginning."),
)
"""What every simulation leaves out."""

Rate = Annotated[float, Field(ge=0, le=10_000)]
Slug = Annotated[str, Field(min_length=1, max_length=64)]


class ArrivalsInput(Input):
    """The tickets that arrive: those of the log, or generated ones."""

    source: Literal["history", "generated"] = "history"
    days: Annotated[int, Field(ge=1, le=366)] = 28
    """How many days before `to` of the log are replayed; how many days are generated from now on."""
    to: WrittenInstant | None = None
    """The end of the days replayed; now if left out."""
    hourly_rates: Annotated[tuple[Rate, ...], Field(max_length=WEEK_HOURS)] = ()
    """Generated tickets per hour: one number, 24 for the hours of a day, or 168 for those of a week from Monday."""
    priorities: dict[Priority, Rate] = Field(default_factory=lambda: {Priority.NORMAL: 1.0})
    """The share of each priority among generated tickets, in any unit."""

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.source == "generated":
            if len(self.hourly_rates) not in (1, DAY_HOURS, WEEK_HOURS) or not any(self.hourly_rates):
                raise ValueError("hourly_rates must be 1, 24 or 168 numbers that are not all 0")
            if not any(self.priorities.values()):
                raise ValueError("priorities must name at least one with a share above 0")
        return self


class HandlingInput(Input):
    """How long an agent works on a ticket: as measured in the log, or by a distribution."""

    source: Literal["measured", "given"] = "measured"
    distribution: Literal["exponential", "lognormal", "fixed"] = "lognormal"
    mean_seconds: Annotated[float, Field(ge=1, le=2_592_000)] = 1200.0
    spread: Annotated[float, Field(ge=0, le=3)] = 0.8
    """Standard deviation of the logarithm, for `lognormal` only."""


class StaffingInput(Input):
    """What is simulated: arrivals, work, and how many agents with which hours."""

    team: Slug | None = None
    """Id or slug: its arrivals, policy and strategy; left out, all tickets that you may see."""
    policy_id: UUID | None = None
    """Left out, the team's own policy, else the default one."""
    arrivals: ArrivalsInput = ArrivalsInput()
    handling: HandlingInput = HandlingInput()
    least: Annotated[int, Field(ge=1, le=MOST_AGENTS)] = 1
    """The fewest agents tried."""
    most: Annotated[int, Field(ge=1, le=MOST_AGENTS)] = 8
    """The most agents tried."""
    step: Annotated[int, Field(ge=1, le=50)] = 1
    hours: Annotated[tuple[Slug | BusinessCalendar, ...], Field(max_length=10)] = ()
    """When agents work: slugs of calendars, or hours as `/v1/calendars` takes them. Agents are spread over several in
    turn. Left out: round the clock."""
    open_tickets: Annotated[int, Field(ge=1, le=1000)] | None = 1
    """How many tickets one agent holds at once. 1: the rest waits in the team's queue; null: all are handed out."""
    strategy: Strategy | None = None
    """Left out, the team's own."""
    first_response_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """After which part of the work the requester is answered; 0: at its beginning."""
    goal_percent: Annotated[float, Field(gt=0, le=100)] = 90.0
    """The attainment that is enough."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1
    """The same seed and the same log give the same figures."""

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        if self.least > self.most:
            raise ValueError("least must not exceed most")
        if len(self.points) > MOST_POINTS:
            raise ValueError(f"at most {MOST_POINTS} numbers of agents are tried at once: choose a larger step")
        if self.strategy is Strategy.MANUAL:
            raise ValueError("strategy must not be manual: nobody would be chosen")
        return self

    @property
    def points(self) -> range:
        """The numbers of agents to try."""
        return range(self.least, self.most + 1, self.step)


class StaffedMetric(View):
    """One metric with one number of agents."""

    metric: Metric
    met: int
    breached: int
    attainment: float | None
    """Percent met; null if nothing was promised."""


class ErlangC(View):
    """What Erlang's formula says, where its assumptions hold."""

    waiting_probability: float
    mean_wait_seconds: float


class StaffingPoint(View):
    """What one number of agents holds."""

    agents: int
    metrics: list[StaffedMetric]
    mean_wait_seconds: float
    """From a ticket's arrival until somebody begins to work on it."""
    median_wait_seconds: float
    p90_wait_seconds: float
    waiting_share: float
    """Percent of tickets that waited at all."""
    busy_share: float | None
    """Percent of the agents' hours spent on tickets, until the last one was done; null without any."""
    most_waiting: int
    unfinished: int
    """Tickets not resolved when the simulation ended: two weeks, or as long again, after the last arrival."""
    is_enough: bool
    """Whether every metric reaches the goal, and nothing is unfinished."""
    erlang_c: ErlangC | None
    """With generated arrivals at one rate, exponential work, one queue, and agents round the clock."""


class StaffingReport(View):
    """The answer of a simulation."""

    team: str | None
    policy: str
    strategy: Strategy
    since: Instant
    until: Instant
    arrivals: int
    arrivals_per_hour: float
    mean_handling_seconds: float
    measured_tickets: int | None
    """Of how many resolved tickets the work was measured; null where it was given."""
    enough: int | None
    """The smallest number of agents tried that holds the goal."""
    points: list[StaffingPoint]
    cannot_foresee: tuple[str, ...] = CANNOT_FORESEE
