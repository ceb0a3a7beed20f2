"""What each update of the incident log means in Everdesk: one table, and the plan it gives for a row.

| in the log | in Everdesk |
|---|---|
| `opened_at`, the first row's priority | the workflow starts: `OpenTicket` |
| `sys_updated_at` | the instant of everything below (a row the log has late: the instant of the row above it) |
| the first row with an `assignment_group` | `triage`, with the policy and `assigned_to` |
| a state other than New before any group | `triage` to the fallback team, first |
| another `assignment_group` | `transfer`, and `assign` again if the row still names an agent |
| no `assignment_group` any more | nothing: a ticket keeps its team |
| another `assigned_to`; none any more | `assign`; `release` |
| another `priority` | `prioritise`: 1 Critical = urgent, 2 High = high, 3 Moderate = normal, 4 Low = low |
| Active | out of `pending`: the requester's answer (proxy); out of `on_hold`: `resume` |
| Awaiting User Info | a public reply (proxy: a question was asked), then `pend`; out of `on_hold` `resume` first |
| Awaiting Vendor, Problem, Evidence | `hold` for vendor, problem, third_party; with another reason `resume` first |
| Resolved | `resolve` |
| Closed | `close` as resolved, unless the ticket has closed by itself five days after it was resolved |
| back from Resolved or Closed to an open state | `reopen` first |
| New, -100 | no change of status |
| a row that changes no listed column, by a person, while new, open or on hold | a public reply (proxy: a comment) |
| changes on a ticket that has closed (by itself, too) | refused by the lifecycle: not sent, counted |

**The proxies.** The log has no messages: whoever wrote a row, the account also resolves incidents, so no caller ever
writes, and comments are not told from work notes. So that `first_response` and `next_response` run at all, three
rows stand for messages: a row that changes nothing listed (a comment leaves that trace), the question behind
Awaiting User Info, and the answer that ends it (99 % of the incidents came by phone: agents write it down).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from shared.contracts.base import AgentId, MessageId, TeamId
from shared.contracts.commands import (
    AssignTicket,
    CloseTicket,
    Command,
    HoldTicket,
    MessageFact,
    PendTicket,
    PrioritiseTicket,
    RecordReply,
    ReleaseTicket,
    ReopenTicket,
    ResolveTicket,
    ResumeTicket,
    TransferTicket,
    TriageTicket,
)
from shared.contracts.policies import PolicySnapshot
from shared.contracts.tickets import SYSTEM, Actor
from shared.contracts.vocabulary import ActorKind, CloseReason, HoldReason, Priority, Status
from shared.domain.ticket import TicketState
from tests.replay.incident_log import Row
from tests.support.tickets import REQUESTER, an_id

WANTED: Mapping[str, Status | None] = MappingProxyType(
    {
        "New": None,
        "-100": None,
        "Active": Status.OPEN,
        "Awaiting User Info": Status.PENDING,
        "Awaiting Vendor": Status.ON_HOLD,
        "Awaiting Problem": Status.ON_HOLD,
        "Awaiting Evidence": Status.ON_HOLD,
        "Resolved": Status.RESOLVED,
        "Closed": Status.CLOSED,
    }
)
HOLD_REASONS: Mapping[str, HoldReason] = MappingProxyType(
    {
        "Awaiting Vendor": HoldReason.VENDOR,
        "Awaiting Problem": HoldReason.PROBLEM,
        "Awaiting Evidence": HoldReason.THIRD_PARTY,
    }
)
PRIORITIES: Mapping[str, Priority] = MappingProxyType(
    {
        "1 - Critical": Priority.URGENT,
        "2 - High": Priority.HIGH,
        "3 - Moderate": Priority.NORMAL,
        "4 - Low": Priority.LOW,
    }
)
AUTOMATON = "Updated by 908"
"""The account that closed 24,667 incidents, nearly all five days after they were resolved, and
otherwise wrote first rows only."""
FALLBACK_TEAM = TeamId(an_id("no group named"))
AT_REST = (Status.RESOLVED, Status.CLOSED)
WORKED_ON = (Status.OPEN, Status.PENDING, Status.ON_HOLD)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing done, or the reason why nothing is."""

    why: str
    deed: Command | MessageFact | None = None


@dataclass
class MappedStatus:
    """What the plan must know of the ticket it is made for."""

    status: Status
    priority: Priority
    team_id: TeamId | None = None
    agent_id: AgentId | None = None
    hold_reason: HoldReason | None = None

    @classmethod
    def of(cls, state: TicketState) -> "MappedStatus":
        """How a ticket stands."""
        snapshot = state.snapshot()
        return cls(snapshot.status, snapshot.priority, snapshot.team_id, snapshot.assignee_id, snapshot.hold_reason)


@dataclass
class Plan:
    """The steps of one row, in the order in which the lifecycle takes them."""

    row: Row
    key: str
    policy: PolicySnapshot
    ticket: MappedStatus
    steps: list[Step] = field(default_factory=list)

    @property
    def wanted(self) -> Status | None:
        """The status the row asks for, if any."""
        return WANTED[self.row.state]

    def do(self, why: str, kind: type[Command], status: Status | None = None, **fields: Any) -> None:
        """Adds a command, after which the ticket has `status`."""
        command_id = f"{self.key}:{len(self.steps)}"
        self.steps.append(Step(why, kind(command_id=command_id, actor=actor_of(self.row), **fields)))
        self.ticket.status = status or self.ticket.status

    def skip(self, why: str) -> None:
        """Counts what is not sent."""
        self.steps.append(Step(why))

    # -- the table, top to bottom ----------------------------------------------------------------------------------

    def reopen(self) -> None:
        if self.ticket.status in AT_REST and self.wanted in WORKED_ON:
            self.do(f"reopen from {self.ticket.status}", ReopenTicket, Status.OPEN)

    def triage(self) -> None:
        if self.ticket.status is not Status.NEW or (self.row.group is None and self.wanted is None):
            return
        why = "triage" if self.row.group else "triage to the fallback team: it leaves New without a group"
        self.ticket.team_id = team_of(self.row.group) or FALLBACK_TEAM
        self.ticket.agent_id = agent_of(self.row.agent)
        self.do(
            why,
            TriageTicket,
            Status.OPEN,
            team_id=self.ticket.team_id,
            policy=self.policy,
            agent_id=self.ticket.agent_id,
        )

    def hand_over(self) -> None:
        team_id, agent_id = team_of(self.row.group), agent_of(self.row.agent)
        if "assignment_group" in self.row.changed and team_id is None:
            self.skip("group cleared: the team is kept")
        if team_id not in (None, self.ticket.team_id):
            self.change("assignment_group", "transfer", TransferTicket, team_id=team_id)
            self.ticket.team_id, self.ticket.agent_id = team_id, None
        if agent_id not in (None, self.ticket.agent_id):
            self.change("assigned_to", "assign", AssignTicket, agent_id=agent_id)
        elif agent_id is None and self.ticket.agent_id is not None:
            self.change("assigned_to", "release", ReleaseTicket)
        self.ticket.agent_id = agent_id

    def prioritise(self) -> None:
        priority = PRIORITIES[self.row.priority]
        if priority is not self.ticket.priority:
            self.change("priority", "prioritise", PrioritiseTicket, priority=priority)

    def change(self, column: str, why: str, kind: type[Command], **fields: Any) -> None:
        """A change in place: the lifecycle takes it in any status but closed, an assignment not before triage."""
        if self.ticket.status is Status.CLOSED:
            if column in self.row.changed:
                self.skip(f"{why} after closing: refused by the lifecycle")
        elif self.ticket.status is Status.NEW and kind is AssignTicket:
            self.do("assign triages too: it names no group", AssignTicket, Status.OPEN, policy=self.policy, **fields)
        else:
            self.do(why, kind, **fields)

    def move(self) -> None:
        """Brings the ticket to the status the row asks for."""
        match self.ticket.status, self.wanted:
            case Status.PENDING, Status.OPEN:
                fact = MessageFact(message_id=self.message_id, author=REQUESTER, received_at=self.row.at)
                self.steps.append(Step("requester's answer (proxy)", fact))
            case Status.ON_HOLD, Status.OPEN:
                self.do("resume", ResumeTicket)
            case ((Status.OPEN | Status.ON_HOLD), Status.PENDING):
                self.pend()
            case ((Status.OPEN | Status.PENDING | Status.ON_HOLD), Status.ON_HOLD):
                self.hold()
            case ((Status.OPEN | Status.PENDING | Status.ON_HOLD), Status.RESOLVED):
                self.do("resolve", ResolveTicket)
            case ((Status.OPEN | Status.PENDING | Status.ON_HOLD | Status.RESOLVED), Status.CLOSED):
                self.do("close", CloseTicket, reason=CloseReason.RESOLVED)
            case Status.CLOSED, Status.CLOSED if "incident_state" in self.row.changed:
                self.skip("closed by itself before the log's closing")

    def pend(self) -> None:
        if self.ticket.status is Status.ON_HOLD:
            self.do("resume first, to pend", ResumeTicket, Status.OPEN)
        self.reply("question to the requester (proxy)")
        self.do("pend", PendTicket)

    def hold(self) -> None:
        reason = HOLD_REASONS[self.row.state]
        if self.ticket.status is Status.ON_HOLD:
            if reason is self.ticket.hold_reason:
                return
            self.do("resume first, to hold for another reason", ResumeTicket, Status.OPEN)
        self.do("hold", HoldTicket, reason=reason)

    def comment(self) -> None:
        is_worked_on = self.ticket.status in (Status.NEW, Status.OPEN, Status.ON_HOLD)
        if self.row.is_silent and is_worked_on and self.row.state != "-100" and self.row.updated_by != AUTOMATON:
            self.reply("comment by a person (proxy)")

    def reply(self, why: str) -> None:
        self.do(why, RecordReply, message_id=self.message_id, replied_at=self.row.at)

    @property
    def message_id(self) -> MessageId:
        return MessageId(an_id(f"{self.key}:{len(self.steps)}"))


def steps_of(row: Row, key: str, policy: PolicySnapshot, standing: MappedStatus) -> list[Step]:
    """What is done for a row on a ticket that stands so: at least one step, if only to say that nothing is."""
    plan = Plan(row, key, policy, standing)
    for part in (plan.reopen, plan.triage, plan.hand_over, plan.prioritise, plan.comment, plan.move):
        part()
    if not plan.steps:
        plan.skip("changes only what a ticket does not have" if row.changed else "changes nothing: no message either")
    return plan.steps


def actor_of(row: Row) -> Actor:
    """Who wrote the row."""
    return SYSTEM if row.updated_by == AUTOMATON else Actor(kind=ActorKind.AGENT, id=an_id(row.updated_by))


def team_of(group: str | None) -> TeamId | None:
    """The team of a group of the log."""
    return TeamId(an_id(group)) if group else None


def agent_of(name: str | None) -> AgentId | None:
    """The agent of a resolver of the log."""
    return AgentId(an_id(name)) if name else None
