"""What would have met a breached target: each remedy is checked by judging the history again."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from math import ceil

from shared.contracts.policies import PolicySnapshot, Targets, WorkingDays
from shared.contracts.vocabulary import Metric, Outcome, Priority
from shared.domain.sla.clock import ZERO
from shared.domain.sla.clocks import Clocks
from shared.domain.sla.explain.values import Remedy
from shared.domain.sla.explain.watch import WatchedClock
from shared.domain.sla.facts import FactKind, in_order
from shared.domain.sla.verdicts import History

Change = Callable[[PolicySnapshot], PolicySnapshot]


def remedy_of(watched: WatchedClock, history: History) -> Remedy | None:
    """The remedies of a clock that is late; None for one that is not."""
    clock = watched.clock
    due_at = clock.breached_at
    if due_at is None or clock.outcome not in (None, Outcome.BREACHED):
        return None
    late = (one for one in watched.stretches if one.paused is None and one.until > due_at)
    earlier = sum((one.open_time(due_at) for one in late), ZERO)
    if not clock.is_settled:
        return Remedy(due_at, earlier)
    longer = None if clock.fixed_due_at is not None else _longer(watched, history)
    return Remedy(due_at, earlier, longer, _would_pauses_help(watched, history))


def _longer(watched: WatchedClock, history: History) -> timedelta | None:
    """Whole seconds; one more where the time ran out at a closing, for that is when it was due."""
    short = max(0, ceil(max(watched.outgrown, default=ZERO) / timedelta(seconds=1)))
    for seconds in (short, short + 1):
        if seconds and _is_met(watched, history, partial(_raised, metric=watched.clock.metric, more=seconds)):
            return timedelta(seconds=seconds)
    return None


def _would_pauses_help(watched: WatchedClock, history: History) -> bool:
    if watched.clock.metric is not Metric.RESOLUTION or all(one.pause_on_hold for one in history.policies.values()):
        return False
    if not any(fact.kind is FactKind.HELD for fact in history.facts):
        return False
    return _is_met(watched, history, lambda policy: policy.model_copy(update={"pause_on_hold": True}))


def _is_met(watched: WatchedClock, history: History, change: Change) -> bool:
    policies = {key: change(policy) for key, policy in history.policies.items()}
    clocks = Clocks(history.opened_at, history.priority).fold(in_order(history.facts), policies)
    which = (watched.clock.metric, watched.clock.cycle)
    return any((one.metric, one.cycle) == which and one.outcome is Outcome.MET for one in clocks.clocks)


def _raised(policy: PolicySnapshot, metric: Metric, more: int) -> PolicySnapshot:
    """The policy with this much longer targets; those in working days stay."""
    targets: dict[Priority, Targets] = {}
    for priority, known in policy.targets.items():
        target = known.of(metric)
        targets[priority] = known
        if target is not None and not isinstance(target, WorkingDays):
            targets[priority] = known.model_copy(update={metric.value: target + more})
    return policy.model_copy(update={"targets": targets})
