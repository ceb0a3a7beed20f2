"""One SLA clock: how much open time it has used, when it is due, and how it ended."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import ConfigDict

from shared.contracts.base import Instant
from shared.contracts.durations import Duration, WorkingDays
from shared.contracts.policies import PolicySnapshot
from shared.contracts.tickets import Clock, Verdict
from shared.contracts.vocabulary import ClockState, Metric, Outcome
from shared.domain.business_time import add_business_time, add_working_days, business_time_between, next_opening

ZERO = timedelta()
TICK = timedelta(milliseconds=1)
"""A clock is breached once its due instant has passed; timers count in milliseconds."""


def open_time_of(time: Duration, since: datetime, policy: PolicySnapshot) -> timedelta:
    """How much open time passes until this much has passed since an instant."""
    if not isinstance(time, WorkingDays):
        return timedelta(seconds=time)
    return business_time_between(policy.calendar, since, add_working_days(policy.calendar, since, time.working_days))


@dataclass(slots=True)
class SlaClock:
    """The durable state of one (metric, cycle). Without a target it counts silently and never gives a verdict."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(ser_json_timedelta="float")

    metric: Metric
    cycle: int
    started_at: Instant
    target: timedelta | None
    elapsed: timedelta = ZERO
    """Open time used before `running_since`."""
    running_since: Instant | None = None
    fixed_due_at: Instant | None = None
    """A due instant an agent set by hand: it neither pauses nor moves."""
    due_at: Instant | None = None
    warn_next_at: Instant | None = None
    warned: list[int] = field(default_factory=list)
    breached_at: Instant | None = None
    """The due instant that passed unsettled; a later target does not erase it."""
    breached_used: timedelta = ZERO
    """Open time used when it passed: what steps after the breach count from."""
    escalated: dict[int, int] = field(default_factory=dict)
    """How often each step of the ladder has been taken."""
    settled_at: Instant | None = None
    outcome: Outcome | None = None
    policy_version: int = 0
    calendar_version: int = 0
    """Under which versions it ended."""
    working_days: int | None = None
    """The target as the policy says it, where it says working days: its due instants are moved into open time."""

    @property
    def is_settled(self) -> bool:
        """Whether it has ended."""
        return self.settled_at is not None

    @property
    def is_running(self) -> bool:
        """Whether open time counts just now."""
        return self.settled_at is None and self.running_since is not None

    # -- time ----------------------------------------------------------------------------------------------------

    def elapsed_at(self, at: datetime, policy: PolicySnapshot) -> timedelta:
        """Open time used up to `at`."""
        if self.running_since is None:
            return self.elapsed
        return self.elapsed + business_time_between(policy.calendar, self.running_since, at)

    def instant_of(self, used: timedelta, policy: PolicySnapshot) -> datetime | None:
        """When so much time will have been used; at once if it has been already, never while it is paused."""
        if self.running_since is None:
            return None
        remaining = used - self.elapsed
        if remaining > ZERO:
            at = add_business_time(policy.calendar, self.running_since, remaining)
        else:
            at = self.running_since
        return at if self.working_days is None else next_opening(policy.calendar, at)

    def instant_of_percent(self, percent: int, policy: PolicySnapshot) -> datetime | None:
        """When this share of the target will have been used; of a due instant set by hand, the share of wall time."""
        if self.fixed_due_at is not None:
            return self.started_at + (self.fixed_due_at - self.started_at) * percent / 100
        if not self.target:
            return None
        return self.instant_of(self.target * percent / 100, policy)

    def recompute(self, policy: PolicySnapshot) -> None:
        """Finds the due instant and the next warning anew; call it after whatever moves them."""
        self.due_at = self.fixed_due_at or self._due(policy)
        percent = self.next_percent(policy)
        is_quiet = percent is None or self.due_at is None or self.breached_at is not None
        self.warn_next_at = None if is_quiet or percent is None else self.instant_of_percent(percent, policy)

    def _due(self, policy: PolicySnapshot) -> datetime | None:
        """A clock that is late by any target was due when it first became late."""
        if self.target is None or self.running_since is None:
            return None
        is_used_up = self.elapsed >= self.target
        return self.breached_at if is_used_up and self.breached_at else self.instant_of(self.target, policy)

    def next_percent(self, policy: PolicySnapshot) -> int | None:
        """The lowest threshold not yet announced."""
        return next((percent for percent in policy.warn_at if percent not in self.warned), None)

    # -- changes -------------------------------------------------------------------------------------------------

    def pause(self, at: datetime, policy: PolicySnapshot) -> None:
        """Stops counting."""
        self.elapsed = self.elapsed_at(at, policy)
        self.running_since = None
        self.recompute(policy)

    def resume(self, at: datetime, policy: PolicySnapshot) -> None:
        """Counts again."""
        self.running_since = at
        self.recompute(policy)

    def carry_to(self, at: datetime, policy: PolicySnapshot) -> None:
        """Books the time used so far, so that another target or calendar applies only from `at` on."""
        if self.running_since is not None:
            self.elapsed = self.elapsed_at(at, policy)
            self.running_since = max(at, self.running_since)

    def start_earlier(self, at: datetime, policy: PolicySnapshot) -> None:
        """Counts from an earlier instant: of tickets made one, the earliest start wins."""
        if at < self.started_at:
            self.elapsed += business_time_between(policy.calendar, at, self.started_at)
            self.started_at = at
            self.recompute(policy)

    def set_target(self, target: Duration | None, policy: PolicySnapshot) -> None:
        """Sets the target; working days become the open time until the instant they end, counted from the start."""
        self.working_days = target.working_days if isinstance(target, WorkingDays) else None
        self.target = None if target is None else open_time_of(target, self.started_at, policy)

    def retarget(self, target: Duration | None, policy: PolicySnapshot) -> None:
        """Swaps the target, keeping the elapsed time and an earlier breach; warnings are armed again."""
        if target is None and self.breached_at is not None:
            return
        self.set_target(target, policy)
        if target is not None:
            whole = self.target or ZERO
            self.warned = [percent for percent in self.warned if self.elapsed >= whole * percent / 100]
        self.recompute(policy)

    def breach(self) -> None:
        """The due instant has passed unsettled."""
        self.breached_at, self.warn_next_at = self.due_at, None
        self.breached_used = max(self.target or ZERO, self.elapsed)

    def end(self, at: datetime, policy: PolicySnapshot, outcome: Outcome | None = None) -> None:
        """Settles at `at`. Exactly at the due instant is met."""
        self.elapsed = self.elapsed_at(at, policy)
        self.running_since = self.warn_next_at = None
        self.settled_at = at
        self.outcome = outcome or (Outcome.MET if self.breached_at is None else Outcome.BREACHED)
        self.policy_version, self.calendar_version = policy.version, policy.calendar.version

    def continue_after_reopening(self, at: datetime, policy: PolicySnapshot) -> None:
        """Goes on where it ended; what it was due by does not count the time between."""
        self.settled_at = self.outcome = None
        self.resume(at, policy)

    # -- views ---------------------------------------------------------------------------------------------------

    def verdict(self, revision: int = 1) -> Verdict | None:
        """The verdict of a settled clock; None where there was no target."""
        if self.settled_at is None or self.outcome is None or self.target is None:
            return None
        return Verdict.model_construct(
            metric=self.metric,
            cycle=self.cycle,
            revision=revision,
            target=self.target,
            elapsed=self.elapsed,
            due_at=self.breached_at or self.due_at,
            settled_at=self.settled_at,
            outcome=self.outcome,
            policy_version=self.policy_version,
            calendar_version=self.calendar_version,
        )

    def view(self, at: datetime, policy: PolicySnapshot) -> Clock | None:
        """What others see of it; None where there is no target."""
        if self.target is None:
            return None
        running = ClockState.RUNNING if self.running_since is not None else ClockState.PAUSED
        return Clock.model_construct(
            metric=self.metric,
            cycle=self.cycle,
            state=ClockState.SETTLED if self.is_settled else running,
            target=self.target,
            elapsed=self.elapsed if self.is_settled else self.elapsed_at(at, policy),
            started_at=self.started_at,
            due_at=self.due_at,
            breached_at=self.breached_at,
            settled_at=self.settled_at,
            outcome=self.outcome,
            working_days=self.working_days,
        )
