"""A ticket told in events, with its own ids, so that tests do not meet."""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, Literal

from shared.contracts.base import AgentId, MessageId, TeamId, TicketId
from shared.contracts.events import (
    AccessLinkRequested,
    AgentChanged,
    Author,
    Envelope,
    Event,
    FollowerChanged,
    LifecycleEvent,
    MessagePosted,
    Person,
    ReturnedTicket,
    SlaBreached,
    SlaBreachWithdrawn,
    SlaWarned,
    TeamChanged,
    TicketAbsorbed,
    TicketAssigned,
    TicketClosed,
    TicketErased,
    TicketEscalated,
    TicketMentioned,
    TicketOpened,
    TicketReleased,
    TicketReminded,
    TicketReopened,
    TicketResolved,
    TicketsReturned,
    TicketSubmitted,
    TicketTransferred,
    TicketTriaged,
)
from shared.contracts.names import ticket_workflow_id
from shared.contracts.tickets import SYSTEM, Actor
from shared.contracts.vocabulary import (
    ActorKind,
    BodyFormat,
    Channel,
    CloseReason,
    Metric,
    Priority,
    ReturnReason,
    Status,
)
from shared.kit.clock import new_id, utc_now
from tests.contracts.examples import POLICY, SNAPSHOT, at

_numbers = count(500_001)
METRIC = {"metric": Metric.RESOLUTION, "cycle": 1}


@dataclass
class TicketEvents:
    """One ticket of Ruth's, with agent Ada and Grace, who leads the team."""

    subject: str = "Online banking system down"
    ticket_id: TicketId = field(default_factory=lambda: TicketId(new_id()))
    number: str = field(default_factory=lambda: str(next(_numbers)))
    ada: AgentId = field(default_factory=lambda: AgentId(new_id()))
    grace: AgentId = field(default_factory=lambda: AgentId(new_id()))
    team: TeamId = field(default_factory=lambda: TeamId(new_id()))
    revision: int | None = None
    """Of every step, as if one command had brought them all; None: each step is of a command of its own."""

    @property
    def requester(self) -> str:
        return f"ruth-{self.number}@bank.example"

    def people(self) -> list[Envelope]:
        """The agents and their team, as assignment announces them."""
        return [
            self.agent(self.ada, "Ada Lovelace"),
            self.agent(self.grace, "Grace Hopper"),
            self.members(self.ada, self.grace),
        ]

    def members(
        self, *agents: AgentId, workers: tuple[AgentId, ...] | None = None, version: int = 1, **changes: Any
    ) -> Envelope:
        """The team with these members; Grace leads it, a member or not, unless `changes` names another."""
        values: dict[str, Any] = {
            "team_id": self.team,
            "slug": "banking",
            "name": "Banking",
            "lead_id": self.grace,
            "member_ids": agents,
            "worker_ids": workers,
            "viewer_ids": agents,
            "version": version,
        }
        return wrapped(TeamChanged(**(values | changes)))

    def agent(self, agent_id: AgentId, name: str, **changes: Any) -> Envelope:
        email = f"{name.split()[0].lower()}-{self.number}@everdesk.example"
        values: dict[str, Any] = {
            "agent_id": agent_id,
            "email": email,
            "name": name,
            "is_active": True,
            "is_available": True,
            "version": 1,
        }
        return wrapped(AgentChanged(**(values | changes)))

    def submitted(self, **changes: Any) -> Envelope:
        values: dict[str, Any] = {
            "ticket_id": self.ticket_id,
            "number": self.number,
            "message_id": MessageId(new_id()),
            "requester": Person(email=self.requester, name="Ruth Okafor"),
            "subject": self.subject,
            "body": "Nobody can log in.",
            "body_format": BodyFormat.TEXT,
            "channel": Channel.PORTAL,
            "received_at": utc_now(),
        }
        return wrapped(TicketSubmitted(**(values | changes)))

    def message(self, kind: ActorKind, body: str = "Hello there.", **changes: Any) -> Envelope:
        name, author_id = ("Ada Lovelace", self.ada) if kind is ActorKind.AGENT else ("Ruth Okafor", None)
        email = None if kind is ActorKind.AGENT else self.requester
        values: dict[str, Any] = {
            "ticket_id": self.ticket_id,
            "message_id": MessageId(new_id()),
            "author": Author(kind=kind, id=author_id, name=name, email=email),
            "body": body,
            "body_format": BodyFormat.TEXT,
            "channel": Channel.DESK,
            "received_at": utc_now(),
        }
        return wrapped(MessagePosted(**(values | changes)))

    def link_requested(self, wanted: Literal["ticket", "everything"] = "ticket") -> Envelope:
        return wrapped(AccessLinkRequested(ticket_id=self.ticket_id, wanted=wanted, requested_at=utc_now()))

    def opened(self) -> Envelope:
        return self._step(TicketOpened, 1, SYSTEM, status=Status.NEW, team_id=None, assignee_id=None)

    def triaged(self) -> Envelope:
        return self._step(
            TicketTriaged,
            2,
            SYSTEM,
            {"team_id": self.team, "priority": Priority.URGENT, "policy_id": POLICY, "policy_version": 1},
            assignee_id=None,
        )

    def assigned(self, seq: int = 3, by: AgentId | None = None) -> Envelope:
        actor = Actor(kind=ActorKind.AGENT, id=by or self.grace)
        return self._step(TicketAssigned, seq, actor, {"agent_id": self.ada})

    def transferred(self, by: AgentId | None, seq: int = 4, to: TeamId | None = None, **snapshot: Any) -> Envelope:
        actor, team = Actor(kind=ActorKind.AGENT, id=by) if by else SYSTEM, to or self.team
        seen = {"team_id": team, "assignee_id": None} | snapshot
        return self._step(TicketTransferred, seq, actor, {"team_id": team}, **seen)

    def released(self, seq: int = 4) -> Envelope:
        values = {"previous_agent_id": self.ada, "reason": ReturnReason.AGENT_INACTIVE}
        return self._step(TicketReleased, seq, SYSTEM, values, assignee_id=None)

    def returned(self, *others: ReturnedTicket, told: tuple[AgentId, ...]) -> Envelope:
        """This ticket, and perhaps others beside it, back from Ada, who is switched off."""
        mine = ReturnedTicket(
            ticket_id=self.ticket_id, number=self.number, priority=Priority.URGENT, reason=ReturnReason.AGENT_INACTIVE
        )
        event = TicketsReturned(
            team_id=self.team,
            team="Banking",
            previous="Ada Lovelace",
            tickets=(mine, *others),
            count=1 + len(others),
            told=told,
            returned_at=utc_now(),
        )
        return wrapped(event)

    def given(self, seq: int = 3) -> Envelope:
        """To Ada, by the system: as routing does on arrival, and an escalation later."""
        return self._step(TicketAssigned, seq, SYSTEM, {"agent_id": self.ada})

    def reassigned(self, agent_id: AgentId, seq: int = 5) -> Envelope:
        """By the system, to another agent."""
        return self._step(TicketAssigned, seq, SYSTEM, {"agent_id": agent_id}, assignee_id=agent_id)

    def warned(
        self, seq: int = 4, *, percent: int = 75, metric: Metric = Metric.RESOLUTION, **snapshot: Any
    ) -> Envelope:
        return self._step(
            SlaWarned, seq, SYSTEM, METRIC | {"metric": metric, "percent": percent, "due_at": at(240)}, **snapshot
        )

    def breached(self, seq: int = 5, *, metric: Metric = Metric.RESOLUTION, **snapshot: Any) -> Envelope:
        return self._step(SlaBreached, seq, SYSTEM, METRIC | {"metric": metric, "due_at": at(240)}, **snapshot)

    def withdrawn(self, seq: int = 7, *, metric: Metric = Metric.RESOLUTION, **snapshot: Any) -> Envelope:
        return self._step(SlaBreachWithdrawn, seq, SYSTEM, METRIC | {"metric": metric}, **snapshot)

    def escalated(self, seq: int = 6, *, step: dict[str, Any] | None = None, **snapshot: Any) -> Envelope:
        """A step of the ladder, taken 10 minutes before the clock is due unless `step` says otherwise."""
        values = METRIC | {"step": 1, "do": "notify", "due_at": at(seq + 10)} | (step or {})
        return self._step(TicketEscalated, seq, SYSTEM, values, **snapshot)

    def reminded(self, seq: int = 6, resolves_at: datetime | None = None) -> Envelope:
        values = {"reminder": 1, "pending_since": at(5), "resolves_at": resolves_at}
        return self._step(TicketReminded, seq, SYSTEM, values, status=Status.PENDING)

    def resolved(self, seq: int = 6) -> Envelope:
        return self._step(TicketResolved, seq, Actor(kind=ActorKind.AGENT, id=self.ada), status=Status.RESOLVED)

    def absorbed(self, source: TicketId, seq: int = 6) -> Envelope:
        """Another ticket became part of this one."""
        actor = Actor(kind=ActorKind.AGENT, id=self.ada)
        return self._step(TicketAbsorbed, seq, actor, {"source_id": source, "merge_id": new_id()})

    def reopened(self, seq: int = 7, cause: Literal["command", "requester_message"] = "command") -> Envelope:
        actor = Actor(kind=ActorKind.AGENT, id=self.ada)
        return self._step(TicketReopened, seq, actor, {"cause": cause}, status=Status.OPEN)

    def closed(self, seq: int = 8) -> Envelope:
        actor = Actor(kind=ActorKind.AGENT, id=self.ada)
        values = {"cause": "command", "reason": CloseReason.RESOLVED}
        return self._step(TicketClosed, seq, actor, values, status=Status.CLOSED)

    def erased(self) -> Envelope:
        return wrapped(TicketErased(ticket_id=self.ticket_id, erased_at=utc_now()))

    def mentioned(self, *agents: AgentId, by: AgentId | None = None) -> Envelope:
        """A note of Ada's, unless somebody else wrote it, that names these agents."""
        return wrapped(
            TicketMentioned(
                ticket_id=self.ticket_id,
                note_id=MessageId(new_id()),
                actor=Actor(kind=ActorKind.AGENT, id=by or self.ada),
                agent_ids=agents,
                mentioned_at=utc_now(),
            )
        )

    def follows(self, agent_id: AgentId, *, is_following: bool = True) -> Envelope:
        return wrapped(
            FollowerChanged(
                ticket_id=self.ticket_id, agent_id=agent_id, is_following=is_following, changed_at=utc_now()
            )
        )

    def resolved_by_silence(self, seq: int = 7) -> Envelope:
        return self._step(TicketResolved, seq, SYSTEM, {"cause": "timer"}, status=Status.RESOLVED)

    def _step(
        self,
        event: type[LifecycleEvent],
        seq: int,
        actor: Actor,
        values: dict[str, Any] | None = None,
        **snapshot: Any,
    ) -> Envelope:
        seen = SNAPSHOT.model_copy(
            update={
                "ticket_id": self.ticket_id,
                "number": self.number,
                "seq": seq,
                "team_id": self.team,
                "assignee_id": self.ada,
                **snapshot,
            }
        )
        made = event(
            ticket_id=self.ticket_id,
            seq=seq,
            revision=self.revision or seq,
            at=at(seq),
            actor=actor,
            snapshot=seen,
            **(values or {}),
        )
        return made.envelope(f"{ticket_workflow_id(self.ticket_id)}:{seq}", at(seq))


def wrapped(event: Event) -> Envelope:
    """An event of a service, with an id of its own."""
    return event.envelope(str(new_id()), utc_now())
