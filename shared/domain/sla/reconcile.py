"""Corrections after a late fact: compares the clocks as published with the clocks as recomputed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from shared.contracts.policies import PolicySnapshot
from shared.contracts.vocabulary import Outcome
from shared.domain.sla.clock import SlaClock
from shared.domain.sla.clock_events import Breached, ClockEvent, Escalated, Warned, Withdrawn
from shared.domain.sla.clocks import Clocks


def reconcile(
    announced: Clocks, actual: Clocks, at: datetime, policy: PolicySnapshot | None
) -> Iterator[ClockEvent | SlaClock]:
    """Corrections in order; a clock in their midst is one whose verdict is new or has changed."""
    known = {(clock.metric, clock.cycle): clock for clock in announced.clocks}
    for clock in actual.clocks:
        before = known.pop((clock.metric, clock.cycle), None)
        yield from _corrections(before, clock, at, policy)
        if clock.is_settled and (before is None or before.verdict() != clock.verdict()):
            yield clock
    for gone in known.values():
        yield from _taken_back(gone, at)


def _corrections(
    before: SlaClock | None, clock: SlaClock, at: datetime, policy: PolicySnapshot | None
) -> Iterator[ClockEvent]:
    if before is not None and before.breached_at is not None and clock.breached_at is None:
        yield Withdrawn(clock.metric, clock.cycle, at)
    if not clock.is_settled and policy is not None:
        yield from _new_warnings(before, clock, at)
    if clock.breached_at is not None and (before is None or before.breached_at is None):
        yield Breached(clock.metric, clock.cycle, clock.breached_at, clock.breached_at)
    if not clock.is_settled and policy is not None:
        yield from _new_steps(before, clock, at, policy)


def _new_warnings(before: SlaClock | None, clock: SlaClock, at: datetime) -> Iterator[ClockEvent]:
    for percent in clock.warned:
        if clock.due_at is not None and (before is None or percent not in before.warned):
            yield Warned(clock.metric, clock.cycle, percent, clock.due_at, min(at, clock.due_at))


def _new_steps(before: SlaClock | None, clock: SlaClock, at: datetime, policy: PolicySnapshot) -> Iterator[ClockEvent]:
    for index, times in clock.escalated.items():
        taken = before.escalated.get(index, 0) if before is not None else 0
        for repetition in range(taken + 1, times + 1):
            step, due_at = policy.escalations[index], clock.breached_at or clock.due_at
            yield Escalated(clock.metric, clock.cycle, index, repetition, step, due_at, at)


def _taken_back(clock: SlaClock, at: datetime) -> Iterator[ClockEvent | SlaClock]:
    """A cycle that never was: its breach is withdrawn, its verdict cancelled by the next revision."""
    if clock.breached_at is not None:
        yield Withdrawn(clock.metric, clock.cycle, at)
    if clock.is_settled:
        yield replace(clock, outcome=Outcome.CANCELLED)
