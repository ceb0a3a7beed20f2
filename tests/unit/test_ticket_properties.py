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
    SetTicketDue,
    TransferTicket,
)
from shared.contracts.events import Envelope, LifecycleEvent, SlaBreached, SlaSettled, SlaWarned
from shared.contracts.tickets import Verdict
from shared.contracts.vocabulary import CloseReason, HoldReason, Priority
from shared.domain.errors import Refusal
from shared.domain.sla import verdicts
from shared.domain.ticket import Ticket, TicketState
from tests.support.tickets import (
    ADA,
    AGENT,
    MONDAY,
    OFFICE,
    OTHER_TEAM,
    REQUESTER,
    an_id,
    message,
    opening,
    policy,
    triage,
)

POLICIES = [
    policy("Standard"),
    policy("Office", hours=OFFICE, pause_on_hold=False, version=3),
    policy("Grace", reopen_grace_seconds=7200, warn_at=(10, 99)),
]
BY_ID: dict[UUID, object] = {each.policy_id: each for each in POLICIES}
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

    @rule(seconds=st.integers(1, 100_000))
    def set_due(self, seconds: int) -> None:
        due_at = self.now + timedelta(seconds=seconds)
        self.send(SetTicketDue(command_id=self.next_id(), actor=AGENT, due_at=due_at))

    @rule()
    def reply(self) -> None:
        name = self.next_id()
        self.send(RecordReply(command_id=name, actor=AGENT, message_id=an_id(name), replied_at=self.now))

    @rule(is_automatic=st.booleans())
    def write(self, *, is_automatic: bool) -> None:
        self.ticket.receive(message(self.next_id(), self.now, is_automatic=is_automatic), self.now)

    @precondition(lambda self: bool(self.ticket.events))
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
        breached = [(e.metric, e.cycle) for e in self.log if isinstance(e, SlaBreached)]
        assert len(breached) == len(set(breached))
        assert all(event.at <= event.due_at for event in self.log if isinstance(event, SlaWarned))

    @invariant()
    def verdicts_from_the_log_equal_the_live_ones(self) -> None:
        live: dict[tuple[str, int], Verdict] = {}
        for event in self.log:
            if isinstance(event, SlaSettled):
                live.pop((event.verdict.metric, event.verdict.cycle), None)
                live[event.verdict.metric, event.verdict.cycle] = event.verdict
        envelopes = [Envelope.model_validate_json(e.envelope(f"t:{e.seq}", e.at).model_dump_json()) for e in self.log]
        assert verdicts(reversed(envelopes), BY_ID) == list(live.values())  # type: ignore[arg-type]


TestRandomLife = RandomLife.TestCase
TestRandomLife.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
