"""The SLA of one ticket: facts go in with their instants, notices come out. The same live and from the log."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.base import Instant
from shared.contracts.policies import PolicySnapshot
from shared.contracts.tickets import Clock
from shared.contracts.vocabulary import CloseReason, Metric, Outcome, Priority
from shared.domain.sla.clock import SlaClock
from shared.domain.sla.notices import Breached, Notice, Settled, Warned, Withdrawn

TICK = timedelta(milliseconds=1)
"""A clock is breached once its due instant has passed; timers count in milliseconds."""
CANCELLING = (CloseReason.SPAM, CloseReason.DUPLICATE)


class EarlyFact(BaseModel):
    """Something that happened before the policy was known; applied when it is."""

    kind: Literal["replied", "written", "closed"]
    at: Instant
    reason: CloseReason | None = None


class Sla(BaseModel):
    """The clocks of one ticket. Source of every rule: DESIGN section 4.

    Call `advance(now)` before each fact and after it: a new due instant may already have passed.
    """

    model_config = ConfigDict(ser_json_timedelta="float")

    opened_at: Instant
    priority: Priority
    policy: PolicySnapshot | None = None
    clocks: list[SlaClock] = Field(default_factory=list)
    early: list[EarlyFact] = Field(default_factory=list)
    first_replied_at: Instant | None = None
    last_replied_at: Instant | None = None

    # -- time ----------------------------------------------------------------------------------------------------

    def next_instant(self) -> datetime | None:
        """When the clocks next have something to say, if nothing else happens."""
        instants = [instant for clock in self.clocks if not clock.is_settled for instant in _instants(clock)]
        return min(instants, default=None)

    def advance(self, now: datetime) -> Iterator[Notice]:
        """Says everything due up to `now`, in order."""
        while self.policy is not None:
            due = [(min(_instants(clock)), clock) for clock in self.clocks if not clock.is_settled and _instants(clock)]
            if not due:
                return
            instant, clock = min(due, key=lambda pair: pair[0])
            if instant > now:
                return
            yield self._announce(clock, instant, self.policy)

    def _announce(self, clock: SlaClock, instant: datetime, policy: PolicySnapshot) -> Notice:
        due_at = clock.due_at or instant
        percent = clock.next_percent(policy)
        if clock.warn_next_at == instant and percent is not None:
            clock.warned.append(percent)
            clock.recompute(policy)
            return Warned(clock.metric, clock.cycle, percent, due_at, instant)
        clock.breached_at, clock.warn_next_at = due_at, None
        return Breached(clock.metric, clock.cycle, due_at, due_at)

    # -- facts ---------------------------------------------------------------------------------------------------

    def apply_policy(self, policy: PolicySnapshot, at: datetime) -> Iterator[Notice]:
        """A policy applies from now on. The first one starts the clocks at the instant the ticket was received."""
        previous, self.policy = self.policy, policy
        if previous is None:
            self._start(Metric.FIRST_RESPONSE, self.opened_at)
            self._start(Metric.RESOLUTION, self.opened_at)
            early, self.early = self.early, []
            for fact in early:
                yield from self._apply_early(fact)
            return
        for clock in self._unsettled():
            clock.carry_to(at, previous)
            clock.retarget(self._target(clock.metric), policy)

    def apply_priority(self, priority: Priority, at: datetime) -> None:
        """Another target applies from now on; elapsed time is carried."""
        self.priority = priority
        if self.policy is None:
            return
        for clock in self._unsettled():
            clock.carry_to(at, self.policy)
            clock.retarget(self._target(clock.metric), self.policy)

    def fix_due(self, due_at: datetime) -> None:
        """The resolution clock is due at a fixed instant."""
        clock = self._current(Metric.RESOLUTION)
        if clock is None or clock.is_settled or self.policy is None:
            return
        clock.fixed_due_at = due_at
        clock.target = clock.target or due_at - clock.started_at
        clock.recompute(self.policy)

    def requester_wrote(self, at: datetime) -> Iterator[Notice]:
        """A requester's message. Before the first reply the first-response clock already covers it."""
        if self.policy is None:
            self.early.append(EarlyFact(kind="written", at=at))
            return
        if self.first_replied_at is None:
            return
        clock = self._current(Metric.NEXT_RESPONSE)
        if clock is None or clock.is_settled:
            if not self._is_answered(at):
                self._start(Metric.NEXT_RESPONSE, at)
            return
        if at < clock.started_at:
            clock.started_at = clock.running_since = at
            clock.recompute(self.policy)
        yield from ()

    def replied(self, at: datetime) -> Iterator[Notice]:
        """A public reply by a person."""
        yield from self.advance(at)
        if self.policy is None:
            self.early.append(EarlyFact(kind="replied", at=at))
        else:
            first = self._current(Metric.FIRST_RESPONSE)
            if first is not None and (
                first.settled_at is None or at < first.settled_at or self.first_replied_at is None
            ):
                yield from self._settle_first(first, at)
            following = self._current(Metric.NEXT_RESPONSE)
            if following is not None and not following.is_settled and at >= following.started_at:
                yield from self._settle(following, at)
        self.first_replied_at = min(at, self.first_replied_at or at)
        self.last_replied_at = max(at, self.last_replied_at or at)

    def pause(self, at: datetime) -> None:
        """The ticket waits for somebody else: resolution stops counting."""
        clock = self._current(Metric.RESOLUTION)
        if clock is not None and self.policy is not None and not clock.is_settled and clock.running_since is not None:
            clock.pause(at, self.policy)

    def hold(self, at: datetime) -> None:
        """The ticket waits for a third party: the policy says whether that counts."""
        if self.policy is not None and self.policy.pause_on_hold:
            self.pause(at)
        else:
            self.resume(at)

    def resume(self, at: datetime) -> None:
        """Work goes on: resolution counts again."""
        clock = self._current(Metric.RESOLUTION)
        if clock is not None and self.policy is not None and not clock.is_settled and clock.running_since is None:
            clock.resume(at, self.policy)

    def resolve(self, at: datetime) -> Iterator[Notice]:
        """The matter is settled, and with it every clock."""
        yield from self.advance(at)
        for clock in self._unsettled():
            yield from self._settle(clock, at, self._without_reply(clock))

    def close(self, at: datetime, reason: CloseReason) -> Iterator[Notice]:
        """The ticket ends; spam and duplicates cancel what is not yet breached."""
        yield from self.advance(at)
        if self.policy is None:
            self.early.append(EarlyFact(kind="closed", at=at, reason=reason))
            return
        for clock in self._unsettled():
            is_cancelled = reason in CANCELLING and clock.breached_at is None
            yield from self._settle(clock, at, Outcome.CANCELLED if is_cancelled else self._without_reply(clock))

    def reopen(self, at: datetime) -> None:
        """A new cycle of resolution, or the old one continued where the policy's grace allows."""
        if self.policy is None:
            self.early = [fact for fact in self.early if fact.kind != "closed"]
            return
        clock = self._current(Metric.RESOLUTION)
        grace = timedelta(seconds=self.policy.times.reopen_grace_seconds)
        if clock is not None and clock.settled_at is not None and grace and at - clock.settled_at <= grace:
            clock.settled_at = clock.outcome = None
            clock.resume(at, self.policy)
        else:
            self._start(Metric.RESOLUTION, at)

    # -- views ---------------------------------------------------------------------------------------------------

    def views(self, at: datetime) -> tuple[Clock, ...]:
        """Every clock with a target, as seen at `at`."""
        if self.policy is None:
            return ()
        return tuple(view for clock in self.clocks if (view := clock.view(at, self.policy)) is not None)

    def due_at(self) -> datetime | None:
        """The earliest due instant of a clock still running."""
        return min((clock.due_at for clock in self.clocks if clock.due_at and not clock.is_settled), default=None)

    # -- inside --------------------------------------------------------------------------------------------------

    def _apply_early(self, fact: EarlyFact) -> Iterator[Notice]:
        match fact.kind:
            case "replied":
                yield from self.replied(fact.at)
            case "written":
                yield from self.requester_wrote(fact.at)
            case "closed":
                yield from self.close(fact.at, fact.reason or CloseReason.RESOLVED)

    def _start(self, metric: Metric, at: datetime) -> None:
        if self.policy is not None:
            cycle = 1 + sum(clock.metric is metric for clock in self.clocks)
            self.clocks.append(SlaClock.start(metric, cycle, at, self._target(metric), self.policy))

    def _settle(self, clock: SlaClock, at: datetime, outcome: Outcome | None = None) -> Iterator[Notice]:
        if self.policy is None:
            return
        if clock.end(at, self.policy, outcome):
            yield Withdrawn(clock.metric, clock.cycle, at)
        verdict = clock.verdict(self.policy)
        if verdict is not None:
            yield Settled(verdict, at)

    def _settle_first(self, clock: SlaClock, at: datetime) -> Iterator[Notice]:
        """Settles or, for a reply that came late, settles anew. First response never pauses: its start tells all."""
        if clock.is_settled and self.policy is not None:
            clock.settled_at, clock.outcome, clock.elapsed = None, None, timedelta()
            clock.running_since = clock.started_at
            if clock.due_at is not None and at > clock.due_at:
                clock.breached_at = clock.breached_at or clock.due_at
        yield from self._settle(clock, at)

    def _without_reply(self, clock: SlaClock) -> Outcome | None:
        """Resolved without any reply, a first response that is not late has no verdict to give."""
        if clock.metric is Metric.FIRST_RESPONSE and clock.breached_at is None:
            return Outcome.CANCELLED
        return None

    def _is_answered(self, at: datetime) -> bool:
        return self.last_replied_at is not None and at < self.last_replied_at

    def _target(self, metric: Metric) -> timedelta | None:
        seconds = self.policy.target(metric, self.priority) if self.policy else None
        return None if seconds is None else timedelta(seconds=seconds)

    def _unsettled(self) -> list[SlaClock]:
        return [clock for clock in self.clocks if not clock.is_settled]

    def _current(self, metric: Metric) -> SlaClock | None:
        return next((clock for clock in reversed(self.clocks) if clock.metric is metric), None)


def _instants(clock: SlaClock) -> list[datetime]:
    instants = [] if clock.warn_next_at is None else [clock.warn_next_at]
    if clock.due_at is not None and clock.breached_at is None:
        instants.append(clock.due_at + TICK)
    return instants
