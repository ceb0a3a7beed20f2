"""The clocks of one ticket and what each fact does to them. Source of every rule: DESIGN section 4."""

from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.contracts.base import Instant
from shared.contracts.policies import PolicySnapshot, WorkingDays
from shared.contracts.vocabulary import CloseReason, Metric, Outcome, PolicyMode, Priority
from shared.domain.business_time import add_working_days, business_time_between
from shared.domain.sla import escalation
from shared.domain.sla.clock import TICK, SlaClock
from shared.domain.sla.clock_events import Breached, ClockEvent, Escalated, Warned
from shared.domain.sla.facts import Fact, FactKind

CANCELLING = (CloseReason.SPAM, CloseReason.DUPLICATE)
OUTLIVES_REOPENING = (FactKind.REPLIED, FactKind.WRITTEN, FactKind.DUE_SET, FactKind.COUNTED_FROM)
Policies = Mapping[str, PolicySnapshot]
"""The policies that facts name, by their keys."""


@dataclass(slots=True)
class Clocks:
    """A fold over facts in the order of their instants: the same facts give the same clocks, whoever folds them."""

    opened_at: Instant
    priority: Priority
    policy: str | None = None
    clocks: list[SlaClock] = field(default_factory=list)
    early: list[Fact] = field(default_factory=list)
    """Facts buffered until triage names the policy. The name is part of saved workflow states, so it stays."""
    first_replied_at: Instant | None = None

    def fold(self, facts: Iterable[Fact], policies: Policies) -> "Clocks":
        """Applies facts that are in order; returns itself."""
        for fact in facts:
            self.apply(fact, policies)
        return self

    def fork(self) -> "Clocks":
        """A copy that can be changed on its own."""
        clocks = [copy(clock) for clock in self.clocks]
        for clock in clocks:
            clock.warned, clock.escalated = list(clock.warned), dict(clock.escalated)
        return replace(self, clocks=clocks, early=list(self.early))

    def apply(self, fact: Fact, policies: Policies) -> list[ClockEvent]:
        """Applies a fact after all that was due up to its instant; returns the clock events of both."""
        return [*self.advance(fact.at, policies), *self._apply_fact(fact, policies)]

    # -- time ----------------------------------------------------------------------------------------------------

    def next_instant(self, policies: Policies) -> datetime | None:
        """When the next warning, breach or escalation is due, if nothing else happens."""
        policy = self.rules(policies)
        if policy is None:
            return None
        moments = (_next_moment(clock, policy) for clock in self.clocks if clock.settled_at is None)
        return min((moment for moment in moments if moment is not None), default=None)

    def advance(self, now: datetime, policies: Policies) -> list[ClockEvent]:
        """Applies every warning, breach and escalation due up to `now`; returns them in order."""
        policy = self.rules(policies)
        notices: list[ClockEvent] = []
        while policy is not None:
            dues = [
                (moment, place, clock)
                for place, clock in enumerate(self.clocks)
                if clock.settled_at is None and (moment := _next_moment(clock, policy)) is not None and moment <= now
            ]
            if not dues:
                break
            moment, _, clock = min(dues, key=lambda due: due[:2])
            notices.append(_next_event(clock, moment, policy))
        return notices

    def last_cycles(self) -> list[SlaClock]:
        """The clock of each metric's last cycle, in the order in which they started."""
        return [clock for clock in self.clocks if clock is self._last(clock.metric)]

    # -- facts ---------------------------------------------------------------------------------------------------

    def _apply_fact(self, fact: Fact, policies: Policies) -> list[ClockEvent]:
        if fact.priority is not None:
            self._prioritise(fact.priority, fact.at, policies)
        if fact.kind in (FactKind.TRIAGED, FactKind.POLICY_CHANGED):
            return self._change_policy(fact, policies)
        policy = self.rules(policies)
        if policy is None:
            self._buffer(fact)
            return []
        return list(self._apply_settling(fact, policy))

    def _apply_settling(self, fact: Fact, policy: PolicySnapshot) -> Iterator[ClockEvent]:
        """Applies a fact that may settle clocks; others go to `_apply_other`."""
        match fact.kind:
            case FactKind.REPLIED:
                yield from self._replied(fact.at, policy)
            case FactKind.RESOLVED:
                yield from self._resolve(fact.at, policy)
            case FactKind.CLOSED:
                yield from self._close(fact.at, fact.reason or CloseReason.RESOLVED, policy)
            case _:
                self._apply_other(fact, policy)

    def _apply_other(self, fact: Fact, policy: PolicySnapshot) -> None:
        """Applies a fact that starts, pauses, resumes or moves a clock."""
        match fact.kind:
            case FactKind.WRITTEN:
                self._requester_wrote(fact.at, policy)
            case FactKind.PENDED:
                self._pause(fact.at, policy)
            case FactKind.HELD if policy.pause_on_hold:
                self._pause(fact.at, policy)
            case FactKind.HELD | FactKind.RESUMED:
                self._resume(fact.at, policy)
            case FactKind.REOPENED:
                self._reopen(fact.at, policy)
            case FactKind.DUE_SET if fact.due_at is not None:
                self._fix_due(fact.due_at, policy)
            case FactKind.COUNTED_FROM:
                self._count_from(fact, policy)

    def _buffer(self, fact: Fact) -> None:
        """Buffers a fact until triage. Reopening before triage discards buffered closing facts."""
        if fact.kind is FactKind.REOPENED:
            self.early = [early for early in self.early if early.kind in OUTLIVES_REOPENING]
        else:
            self.early.append(fact)
        if fact.kind is FactKind.REPLIED:
            self.first_replied_at = self.first_replied_at or fact.at

    def _change_policy(self, fact: Fact, policies: Policies) -> list[ClockEvent]:
        """The first policy starts the clocks at the instant the ticket was received; another applies from now on."""
        old = self.rules(policies)
        self.policy = fact.policy
        new = self.rules(policies)
        if new is None:
            return []
        if old is None:
            return self._begin(new, policies)
        notices: list[ClockEvent] = []
        for clock in [clock for clock in self.clocks if clock.settled_at is None]:
            clock.carry_to(fact.at, old)
            if fact.mode is PolicyMode.RESTART:
                notices += self._start_over(clock, fact.at, old, new)
                continue
            if old.key != new.key:
                clock.escalated = escalation.carried(clock, new)
            clock.retarget(new.target(clock.metric, self.priority), new)
            clock.escalated = escalation.rearmed(clock, new)
        return notices

    def _begin(self, policy: PolicySnapshot, policies: Policies) -> list[ClockEvent]:
        early, self.early = self.early, []
        self.first_replied_at = None
        self._start(Metric.FIRST_RESPONSE, self.opened_at, policy)
        self._start(Metric.RESOLUTION, self.opened_at, policy)
        notices: list[ClockEvent] = []
        for fact in early:
            notices += self.advance(fact.at, policies)
            notices += self._apply_settling(fact, policy)
        return notices

    def _start_over(
        self, clock: SlaClock, at: datetime, old: PolicySnapshot, new: PolicySnapshot
    ) -> Iterator[ClockEvent]:
        """Ends a clock, breached if it is late and cancelled if not, and starts the next cycle in its place."""
        was_paused = clock.running_since is None
        yield from self._settle(clock, at, old, None if _is_late(clock, at) else Outcome.CANCELLED)
        following = self._start(clock.metric, at, new)
        if was_paused:
            following.pause(at, new)

    def _prioritise(self, priority: Priority, at: datetime, policies: Policies) -> None:
        """Another target applies from now on; elapsed time is carried."""
        self.priority = priority
        policy = self.rules(policies)
        if policy is None:
            return
        for clock in self.clocks:
            if clock.settled_at is None:
                clock.carry_to(at, policy)
                clock.retarget(policy.target(clock.metric, self.priority), policy)
                clock.escalated = escalation.rearmed(clock, policy)

    def _fix_due(self, due_at: datetime, policy: PolicySnapshot) -> None:
        """The resolution clock is due at a fixed instant."""
        clock = self._running(Metric.RESOLUTION)
        if clock is not None:
            clock.fixed_due_at = due_at
            clock.target = clock.target or due_at - clock.started_at
            clock.recompute(policy)

    def _count_from(self, fact: Fact, policy: PolicySnapshot) -> None:
        """Another ticket became part of this one: resolution, and the answer that is owed, count from its start.

        Where nobody waited for an answer here, somebody does now: `next_response` starts at that instant.
        """
        resolution = self._running(Metric.RESOLUTION)
        if resolution is not None and fact.due_at is not None:
            self._start_earlier(resolution, fact.due_at, policy)
        if fact.since is None:
            return
        response = self._running(Metric.FIRST_RESPONSE) or self._running(Metric.NEXT_RESPONSE)
        if response is None:
            self._start(Metric.NEXT_RESPONSE, fact.since, policy)
        else:
            self._start_earlier(response, fact.since, policy)

    def _start_earlier(self, clock: SlaClock, at: datetime, policy: PolicySnapshot) -> None:
        clock.start_earlier(at, policy)
        if clock.working_days is not None:
            clock.retarget(policy.target(clock.metric, self.priority), policy)

    def _requester_wrote(self, at: datetime, policy: PolicySnapshot) -> None:
        """The first-response clock covers it while that runs; after it, the oldest unanswered message counts."""
        if self._running(Metric.FIRST_RESPONSE) is None and self._running(Metric.NEXT_RESPONSE) is None:
            self._start(Metric.NEXT_RESPONSE, at, policy)

    def _replied(self, at: datetime, policy: PolicySnapshot) -> Iterator[ClockEvent]:
        """A public reply by a person."""
        self.first_replied_at = self.first_replied_at or at
        for metric in (Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE):
            clock = self._running(metric)
            if clock is not None:
                yield from self._settle(clock, at, policy)

    def _pause(self, at: datetime, policy: PolicySnapshot) -> None:
        clock = self._running(Metric.RESOLUTION)
        if clock is not None and clock.running_since is not None:
            clock.pause(at, policy)

    def _resume(self, at: datetime, policy: PolicySnapshot) -> None:
        clock = self._running(Metric.RESOLUTION)
        if clock is not None and clock.running_since is None:
            clock.resume(at, policy)

    def _resolve(self, at: datetime, policy: PolicySnapshot) -> Iterator[ClockEvent]:
        """Resolving settles every clock."""
        for clock in self.clocks:
            if clock.settled_at is None:
                yield from self._settle(clock, at, policy, _without_reply(clock, at))

    def _close(self, at: datetime, reason: CloseReason, policy: PolicySnapshot) -> Iterator[ClockEvent]:
        """The ticket ends; spam and duplicates cancel what is not yet breached."""
        for clock in self.clocks:
            if clock.settled_at is None:
                is_cancelled = reason in CANCELLING and not _is_late(clock, at)
                outcome = Outcome.CANCELLED if is_cancelled else _without_reply(clock, at)
                yield from self._settle(clock, at, policy, outcome)

    def _reopen(self, at: datetime, policy: PolicySnapshot) -> None:
        """A new cycle of resolution, or the old one continued where the policy's grace allows."""
        clock = self._last(Metric.RESOLUTION)
        if clock is not None and clock.settled_at is not None and _is_in_grace(clock.settled_at, at, policy):
            clock.continue_after_reopening(at, policy)
        elif clock is None or clock.settled_at is not None:
            self._start(Metric.RESOLUTION, at, policy)

    # -- inside --------------------------------------------------------------------------------------------------

    def rules(self, policies: Policies) -> PolicySnapshot | None:
        """The policy that applies just now. Raises KeyError where a fact names one that is not given."""
        return None if self.policy is None else policies[self.policy]

    def _start(self, metric: Metric, at: datetime, policy: PolicySnapshot) -> SlaClock:
        last = self._last(metric)
        cycle = 1 if last is None else last.cycle + 1
        clock = SlaClock(metric, cycle, at, None, running_since=at)
        clock.set_target(policy.target(metric, self.priority), policy)
        clock.recompute(policy)
        self.clocks.append(clock)
        return clock

    def _settle(
        self, clock: SlaClock, at: datetime, policy: PolicySnapshot, outcome: Outcome | None = None
    ) -> Iterator[ClockEvent]:
        """Ends a clock; one that passed its due instant within the last tick says so first."""
        if clock.breached_at is None and _is_late(clock, at):
            clock.breach()
            yield Breached(clock.metric, clock.cycle, clock.due_at or at, clock.due_at or at)
        clock.end(at, policy, outcome)

    def _running(self, metric: Metric) -> SlaClock | None:
        """The unsettled clock of a metric, running or paused."""
        clock = self._last(metric)
        return clock if clock is not None and clock.settled_at is None else None

    def _last(self, metric: Metric) -> SlaClock | None:
        return next((clock for clock in reversed(self.clocks) if clock.metric is metric), None)


def _next_moment(clock: SlaClock, policy: PolicySnapshot) -> datetime | None:
    """When a clock next warns, breaches or escalates."""
    moment = clock.warn_next_at
    if clock.due_at is not None and clock.breached_at is None and (moment is None or clock.due_at + TICK < moment):
        moment = clock.due_at + TICK
    step = escalation.next_step(clock, policy) if policy.escalations else None
    return step[0] if step is not None and (moment is None or step[0] < moment) else moment


def _next_event(clock: SlaClock, moment: datetime, policy: PolicySnapshot) -> ClockEvent:
    """At one instant a clock warns first, then breaches, then escalates."""
    percent = clock.next_percent(policy)
    if clock.warn_next_at is not None and clock.warn_next_at <= moment and percent is not None:
        clock.warned.append(percent)
        clock.recompute(policy)
        return Warned(clock.metric, clock.cycle, percent, clock.due_at or moment, moment)
    if clock.breached_at is None and clock.due_at is not None and clock.due_at + TICK <= moment:
        clock.breach()
        return Breached(clock.metric, clock.cycle, clock.due_at, clock.due_at)
    step = escalation.next_step(clock, policy)
    if step is None:
        raise AssertionError("a clock has nothing to announce")
    index = step[1]
    clock.escalated[index] = times = clock.escalated.get(index, 0) + 1
    due_at = clock.breached_at or clock.due_at
    return Escalated(clock.metric, clock.cycle, index, times, policy.escalations[index], due_at, moment)


def _is_late(clock: SlaClock, at: datetime) -> bool:
    return clock.breached_at is not None or (clock.due_at is not None and at > clock.due_at)


def _without_reply(clock: SlaClock, at: datetime) -> Outcome | None:
    """Resolved without any reply, a first response that is not late has no verdict to give."""
    return Outcome.CANCELLED if clock.metric is Metric.FIRST_RESPONSE and not _is_late(clock, at) else None


def _is_in_grace(settled_at: datetime, at: datetime, policy: PolicySnapshot) -> bool:
    allowed = policy.times.reopen_grace_seconds
    if isinstance(allowed, WorkingDays):
        return at <= add_working_days(policy.calendar, settled_at, allowed.working_days)
    grace = timedelta(seconds=allowed)
    if not grace:
        return False
    if "reopen_grace" in policy.times.in_business_time:
        return business_time_between(policy.calendar, settled_at, at) <= grace
    return at - settled_at <= grace
