"""SLA policies: as an administrator writes them, and resolved so that a running ticket needs nothing else."""

import hashlib
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from shared.contracts.base import AgentId, PolicyId, StrictModel, TeamId, WireModel
from shared.contracts.calendars import BusinessCalendar, ResolvedCalendar
from shared.contracts.durations import AnyDuration, Duration, PositiveDuration, RepeatDuration, WorkingDays
from shared.contracts.vocabulary import Metric, Priority

__all__ = [
    "BusinessCalendar",
    "Escalation",
    "EscalationStep",
    "LifecycleTimer",
    "LifecycleTimes",
    "PolicySnapshot",
    "ResolvedCalendar",
    "SlaPolicy",
    "Targets",
    "WorkingDays",
]

DAY = 86_400


class Targets(StrictModel):
    """The open time allowed per metric, in whole seconds or `{"working_days": n}`; null = no clock."""

    first_response: PositiveDuration | None = None
    next_response: PositiveDuration | None = None
    resolution: PositiveDuration | None = None

    def of(self, metric: Metric) -> Duration | None:
        """The target of one metric in seconds or working days, or None where no clock runs."""
        value: Duration | None = getattr(self, metric.value)
        return value


class Escalation(StrictModel):
    """One step of the ladder: when a clock has used so much, or so long after its breach, do this.

    Both moments count as the clock does: in open time, and not while it is paused. A step is never taken at night
    where nobody works at night.
    """

    metric: Metric
    at_percent: Annotated[int, Field(ge=1, le=1000, strict=True)] | None = None
    """Of the target; from 100 on with the breach, not before it."""
    after_breach_seconds: AnyDuration | None = None
    do: Literal["notify", "raise_priority", "reassign"]
    to: Annotated[str, Field(pattern=r"^(lead|team:[a-z0-9][a-z0-9-]{0,63}|agent:[0-9a-f-]{36})$")] | None = None
    """Who is told or gets the ticket; `notify` without it tells whoever works on the ticket, else the lead."""
    repeat_every_seconds: RepeatDuration | None = None
    """Take the step again each time so much more has been used."""
    repeat_at_most: Annotated[int, Field(ge=1, le=100, strict=True)] = 10

    @model_validator(mode="after")
    def _one_moment(self) -> Self:
        if (self.at_percent is None) == (self.after_breach_seconds is None):
            raise ValueError("give either at_percent or after_breach_seconds")
        return self

    @model_validator(mode="after")
    def _somebody_to_hand_to(self) -> Self:
        if self.do == "reassign" and self.to is None:
            raise ValueError("reassign needs `to`: lead, team:<slug> or agent:<id>")
        return self

    @property
    def times(self) -> int:
        """How often the step is taken at most."""
        return 1 if self.repeat_every_seconds is None else 1 + self.repeat_at_most


class EscalationStep(Escalation):
    """A step whose target is settled: a ticket follows the ladder as it stood when it got its policy."""

    model_config = ConfigDict(extra="ignore")

    team_id: TeamId | None = None
    agent_id: AgentId | None = None


def _length(time: Duration) -> tuple[bool, int]:
    """Orders times of one unit."""
    return (True, time.working_days) if isinstance(time, WorkingDays) else (False, time)


LifecycleTimer = Literal["auto_close", "reopen_window", "reopen_grace", "pending_reminder", "pending_resolve"]
"""The timers of a ticket's lifecycle, as named in `in_business_time`."""


class LifecycleTimes(StrictModel):
    """How long a ticket rests in each waiting state, in seconds of wall time or of open time, or in working days."""

    auto_close_seconds: PositiveDuration = 5 * DAY
    reopen_window_seconds: AnyDuration = 14 * DAY
    reopen_grace_seconds: AnyDuration = 0
    pending_reminder_seconds: Annotated[tuple[PositiveDuration, ...], Field(max_length=10)] = ()
    """Since the ticket became pending: each time the requester is reminded."""
    pending_resolve_seconds: PositiveDuration | None = None
    """Since the ticket became pending; null = it waits for ever."""
    in_business_time: Annotated[tuple[LifecycleTimer, ...], Field(max_length=5)] = ()
    """Which of these count open time instead of wall time, where they are given in seconds."""

    @field_validator("pending_reminder_seconds")
    @classmethod
    def _in_order(cls, times: tuple[Duration, ...]) -> tuple[Duration, ...]:
        """Seconds first: which of two units is longer depends on the calendar and the day."""
        return tuple(sorted(set(times), key=_length))

    @model_validator(mode="after")
    def _reminds_before_it_resolves(self) -> Self:
        resolve = self.pending_resolve_seconds
        if resolve is None:
            return self
        limit = _length(resolve)
        if any(known[0] == limit[0] and known[1] >= limit[1] for known in map(_length, self.pending_reminder_seconds)):
            raise ValueError("pending_resolve_seconds must be later than the last of pending_reminder_seconds")
        return self


class SlaPolicy(LifecycleTimes):
    """An SLA policy as `/v1/sla-policies` takes it. Source of the field names: DESIGN section 4."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Standard",
                    "calendar": "office-hours",
                    "targets": {
                        "urgent": {"first_response": 900, "next_response": 1800, "resolution": {"working_days": 2}}
                    },
                    "warn_at": [50, 75, 90],
                    "escalations": [
                        {"metric": "resolution", "at_percent": 80, "do": "notify", "to": "lead"},
                        {"metric": "resolution", "after_breach_seconds": 0, "do": "raise_priority"},
                    ],
                    "pending_reminder_seconds": [86_400],
                    "pending_resolve_seconds": 432_000,
                    "in_business_time": ["pending_reminder", "pending_resolve"],
                }
            ]
        }
    )

    name: Annotated[str, Field(min_length=1, max_length=120)]
    calendar: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    targets: dict[Priority, Targets]
    pause_on_hold: bool = True
    warn_at: Annotated[tuple[Annotated[int, Field(ge=1, le=99, strict=True)], ...], Field(max_length=10)] = (50, 75, 90)
    escalations: Annotated[tuple[Escalation, ...], Field(max_length=20)] = ()

    @field_validator("warn_at")
    @classmethod
    def _ascending(cls, percents: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(percents)))


class PolicySnapshot(WireModel):
    """A policy with its calendar resolved, as a ticket carries it for the rest of its life."""

    policy_id: PolicyId
    version: int
    name: str
    targets: dict[Priority, Targets]
    pause_on_hold: bool = True
    warn_at: tuple[int, ...] = (50, 75, 90)
    times: LifecycleTimes = LifecycleTimes()
    calendar: ResolvedCalendar
    escalations: tuple[EscalationStep, ...] = ()
    leads: dict[TeamId, AgentId] = Field(default_factory=dict)
    """Who led each team when the ticket got its policy: whom a step to the `lead` hands the ticket to."""
    digest: str = ""
    """Names exactly this snapshot; events carry it, so that a verdict can be proved with the very same rules."""

    @property
    def key(self) -> str:
        """What facts name the policy by: its digest, or its version where an older writer gave none."""
        return self.digest or f"{self.policy_id}:{self.version}"

    def sealed(self) -> Self:
        """The same policy with its digest."""
        content = self.model_copy(update={"digest": ""}).model_dump_json()
        return self.model_copy(update={"digest": hashlib.sha256(content.encode()).hexdigest()[:32]})

    def target(self, metric: Metric, priority: Priority) -> Duration | None:
        """The target in seconds of open time or in working days, or None where the policy sets no clock."""
        targets = self.targets.get(priority)
        return targets.of(metric) if targets else None
