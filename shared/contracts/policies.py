"""SLA policies: as an administrator writes them, and resolved so that a running ticket needs nothing else."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from shared.contracts.base import Contract, PolicyId, Strict
from shared.contracts.calendars import BusinessCalendar, ResolvedCalendar
from shared.contracts.vocabulary import Metric, Priority

__all__ = ["BusinessCalendar", "Escalation", "PolicySnapshot", "ResolvedCalendar", "SlaPolicy", "Targets"]

DAY = 86_400
YEAR = 366 * DAY
TargetSeconds = Annotated[int, Field(gt=0, le=YEAR, strict=True)]


class Targets(Strict):
    """The open time allowed per metric, in whole seconds; null = no clock."""

    first_response: TargetSeconds | None = None
    next_response: TargetSeconds | None = None
    resolution: TargetSeconds | None = None

    def of(self, metric: Metric) -> int | None:
        """The target of one metric in seconds, or None where no clock runs."""
        value: int | None = getattr(self, metric.value)
        return value


class Escalation(Strict):
    """One step of the ladder: when a clock has used so much, or so long after its breach, do this."""

    metric: Metric
    at_percent: Annotated[int, Field(ge=1, le=1000)] | None = None
    after_breach_seconds: Annotated[int, Field(ge=0, le=YEAR)] | None = None
    do: Literal["notify", "raise_priority", "reassign"]
    to: Annotated[str, Field(pattern=r"^(lead|team:[a-z0-9-]{1,64}|agent:[0-9a-f-]{36})$")] | None = None

    @model_validator(mode="after")
    def _one_moment(self) -> Self:
        if (self.at_percent is None) == (self.after_breach_seconds is None):
            raise ValueError("give either at_percent or after_breach_seconds")
        return self


class LifecycleTimes(Strict):
    """How long a ticket rests in each waiting state, in seconds of wall time."""

    auto_close_seconds: Annotated[int, Field(gt=0, le=YEAR, strict=True)] = 5 * DAY
    reopen_window_seconds: Annotated[int, Field(ge=0, le=YEAR, strict=True)] = 14 * DAY
    reopen_grace_seconds: Annotated[int, Field(ge=0, le=YEAR, strict=True)] = 0
    pending_reminder_seconds: Annotated[tuple[int, ...], Field(max_length=10)] = ()
    pending_resolve_seconds: Annotated[int, Field(gt=0, le=YEAR, strict=True)] | None = None


class SlaPolicy(LifecycleTimes):
    """An SLA policy as `/v1/sla-policies` takes it. Source of the field names: DESIGN section 4."""

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

    @model_validator(mode="after")
    def _only_what_works(self) -> Self:
        """Refuses what the engine does not run yet: a promise must not be stored and then ignored."""
        unfinished = {
            "escalations": bool(self.escalations),
            "pending_reminder_seconds": bool(self.pending_reminder_seconds),
            "pending_resolve_seconds": self.pending_resolve_seconds is not None,
        }
        if named := [field for field, is_used in unfinished.items() if is_used]:
            raise ValueError(f"not supported yet: {', '.join(named)}; leave it out")
        return self


class PolicySnapshot(Contract):
    """A policy with its calendar resolved, as a ticket carries it for the rest of its life."""

    policy_id: PolicyId
    version: int
    name: str
    targets: dict[Priority, Targets]
    pause_on_hold: bool = True
    warn_at: tuple[int, ...] = (50, 75, 90)
    times: LifecycleTimes = LifecycleTimes()
    calendar: ResolvedCalendar

    def target(self, metric: Metric, priority: Priority) -> int | None:
        """The target in seconds of open time, or None where the policy sets no clock."""
        targets = self.targets.get(priority)
        return targets.of(metric) if targets else None
