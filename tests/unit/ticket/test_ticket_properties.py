"""Random lives of a ticket: whatever happens, verdicts follow from the log alone and no event is ever skipped."""

from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.contracts.commands import (
    AssignTicket,
    ChangeTicketPolicy,
    CloseTicket,
    Command,
    HoldTicket,
    PendTicket,
    PrioritiseTicket,
    RecordReply,
    ReleaseTicket,
    ReopenTicket,
    ResolveTicket,
    ResumeTicket,
    RevertTicketPolicy,
    SetTicketDue,
    TransferTicket,
)
from shared.contracts.events import (
    Envelope,
    LifecycleEvent,
    SlaBreached,
    SlaBreachWithdrawn,
    SlaSettled,
    SlaWarned,
)
from shared.contracts.tickets import SYSTEM, Verdict
from shared.contracts.vocabulary import CloseReason, HoldReason, PolicyMode, Priority
from shared.domain.errors import Refusal
from shared.domain.sla import Clocks, History, engine, verdicts
from shared.domain.ticket import Ticket, TicketState
from tests.support.tickets import (
    ADA,
    AGENT,
    BRUNO,
    MONDAY,
    OFFICE,
    OTHER_TEAM,
    REQUESTER,
    TEAM,
    an_id,
    message,
    opening,
    policy,
    triage,
)

LADDER = [
    {"metric": "first_response", "at_percent": 80, "do": "notify"},
    {"metric": "first_response", "at_percent": 100, "do": "raise_priority"},
    {
        "metric": "resolution",
        "after_breach_seconds": 1800,
        "do": "reassign",
        "to": "lead",
        "repeat_every_seconds": 3600,
    },
    {"metric": "next_response", "at_percent": 150, "do": "reassign", "to": "team:other", "team_id": OTHER_TEAM},
]
POLICIES = [
    policy("Standard"),
    policy("Office", hours=OFFICE, pause_on_hold=False, version=3),
    policy("Grace", reopen_grace_seconds=7200, warn_at=(10, 99)),
    policy(
        "Ladder",
        escalations=LADDER,
        leads={TEAM: ADA, OTHER_TEAM: BRUNO},
        pending_reminder_seconds=(3600, 7200),
        pending_resolve_seconds=20_000,
        in_business_time=("pending_resolve", "auto_close"),
    ).sealed(),
    policy("Ladder", version=2, hours=OFFICE, escalations=LADDER[:2]).sealed(),
]
BY_KEY = {each.key: each for each in POLICIES}
AGO = st.just(0) | st.integers(0, 100_000)
"""How many seconds before its arrival a message was received."""
SIMPLE: dict[type[Command], dict[str, object]] = {
    PendTicket: {},
    HoldTicket: {"reason": HoldReason.VENDOR},
    ResumeTicket: {},
    ResolveTicket: {},
    ReopenTicket: {},
    ReleaseTicket: {},
    TransferTicket: {"team_id": OTHER_TEAM},
    AssignTicket: {"agent_id": ADA, "policy": POLICIES[1]},
}


class RandomLife(RuleBasedStateMachine):
    """Commands and messages in any order at any pace, through continue-as-new at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.now: datetime = MONDAY
        self.count = 0
        self.log: list[LifecycleEvent] = []
        self.rollouts: list[UUID] = []

    @initialize()
    def open(self) -> None:
        self.ticket = Ticket(TicketState.of(opening()))
        self.ticket.open(REQUESTER, self.now)

    @rule(seconds=st.integers(0, 40_000) | st.sampled_from([0, 3600, 7200, 28_800, 500_000, 1_300_000]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.ticket.advance(self.now)

    @rule(which=st.sampled_from(POLICIES), priority=st.sampled_from([None, *Priority]))
    def triage(self, which: object, priority: Priority | None) -> None:
        self.send(triage(self.next_id(), policy=which, priority=priority))

    @rule(kind=st.sampled_from(list(SIMPLE)))
    def command(self, kind: type[Command]) -> None:
        self.send(kind(command_id=self.next_id(), actor=AGENT, **SIMPLE[kind]))

    @rule(reason=st.sampled_from(CloseReason), which=st.sampled_from([None, *POLICIES]))
    def close(self, reason: CloseReason, which: object) -> None:
        self.send(CloseTicket(command_id=self.next_id(), actor=AGENT, reason=reason, policy=which))

    @rule(priority=st.sampled_from(Priority))
    def prioritise(self, priority: Priority) -> None:
        self.send(PrioritiseTicket(command_id=self.next_id(), actor=AGENT, priority=priority))

    @rule(which=st.sampled_from(POLICIES))
    def change_policy(self, which: object) -> None:
        self.send(ChangeTicketPolicy(command_id=self.next_id(), actor=AGENT, policy=which))

    @rule(which=st.sampled_from(POLICIES), mode=st.sampled_from([PolicyMode.CARRY, PolicyMode.RESTART]))
    def roll_out(self, which: object, mode: PolicyMode) -> None:
        name = self.next_id()
        self.rollouts.append(an_id(name))
        self.send(
            ChangeTicketPolicy(command_id=name, actor=AGENT, policy=which, mode=mode, rollout_id=self.rollouts[-1])
        )

    @precondition(lambda self: bool(self.rollouts))
    @rule(data=st.data())
    def undo_a_roll_out(self, data: st.DataObject) -> None:
        which = data.draw(st.sampled_from(self.rollouts))
        self.send(RevertTicketPolicy(command_id=self.next_id(), actor=AGENT, rollout_id=which))

    @rule(seconds=st.integers(1, 100_000))
    def set_due(self, seconds: int) -> None:
        due_at = self.now + timedelta(seconds=seconds)
        self.send(SetTicketDue(command_id=self.next_id(), actor=AGENT, due_at=due_at))

    @rule(ago=AGO)
    def reply(self, ago: int) -> None:
        name, at = self.next_id(), self.now - timedelta(seconds=ago)
        self.send(RecordReply(command_id=name, actor=AGENT, message_id=an_id(name), replied_at=at))

    @rule(ago=AGO, is_automatic=st.booleans())
    def write(self, ago: int, *, is_automatic: bool) -> None:
        received_at = self.now - timedelta(seconds=ago)
        self.ticket.receive(message(self.next_id(), received_at, is_automatic=is_automatic), self.now)

    @rule()
    def continue_as_new(self) -> None:
        """The next run knows only what was written down."""
        events = self.ticket.events
        self.ticket = Ticket(TicketState.model_validate_json(self.ticket.state.model_dump_json()))
        self.ticket.events = events

    def next_id(self) -> str:
        self.count += 1
        return f"step-{self.count}"

    def send(self, command: Command) -> None:
        before = self.ticket.state.seq
        revision = self.ticket.state.revision
        self.ticket.advance(self.now)
        advanced = self.ticket.state.seq
        try:
            snapshot = self.ticket.handle(command, self.now)
        except Refusal:
            assert (self.ticket.state.seq, self.ticket.state.revision) == (advanced, revision)
        else:
            assert snapshot.revision == revision + 1
            assert snapshot.seq > before

    @invariant()
    def every_event_is_announced_once_and_in_order(self) -> None:
        self.log += self.ticket.events
        self.ticket.events = []
        assert [event.seq for event in self.log] == list(range(1, len(self.log) + 1))
        assert all(event.snapshot.seq == event.seq for event in self.log)

    @invariant()
    def nothing_is_announced_early_or_twice(self) -> None:
        assert all(event.at <= self.now for event in self.log)
        standing: set[tuple[str, int]] = set()
        for event in self.log:
            match event:
                case SlaBreached(metric=metric, cycle=cycle):
                    assert (metric, cycle) not in standing
                    standing.add((metric, cycle))
                case SlaBreachWithdrawn(metric=metric, cycle=cycle):
                    assert (metric, cycle) in standing
                    standing.remove((metric, cycle))
                case SlaWarned():
                    assert event.at <= event.due_at

    @invariant()
    def verdicts_from_the_log_equal_the_live_ones(self) -> None:
        live: dict[tuple[str, int], Verdict] = {}
        for event in self.log:
            if isinstance(event, SlaSettled):
                live.pop((event.verdict.metric, event.verdict.cycle), None)
                live[event.verdict.metric, event.verdict.cycle] = event.verdict
        envelopes = [Envelope.model_validate_json(e.envelope(f"t:{e.seq}", e.at).model_dump_json()) for e in self.log]
        assert verdicts(from_two_publishers(envelopes), BY_KEY) == list(live.values())
        folded = History.of(envelopes, BY_KEY).folded()
        folded.advance(self.now, BY_KEY)
        kept = facts_of(self.ticket.state.sla.current)
        names = {fact[:2] for fact in kept}
        assert [fact for fact in facts_of(folded) if fact[:2] in names] == kept


def from_two_publishers(envelopes: list[Envelope]) -> list[Envelope]:
    """What timers did comes from the workflow, the rest from whoever asked: each of them late, and newest first."""
    timed = [envelope for envelope in envelopes if envelope.data["actor"] == SYSTEM.model_dump(mode="json")]
    told = [envelope for envelope in envelopes if envelope not in timed]
    return [*reversed(timed), *reversed(told)]


def facts_of(clocks: Clocks) -> list[tuple[object, ...]]:
    """What of the clocks must not depend on the order in which facts arrived."""
    return [
        (
            *(clock.metric, clock.cycle, clock.started_at, clock.elapsed, clock.running_since, clock.target),
            *(clock.due_at, clock.breached_at, clock.settled_at, clock.outcome),
        )
        for clock in clocks.clocks
    ]


class ForgetfulLife(RandomLife):
    """The same with so short a memory that late facts often come too late to be put in their place."""

    def __init__(self) -> None:
        super().__init__()
        self.usual = engine.WINDOW, engine.SPACING
        engine.WINDOW, engine.SPACING = 4, 1

    def teardown(self) -> None:
        engine.WINDOW, engine.SPACING = self.usual


TestRandomLife = RandomLife.TestCase
TestRandomLife.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestForgetfulLife = ForgetfulLife.TestCase
TestForgetfulLife.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
