"""One SLA clock: how much open time it has used, when it is due, and how it ended."""

from datetime import datetime, timedelta
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.base import Instant
from shared.contracts.policies import PolicySnapshot
from shared.contracts.tickets import Clock, Verdict
from shared.contracts.vocabulary import ClockState, Metric, Outcome
from shared.domain.business_time import add_business_time, business_time_between

ZERO = timedelta()


class SlaClock(BaseModel):
    """The durable state of one (metric, cycle). Without a target it counts silently and never gives a verdict."""

    model_config = ConfigDict(ser_json_timedelta="float")

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
    warned: list[int] = Field(default_factory=list)
    breached_at: Instant | None = None
    """The due instant that passed unsettled; a later target does not erase it."""
    settled_at: Instant | None = None
    outcome: Outcome | None = None
    revision: int = 0

    @classmethod
    def start(cls, metric: Metric, cycle: int, at: datetime, target: timedelta | None, policy: PolicySnapshot) -> Self:
        """A clock that runs from `at`."""
        clock = cls(metric=metric, cycle=cycle, started_at=at, target=target, running_since=at)
        clock.recompute(policy)
        return clock

    @property
    def is_settled(self) -> bool:
        """Whether it has ended."""
        return self.settled_at is not None

    def elapsed_at(self, at: datetime, policy: PolicySnapshot) -> timedelta:
        """Open time used up to `at`."""
        if self.running_since is None:
            return self.elapsed
        return self.elapsed + business_time_between(policy.calendar, self.running_since, at)

    def recompute(self, policy: PolicySnapshot) -> None:
        """Finds the due instant and the next warning anew; call it after whatever moves them."""
        self.due_at = self._due(policy)
        self.warn_next_at = None
        if self.due_at is None or self.breached_at is not None:
            return
        percent = self.next_percent(policy)
        if percent is not None:
            self.warn_next_at = self._instant_of(percent, policy)

    def next_percent(self, policy: PolicySnapshot) -> int | None:
        """The lowest threshold not yet announced."""
        return next((percent for percent in policy.warn_at if percent not in self.warned), None)

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

    def retarget(self, target: timedelta | None, policy: PolicySnapshot) -> None:
        """Swaps the target, keeping the elapsed time and an earlier breach; warnings are armed again."""
        if target is None and self.breached_at is not None:
            return
        self.target = target
        if target is not None:
            self.warned = [percent for percent in self.warned if self.elapsed >= target * percent / 100]
        self.recompute(policy)

    def end(self, at: datetime, policy: PolicySnapshot, outcome: Outcome | None = None) -> bool:
        """Settles at `at`; True if that shows an announced breach to be none. Exactly at the due instant is met."""
        was_breached = self.breached_at is not None and at > self.breached_at
        is_withdrawn = self.breached_at is not None and not was_breached
        if is_withdrawn:
            self.breached_at = None
        self.elapsed = self.elapsed_at(at, policy)
        self.running_since = self.warn_next_at = None
        self.settled_at = at
        self.outcome = outcome or (Outcome.BREACHED if was_breached else Outcome.MET)
        self.revision += 1
        return is_withdrawn

    def verdict(self, policy: PolicySnapshot) -> Verdict | None:
        """The verdict of a settled clock; None where there was no target."""
        if self.settled_at is None or self.outcome is None or self.target is None:
            return None
        return Verdict(
            metric=self.metric,
            cycle=self.cycle,
            revision=self.revision,
            target=self.target,
            elapsed=self.elapsed,
            due_at=self.breached_at or self.due_at,
            settled_at=self.settled_at,
            outcome=self.outcome,
            policy_version=policy.version,
            calendar_version=policy.calendar.version,
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
        )

    def _due(self, policy: PolicySnapshot) -> datetime | None:
        if self.fixed_due_at is not None:
            return self.fixed_due_at
        if self.target is None or self.running_since is None:
            return None
        return self._instant_after(self.target, policy)

    def _instant_of(self, percent: int, policy: PolicySnapshot) -> datetime | None:
        if self.fixed_due_at is not None:
            return self.started_at + (self.fixed_due_at - self.started_at) * percent / 100
        if self.target is None:
            return None
        return self._instant_after(self.target * percent / 100, policy)

    def _instant_after(self, used: timedelta, policy: PolicySnapshot) -> datetime | None:
        """When so much time will have been used; at once if it has been already."""
        if self.running_since is None:
            return None
        remaining = used - self.elapsed
        if remaining <= ZERO:
            return self.running_since
        return add_business_time(policy.calendar, self.running_since, remaining)
