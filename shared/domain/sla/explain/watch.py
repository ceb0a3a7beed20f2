"""Watches the fold of a ticket's clocks: between two facts a clock either counts or does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.contracts.policies import PolicySnapshot
from shared.contracts.vocabulary import HoldReason, Metric
from shared.domain.business_time import business_time_between
from shared.domain.sla.clock import SlaClock
from shared.domain.sla.clocks import Clocks
from shared.domain.sla.explain.holders import Holders
from shared.domain.sla.explain.values import NOBODY, Holder, HolderKind, Rules, Why
from shared.domain.sla.facts import Fact, FactKind, in_order
from shared.domain.sla.verdicts import History

BEGINS = (FactKind.TRIAGED, FactKind.POLICY_CHANGED)
WORKS_AGAIN = (FactKind.RESUMED, FactKind.RESOLVED, FactKind.REOPENED, FactKind.CLOSED)


@dataclass(frozen=True, slots=True)
class Stretch:
    """[since, until) under one policy, with one holder, either counting or not."""

    since: datetime
    until: datetime
    policy: PolicySnapshot
    held_by: Holder
    paused: Why | None = None
    """Why the clock did not count; None while it did."""

    def open_time(self, since: datetime | None = None) -> timedelta:
        """The open time in it, from an instant on if one is given."""
        return business_time_between(self.policy.calendar, max(since or self.since, self.since), self.until)


@dataclass(slots=True)
class WatchedClock:
    """What was seen of one clock."""

    clock: SlaClock
    started_at: datetime
    target: timedelta | None
    ended_at: datetime | None = None
    stretches: list[Stretch] = field(default_factory=list)
    rules: list[Rules] = field(default_factory=list)
    outgrown: list[timedelta] = field(default_factory=list)
    """By how much each target was exceeded while it applied."""

    def note(self, at: datetime, policy: PolicySnapshot) -> None:
        """What a fact did to the clock."""
        clock = self.clock
        if clock.started_at < self.started_at:
            self.stretches.insert(0, Stretch(clock.started_at, self.started_at, policy, Holder(HolderKind.TRIAGE)))
            self.started_at = clock.started_at
        if self.ended_at is not None and not clock.is_settled and at > self.ended_at:
            self.stretches.append(Stretch(self.ended_at, at, policy, NOBODY, Why.ENDED))
        if clock.target != self.target or (clock.is_settled and self.ended_at is None):
            self.outgrown += [clock.elapsed - self.target] if self.target is not None else []
            self.target = clock.target
        self.ended_at = clock.settled_at
        self._note_rules(at, policy)

    def _note_rules(self, at: datetime, policy: PolicySnapshot) -> None:
        said = self.clock.target, self.clock.working_days
        now = Rules(at, policy.policy_id, policy.name, policy.version, policy.calendar.version, *said)
        if not self.rules or replace(now, since=self.rules[-1].since) != self.rules[-1]:
            self.rules.append(now)


@dataclass(slots=True)
class FactEffect:
    """What the ticket waits for, as the facts say."""

    waits_for: Holder | None = None
    last_pause: tuple[Holder, Why] = (Holder(HolderKind.REQUESTER), Why.PENDING)

    def apply(self, fact: Fact, reasons: Mapping[int, HoldReason]) -> None:
        """A fact may begin or end it."""
        if fact.kind is FactKind.PENDED:
            self.waits_for = Holder(HolderKind.REQUESTER)
            self.last_pause = (self.waits_for, Why.PENDING)
        elif fact.kind is FactKind.HELD:
            self.waits_for = Holder(HolderKind.THIRD_PARTY, hold_reason=reasons.get(fact.seq))
            self.last_pause = (self.waits_for, Why.ON_HOLD)
        elif fact.kind in WORKS_AGAIN:
            self.waits_for = None


def watch_clocks(
    history: History, holders: Holders, reasons: Mapping[int, HoldReason], as_of: datetime
) -> tuple[list[WatchedClock], PolicySnapshot | None]:
    """Every clock with what was seen of it up to `as_of`, and the policy that applies there."""
    clocks, facts = begin(history)
    watched: dict[tuple[Metric, int], WatchedClock] = {}
    spell = FactEffect()
    for nth, fact in enumerate(facts):
        clocks.apply(fact, history.policies)
        spell.apply(fact, reasons)
        policy = clocks.rules(history.policies)
        if policy is None:
            continue
        until = facts[nth + 1].at if nth + 1 < len(facts) else as_of
        for one in _moved(clocks, watched):
            one.note(fact.at, policy)
            if not one.clock.is_settled and until > fact.at:
                one.stretches += _stretches(one.clock, (fact.at, until), policy, holders, spell)
    clocks.advance(as_of, history.policies)
    return list(watched.values()), clocks.rules(history.policies)


def begin(history: History) -> tuple[Clocks, Sequence[Fact]]:
    """Clocks that know nothing yet, and the facts as they hear them: what came before the policy, right after it."""
    waiting, facts = Clocks(history.opened_at, history.priority), in_order(history.facts)
    for nth, fact in enumerate(facts):
        if fact.kind in BEGINS:
            early = [one for one in waiting.early if one.kind is not FactKind.PRIORITISED]
            first = replace(fact, at=history.opened_at)
            return Clocks(history.opened_at, waiting.priority), [first, *early, *facts[nth + 1 :]]
        waiting.apply(fact, history.policies)
    return waiting, []


def _moved(clocks: Clocks, watched: dict[tuple[Metric, int], WatchedClock]) -> list[WatchedClock]:
    """The clocks that a fact can have changed: all but those that had ended and still have."""
    moved = []
    for clock in clocks.clocks:
        one = watched.setdefault((clock.metric, clock.cycle), WatchedClock(clock, clock.started_at, clock.target))
        if one.ended_at is None or not clock.is_settled:
            moved.append(one)
    return moved


def _stretches(
    clock: SlaClock, span: tuple[datetime, datetime], policy: PolicySnapshot, holders: Holders, spell: FactEffect
) -> list[Stretch]:
    if not clock.is_running:
        return [Stretch(*span, policy, *spell.last_pause)]
    if spell.waits_for is not None:
        return [Stretch(*span, policy, spell.waits_for)]
    return [Stretch(since, until, policy, holder) for since, until, holder in holders.within(*span)]
