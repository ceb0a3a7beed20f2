"""The ticket as a state machine: facts and commands in, events out. Pure, so tested in microseconds."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from shared.contracts.commands import (
    AssignTicket,
    Command,
    MessageFact,
    RecordReply,
    ReleaseTicket,
    RevertTicketPolicy,
    SetTicketDue,
)
from shared.contracts.events import (
    LifecycleEvent,
    TicketClosed,
    TicketMessageRecorded,
    TicketOpened,
    TicketReopened,
    TicketResolved,
    TicketResumed,
)
from shared.contracts.tickets import SYSTEM, Actor, TicketSnapshot
from shared.contracts.vocabulary import Action, ActorKind, CloseReason, Status
from shared.domain.errors import (
    DueInPast,
    IllegalTransition,
    NotRevertible,
    PolicyMissing,
    TicketArchivedError,
    VersionConflict,
)
from shared.domain.lifecycle import next_state
from shared.domain.sla import Escalated, Notice, fact_of
from shared.domain.ticket.effects import carry_out
from shared.domain.ticket.notices import say, take_step
from shared.domain.ticket.rests import end_rest, rest_ends_at
from shared.domain.ticket.state import TicketState


class Ticket:
    """One ticket. Every public method first brings the ticket to `now`; `events` collects what must be announced."""

    def __init__(self, state: TicketState) -> None:
        self.state = state
        self.events: list[LifecycleEvent] = []

    # -- what may be asked ---------------------------------------------------------------------------------------

    def open(self, requester: Actor, now: datetime) -> None:
        """Announces the ticket."""
        self._touch(now)
        self.announce(TicketOpened, self.state.opened_at, requester)

    def check(self, command: Command, now: datetime) -> None:
        """Raises the Refusal that keeps `command` from taking effect; changes nothing."""
        if self.state.is_archived:
            raise TicketArchivedError("the ticket is archived; open a follow-up instead")
        if command.expected_revision not in (None, self.state.revision):
            raise VersionConflict(
                f"the ticket is at revision {self.state.revision}, not {command.expected_revision}; look at it again",
                revision=self.state.revision,
            )
        action = action_of(command)
        if action is not None:
            next_state(self.state.status, action)
        if action is Action.RELEASE and self.state.assignee_id is None:
            raise IllegalTransition("nobody is assigned, so nobody can be released", action=action.value)
        if isinstance(command, ReleaseTicket) and command.agent_id not in (None, self.state.assignee_id):
            raise IllegalTransition("another agent has the ticket by now", action=Action.RELEASE.value)
        if isinstance(command, AssignTicket) and self.state.policy is None and command.policy is None:
            raise PolicyMissing("assigning a new ticket triages it, so the command must carry an SLA policy")
        if isinstance(command, SetTicketDue) and command.due_at <= now:
            raise DueInPast("due_at must lie in the future")
        if isinstance(command, RevertTicketPolicy) and not self.state.sla.can_revert(command.rollout_id):
            raise NotRevertible("that roll-out does not apply to this ticket, or too much has happened since")

    def handle(self, command: Command, now: datetime) -> TicketSnapshot:
        """Carries a command out and returns the ticket after it. Raises Refusal."""
        self.advance(now)
        self.check(command, now)
        if isinstance(command, RecordReply) and command.message_id in self.state.messages:
            return self.state.snapshot()
        self.state.revision += 1
        carry_out(self, command, now)
        self.advance(now)
        return self.state.snapshot()

    def receive(self, fact: MessageFact, now: datetime) -> None:
        """A message was posted. Seen before, or automatic: nothing happens."""
        self.advance(now)
        if not self.state.remember(fact.message_id) or fact.is_automatic or self.state.is_archived:
            return
        self.state.revision += 1
        self.record_message(fact, now)
        self.advance(now)

    def advance(self, now: datetime) -> None:
        """Applies everything that was due up to `now`, in order."""
        while (instant := self.next_instant()) is not None and instant <= now:
            self._touch(instant)
            before = len(self.events)
            self.notify(self.state.sla.advance(instant), SYSTEM)
            if len(self.events) == before:
                end_rest(self, instant)
        self._touch(now)

    def next_instant(self) -> datetime | None:
        """When something is next due, if nothing else happens."""
        instants = (self.state.sla.next_instant(), rest_ends_at(self.state))
        return min((instant for instant in instants if instant is not None), default=None)

    # -- what commands are made of -------------------------------------------------------------------------------

    def announce(self, kind: type[LifecycleEvent], at: datetime, actor: Actor, **fields: Any) -> None:
        """The one door through which events leave; the clocks hear of each just as they would from the log."""
        self.state.seq += 1
        event = kind.model_construct(
            ticket_id=self.state.ticket_id,
            seq=self.state.seq,
            revision=self.state.revision,
            at=at,
            actor=actor,
            **fields,
        )
        fact = fact_of(event)
        notices = self.state.sla.record(fact) if fact is not None else []
        self.events.append(event.model_copy(update={"snapshot": self.state.snapshot()}))
        self.notify(notices, actor)

    def notify(self, notices: Iterable[Notice], actor: Actor) -> None:
        """Announces what the clocks have to say, then does what they call for."""
        told = [notice for notice in notices if say(self, notice, actor)]
        for notice in told:
            if isinstance(notice, Escalated):
                take_step(self, notice)

    def move(self, action: Action) -> None:
        """The only place where a status changes."""
        self.state.status = next_state(self.state.status, action)
        if self.state.status is not Status.ON_HOLD:
            self.state.hold_reason = None
        if self.state.status not in (Status.ON_HOLD, Status.PENDING):
            self.state.waiting_since = None

    def record_message(self, fact: MessageFact, now: datetime) -> None:
        """Clocks count a message from its receipt; the status follows in the order of arrival."""
        if fact.author.kind is not ActorKind.AGENT:
            self._take_up(fact.author, self._counts_from(fact, now))
        at = self._counts_from(fact, now)
        self.announce(TicketMessageRecorded, at, fact.author, message_id=fact.message_id, author=fact.author.kind)

    def resolve(self, actor: Actor, at: datetime, cause: str) -> None:
        """Declares the matter settled."""
        self.move(Action.RESOLVE)
        self.state.resolved_at, self.state.is_resolved_by_silence = at, cause == "timer"
        self.announce(TicketResolved, at, actor, cause=cause)

    def reopen(self, actor: Actor, at: datetime, cause: str) -> None:
        """Opens the ticket again: a new cycle of resolution."""
        self.move(Action.REOPEN)
        self.state.resolved_at = self.state.closed_at = self.state.close_reason = None
        self.state.reopen_count += 1
        self.announce(TicketReopened, at, actor, cause=cause)

    def close(self, actor: Actor, at: datetime, reason: CloseReason, cause: str) -> None:
        """Ends the ticket, but for the reopen window."""
        self.move(Action.CLOSE)
        self.state.closed_at, self.state.close_reason = at, reason
        self.announce(TicketClosed, at, actor, reason=reason, cause=cause)

    # -- inside --------------------------------------------------------------------------------------------------

    def _counts_from(self, fact: MessageFact, now: datetime) -> datetime:
        """The receipt, within what the ticket has lived through and its clocks can still put in its place."""
        return min(max(fact.received_at, self.state.opened_at, self.state.sla.horizon), now)

    def _take_up(self, author: Actor, at: datetime) -> None:
        """A requester's message ends the waiting, at its receipt if that was not before the waiting began."""
        state = self.state
        if state.status in (Status.RESOLVED, Status.CLOSED):
            self.reopen(author, max(at, state.closed_at or state.resolved_at or at), "requester_message")
        elif self._waits_for_requester():
            since = state.waiting_since
            self.move(Action.RESUME)
            self.announce(TicketResumed, max(at, since or at), author, cause="requester_message")

    def _waits_for_requester(self) -> bool:
        """`pending` always; `on_hold` only where the policy pauses there."""
        if self.state.status is Status.ON_HOLD:
            policy = self.state.policy
            return policy is None or policy.pause_on_hold
        return self.state.status is Status.PENDING

    def _touch(self, now: datetime) -> None:
        self.state.updated_at = max(now, self.state.updated_at)


def action_of(command: Command) -> Action | None:
    """The row of the table a command uses; a reply uses none."""
    kind: str = getattr(command, "kind", "")
    return None if kind == "reply" else Action(_SHARED_ROWS.get(kind, kind))


_SHARED_ROWS = {"revert_policy": Action.CHANGE_POLICY}
"""Commands that are allowed where another one is."""
