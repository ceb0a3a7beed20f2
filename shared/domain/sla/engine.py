"""The SLA of one ticket: facts go in as they arrive, late ones in their place in time; clock events come out."""

from bisect import insort
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from shared.contracts.base import Instant
from shared.contracts.policies import PolicySnapshot
from shared.contracts.tickets import Clock
from shared.contracts.vocabulary import Metric, Priority
from shared.domain.sla.clock import SlaClock
from shared.domain.sla.clock_events import ClockEvent, Settled
from shared.domain.sla.clocks import Clocks
from shared.domain.sla.facts import REVERTING, Fact, in_order
from shared.domain.sla.legacy_state import from_legacy_state
from shared.domain.sla.reconcile import reconcile

WINDOW = 100
"""Facts that can still be preceded by a late one; older ones are folded into `base`, twice as many at a time."""


SPACING = 16
"""Facts between two marks; the last two are kept."""
SHOWN = 10
"""Clocks in a snapshot. Every event and two hundred remembered answers carry one, so it must not grow for ever."""


Place = tuple[Instant, int]


class Sla(BaseModel):
    """A fold over facts that is kept up to date.

    In-order facts change `current`. A late one is inserted and everything after `base` folded again, so live clocks
    never depend on the order of arrival; what that changes of what was announced is announced as a correction.
    """

    model_config = ConfigDict(ser_json_timedelta="float")

    base: Clocks
    horizon: Instant
    """Facts count from here at the earliest: what lies before is folded into `base` for good."""
    facts: list[Fact] = Field(default_factory=list)
    current: Clocks
    reached: Instant
    """The latest instant that `current` knows of: a fact before it is late."""
    policies: dict[str, PolicySnapshot] = Field(default_factory=dict)
    revisions: dict[str, int] = Field(default_factory=dict)
    """The last revision published of each verdict."""
    _marks: list[tuple[Place, Clocks]] = PrivateAttr(default_factory=list)
    """`current` as it was after some recent facts: most late facts are only a little late. Never carried over."""

    @model_validator(mode="before")
    @classmethod
    def _read_legacy_state(cls, value: Any) -> Any:
        return from_legacy_state(value) if isinstance(value, dict) and "base" not in value else value

    @classmethod
    def begin(cls, opened_at: datetime, priority: Priority) -> "Sla":
        """The SLA of a ticket of which nothing is known but its receipt."""
        base = Clocks(opened_at, priority)
        return Sla.model_construct(
            base=base,
            horizon=opened_at,
            facts=[],
            current=base.fork(),
            reached=opened_at,
            policies={},
            revisions={},
        )

    # -- what is known -------------------------------------------------------------------------------------------

    @property
    def priority(self) -> Priority:
        """The ticket's priority."""
        return self.current.priority

    @property
    def policy(self) -> PolicySnapshot | None:
        """The policy that applies, once one does."""
        return self.current.rules(self.policies)

    @property
    def clocks(self) -> list[SlaClock]:
        """The clocks as they stand."""
        return self.current.clocks

    @property
    def first_replied_at(self) -> datetime | None:
        """When a person first replied in public."""
        return self.current.first_replied_at

    def views(self, at: datetime) -> tuple[Clock, ...]:
        """The latest clocks with a target, as seen at `at`; what came before has left its verdict."""
        policy = self.policy
        if policy is None:
            return ()
        unsettled = [clock for clock in self.clocks[:-SHOWN] if not clock.is_settled]
        shown = (*unsettled, *self.clocks[-SHOWN:])
        return tuple(view for clock in shown if (view := clock.view(at, policy)) is not None)

    def due_at(self) -> datetime | None:
        """The earliest due instant of a clock still running."""
        return min((clock.due_at for clock in self.clocks if clock.due_at and not clock.is_settled), default=None)

    def next_instant(self) -> datetime | None:
        """When the next warning, breach or escalation is due, if nothing else happens."""
        return self.current.next_instant(self.policies)

    def is_unsettled(self, metric: Metric, cycle: int) -> bool:
        """Whether that clock has not ended."""
        return any((clock.metric, clock.cycle) == (metric, cycle) and not clock.is_settled for clock in self.clocks)

    def can_revert(self, rollout_id: UUID) -> bool:
        """Whether a roll-out applied to this ticket and has neither been undone nor grown too old to undo."""
        is_known = any(fact.rollout_id == rollout_id for fact in in_order(self.facts))
        return is_known and self.policy_before(rollout_id) is not None

    def policy_before(self, rollout_id: UUID) -> PolicySnapshot | None:
        """The policy that would apply had the roll-out not been."""
        keys = [fact.policy for fact in in_order(self.facts) if fact.policy and fact.rollout_id != rollout_id]
        key = keys[-1] if keys else self.base.policy
        return None if key is None else self.policies[key]

    # -- what happens --------------------------------------------------------------------------------------------

    def register_policy(self, policy: PolicySnapshot) -> None:
        """Adds a policy, before the first fact that names it is recorded."""
        self.policies[policy.key] = policy

    def advance(self, now: datetime) -> list[ClockEvent]:
        """Applies every warning, breach and escalation due up to `now`; returns them in order."""
        notices = self.current.advance(now, self.policies)
        if notices:
            self.reached = max(self.reached, now)
        return notices

    def record(self, fact: Fact) -> list[ClockEvent]:
        """Records a fact, late or not; returns the clock events and verdicts that follow from it."""
        is_late = fact.at < self.reached or fact.kind in REVERTING
        insort(self.facts, fact, key=lambda known: known.place)
        self.reached = max(self.reached, fact.at)
        notices = self._refold(fact) if is_late else self._apply_in_order(fact)
        if len(self.facts) > 2 * WINDOW:
            self._compact()
        return notices

    # -- inside --------------------------------------------------------------------------------------------------

    def _apply_in_order(self, fact: Fact) -> list[ClockEvent]:
        open_before = [clock for clock in self.clocks if not clock.is_settled]
        known = len(self.clocks)
        notices = self.current.apply(fact, self.policies)
        if len(self.facts) % SPACING == 0:
            self._marks = [*self._marks[-1:], (fact.place, self.current.fork())]
        ended = [clock for clock in (*open_before, *self.clocks[known:]) if clock.is_settled]
        return [*notices, *(notice for clock in ended for notice in self._publish(clock, fact.at))]

    def _refold(self, fact: Fact) -> list[ClockEvent]:
        if fact.kind in REVERTING:
            self._marks = []
        self._marks = [mark for mark in self._marks if mark[0] < fact.place]
        since, start = self._marks[-1] if self._marks else (None, self.base)
        later = [known for known in in_order(self.facts) if since is None or known.place > since]
        old, self.current = self.current, start.fork().fold(later, self.policies)
        self.current.advance(self.reached, self.policies)
        notices: list[ClockEvent] = []
        for said in reconcile(old, self.current, fact.at, self.policy):
            notices += self._publish(said, fact.at) if isinstance(said, SlaClock) else [said]
        return notices

    def _publish(self, clock: SlaClock, at: datetime) -> list[ClockEvent]:
        key = f"{clock.metric}:{clock.cycle}"
        verdict = clock.verdict(self.revisions.get(key, 0) + 1)
        if verdict is None:
            return []
        self.revisions[key] = verdict.revision
        return [Settled(verdict, at)]

    def _compact(self) -> None:
        facts = in_order(self.facts)
        past, self.facts = facts[:-WINDOW], facts[-WINDOW:]
        self.base.fold(past, self.policies)
        self.horizon = past[-1].at if past else self.horizon
        self._marks = []
        self._drop_former_cycles()
        named = {self.base.policy, self.current.policy, *(fact.policy for fact in self.facts)}
        self.policies = {key: policy for key, policy in self.policies.items() if key in named}

    def _drop_former_cycles(self) -> None:
        """Drops clocks that no fact can change any more, so that the state stays under Temporal's payload limit."""
        kept = self.base.last_cycles()
        gone = {(clock.metric, clock.cycle) for clock in self.base.clocks if clock not in kept and clock.is_settled}
        for clocks in (self.base, self.current):
            clocks.clocks = [clock for clock in clocks.clocks if (clock.metric, clock.cycle) not in gone]
        for metric, cycle in gone:
            self.revisions.pop(f"{metric}:{cycle}", None)
