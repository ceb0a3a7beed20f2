"""A roll-out is what was foretold, and taken back it never was: for random lives, against twins that never had it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.commands import (
    AssignTicket,
    ChangeTicketPolicy,
    Command,
    HoldTicket,
    PendTicket,
    PrioritiseTicket,
    RecordReply,
    ReopenTicket,
    ResolveTicket,
    ResumeTicket,
    RevertTicketPolicy,
    SetTicketDue,
)
from shared.contracts.events import LifecycleEvent, TicketPrioritised
from shared.contracts.policies import PolicySnapshot
from shared.contracts.vocabulary import HoldReason, Outcome, PolicyMode, Priority, Status
from shared.domain.errors import Refusal
from shared.domain.rollouts import (
    SimulatedChange,
    SimulatedClock,
    simulate_change,
    ticket_from_history,
    try_simulate_change,
)
from shared.domain.sla import History
from shared.domain.sla.clock import TICK, SlaClock
from shared.domain.ticket import Ticket, TicketState
from tests.support.tickets import (
    ADA,
    AGENT,
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    OFFICE,
    REQUESTER,
    an_id,
    message,
    opening,
    policy,
    triage,
)

ROLLOUT = an_id("roll-out")
QUICK = {
    "low": {"resolution": 3600},
    "normal": {"first_response": 1200, "next_response": 1800, "resolution": 10_000},
    "high": {"first_response": 4000, "next_response": 900},
    "urgent": {"first_response": 600, "resolution": 7200},
}
OLD = policy("Gold").sealed()
NEW = {
    "quick": policy("Gold", version=2, targets=QUICK, warn_at=(20, 80)).sealed(),
    "office": policy("Gold", version=3, hours=OFFICE).sealed(),
    "both": policy("Gold", version=4, hours=OFFICE, targets=QUICK).sealed(),
}
LADDER = policy(
    "Gold",
    version=5,
    targets=QUICK,
    pending_reminder_seconds=(600,),
    pending_resolve_seconds=5000,
    escalations=[
        {"metric": "first_response", "at_percent": 100, "do": "raise_priority"},
        {"metric": "resolution", "at_percent": 50, "do": "reassign", "to": f"agent:{ADA}", "agent_id": ADA},
    ],
).sealed()
BY_KEY = {each.key: each for each in (OLD, LADDER, *NEW.values())}

Step = tuple[str, int, int]
KINDS = (
    *("wait", "pend", "hold", "resume", "resolve", "reopen", "low", "normal", "urgent", "due"),
    *("reply", "late reply", "write", "late write"),
)
STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 30_000), st.integers(1, 20_000)), max_size=14)
"""What happens, how many seconds after what happened before, and a number of seconds it may need."""
MODES = st.sampled_from([PolicyMode.CARRY, PolicyMode.RESTART])


@dataclass
class Life:
    """A live ticket and its log."""

    first_policy: PolicySnapshot = OLD
    now: datetime = MONDAY
    log: list[LifecycleEvent] = field(default_factory=list)
    count: int = 0

    def __post_init__(self) -> None:
        self.ticket = Ticket(TicketState.of(opening()))
        self.ticket.open(REQUESTER, self.now)
        self.send(triage("triage", policy=self.first_policy))

    def send(self, command: Command) -> bool:
        try:
            self.ticket.handle(command, self.now)
        except Refusal:
            return False
        finally:
            self.log += self.ticket.events
            self.ticket.events = []
        return True

    def live(self, steps: Sequence[Step]) -> None:
        for kind, wait, number in steps:
            self.now += timedelta(seconds=wait)
            self.ticket.advance(self.now)
            self.count += 1
            name, ago = f"step-{self.count}", timedelta(seconds=number if kind.startswith("late") else 0)
            if kind.endswith("write"):
                self.ticket.receive(message(name, self.now - ago), self.now)
            elif (command := self.command(kind, name, ago, number)) is not None:
                self.send(command)
            self.log += self.ticket.events
            self.ticket.events = []

    def command(self, kind: str, name: str, ago: timedelta, number: int) -> Command | None:
        match kind:
            case "pend":
                return PendTicket(command_id=name, actor=AGENT)
            case "hold":
                return HoldTicket(command_id=name, actor=AGENT, reason=HoldReason.VENDOR)
            case "resume":
                return ResumeTicket(command_id=name, actor=AGENT)
            case "resolve":
                return ResolveTicket(command_id=name, actor=AGENT)
            case "reopen":
                return ReopenTicket(command_id=name, actor=AGENT)
            case "reply" | "late reply":
                return RecordReply(command_id=name, actor=AGENT, message_id=an_id(name), replied_at=self.now - ago)
            case "due":
                return SetTicketDue(command_id=name, actor=AGENT, due_at=self.now + timedelta(seconds=number))
            case "low" | "normal" | "urgent":
                return PrioritiseTicket(command_id=name, actor=AGENT, priority=Priority(kind))
        return None

    def change(self, to: PolicySnapshot, mode: PolicyMode) -> bool:
        return self.send(
            ChangeTicketPolicy(command_id="roll-out", actor=AGENT, policy=to, mode=mode, rollout_id=ROLLOUT)
        )

    def revert(self) -> bool:
        return self.send(RevertTicketPolicy(command_id="revert", actor=AGENT, rollout_id=ROLLOUT))

    def from_log(self) -> Ticket:
        """The ticket rebuilt from nothing but its log."""
        envelopes = [event.envelope(f"t:{event.seq}", event.at) for event in self.log]
        return ticket_from_history(self.log[-1].snapshot, History.of(envelopes, BY_KEY))

    @property
    def clocks(self) -> list[SlaClock]:
        return self.ticket.state.sla.clocks


def standing(clocks: Sequence[SlaClock]) -> list[tuple[object, ...]]:
    """Everything that is promised and judged, to the microsecond."""
    return [
        (
            *(clock.metric, clock.cycle, clock.started_at, clock.elapsed, clock.running_since, clock.target),
            *(clock.due_at, clock.breached_at, clock.settled_at, clock.outcome),
        )
        for clock in clocks
    ]


@settings(max_examples=150, deadline=None)
@given(before=STEPS, between=STEPS, which=st.sampled_from(sorted(NEW)), mode=MODES, after=STEPS)
def test_a_roll_out_taken_back_leaves_the_clocks_of_a_twin_that_never_had_it(
    before: list[Step], between: list[Step], which: str, mode: PolicyMode, after: list[Step]
) -> None:
    changed, twin = Life(), Life()
    for life in (changed, twin):
        life.live(before)
    untouched = standing(changed.clocks)
    if not changed.change(NEW[which], mode):
        return
    for life in (changed, twin):
        life.live(between)
    if not changed.revert():
        assert changed.ticket.state.status is Status.CLOSED
        return
    twin.ticket.advance(twin.now)
    assert standing(changed.clocks) == standing(twin.clocks)
    if not between:
        assert standing(changed.clocks)[: len(untouched)] == untouched
    for life in (changed, twin):
        life.live(after)
    assert standing(changed.clocks) == standing(twin.clocks)
    assert changed.ticket.state.status is twin.ticket.state.status


@settings(max_examples=150, deadline=None)
@given(steps=STEPS, waits=st.integers(0, 30_000), which=st.sampled_from([*NEW.values(), LADDER]), mode=MODES)
def test_what_the_log_foretells_is_what_the_live_ticket_does(
    steps: list[Step], waits: int, which: PolicySnapshot, mode: PolicyMode
) -> None:
    life = Life()
    life.live(steps)
    at = life.now + timedelta(seconds=waits)
    foretold = try_simulate_change(life.from_log(), which, mode, at)
    life.live([("wait", waits, 0)])
    due_before = {clock.metric: clock.due_at for clock in life.clocks if not clock.is_settled}
    if not life.change(which, mode):
        assert foretold is None
        return
    assert foretold is not None
    life.ticket.advance(at + TICK)
    after = {clock.metric: clock for clock in life.clocks if not clock.is_settled}
    for clock in foretold.clocks:
        assert clock.due_before == due_before.get(clock.metric)
        real = after.pop(clock.metric, None)
        assert (clock.cycle_after, clock.due_after, clock.target_after) == (
            (real.cycle, real.due_at, real.target) if real else (None, None, None)
        )
        if real is not None and not clock.is_breached:
            assert clock.would_breach == (real.breached_at is not None)
    assert all(clock.target is None for clock in after.values())
    assert (foretold.status_after, foretold.priority_after) == (
        life.ticket.state.status,
        life.ticket.state.sla.priority,
    )


def one(found: SimulatedChange, metric: str) -> SimulatedClock:
    return next(clock for clock in found.clocks if clock.metric == metric)


def test_carrying_counts_the_time_used_and_breaks_a_promise_that_is_now_too_short() -> None:
    life = Life()
    found = simulate_change(life.from_log(), NEW["quick"], PolicyMode.CARRY, MONDAY + 30 * MINUTE)
    first, resolution = one(found, "first_response"), one(found, "resolution")
    assert (first.due_before, first.due_after) == (MONDAY + HOUR, MONDAY + 30 * MINUTE)
    assert (first.is_breached, first.would_breach, first.ends_as) == (False, True, None)
    assert (resolution.due_before, resolution.due_after) == (MONDAY + 8 * HOUR, MONDAY + timedelta(seconds=10_000))


def test_restarting_ends_what_runs_and_begins_the_next_cycle() -> None:
    life = Life()
    found = simulate_change(life.from_log(), NEW["quick"], PolicyMode.RESTART, MONDAY + 2 * HOUR)
    first, resolution = one(found, "first_response"), one(found, "resolution")
    assert (first.is_breached, first.ends_as, first.cycle_after) == (True, Outcome.BREACHED, 2)
    assert (resolution.ends_as, resolution.due_after) == (
        Outcome.CANCELLED,
        MONDAY + 2 * HOUR + timedelta(seconds=10_000),
    )


def test_what_follows_at_once_is_part_of_the_outlook() -> None:
    life = Life()
    raised = simulate_change(life.from_log(), LADDER, PolicyMode.CARRY, MONDAY + 30 * MINUTE)
    assert (raised.priority_before, raised.priority_after) == (Priority.NORMAL, Priority.HIGH)
    life.live([("pend", 60, 0)])
    resolved = simulate_change(life.from_log(), LADDER, PolicyMode.CARRY, MONDAY + 2 * HOUR)
    assert (resolved.status_before, resolved.status_after) == (Status.PENDING, Status.RESOLVED)


@pytest.mark.parametrize("mode", [PolicyMode.CARRY, PolicyMode.RESTART, None])
def test_an_outlook_touches_neither_the_ticket_nor_its_log(mode: PolicyMode | None) -> None:
    life = Life()
    before, length = standing(life.clocks), len(life.log)
    found = simulate_change(life.from_log(), LADDER, mode, MONDAY + DAY)
    assert (standing(life.clocks), len(life.log)) == (before, length)
    assert not any(isinstance(event, TicketPrioritised) for event in life.log)
    if mode is None:
        assert all(clock.due_before == clock.due_after and clock.ends_as is None for clock in found.clocks)


def test_a_ticket_that_has_closed_by_itself_is_not_concerned_any_more() -> None:
    life = Life()
    life.send(AssignTicket(command_id="a", actor=AGENT, agent_id=ADA))
    life.live([("resolve", 60, 0)])
    assert try_simulate_change(life.from_log(), NEW["quick"], PolicyMode.CARRY, MONDAY + 6 * DAY) is None
