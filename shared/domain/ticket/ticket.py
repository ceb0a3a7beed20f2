"""The ticket as a state machine: facts and commands in, events out. Pure, so tested in microseconds."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from shared.contracts.commands import AssignTicket, Command, MessageFact, RecordReply, SetTicketDue
from shared.contracts.events import (
    LifecycleEvent,
    SlaBreached,
    SlaBreachWithdrawn,
    SlaSettled,
    SlaWarned,
    TicketArchived,
    TicketClosed,
    TicketMessageRecorded,
    TicketOpened,
    TicketReopened,
    TicketResumed,
)
from shared.contracts.tickets import SYSTEM, Actor, TicketSnapshot
from shared.contracts.vocabulary import Action, ActorKind, CloseReason, Status
from shared.domain.errors import DueInPast, IllegalTransition, PolicyMissing, TicketArchivedError, VersionConflict
from shared.domain.lifecycle import next_state
from shared.domain.sla import Breached, Notice, Settled, Warned, Withdrawn
from shared.domain.ticket.effects import carry_out
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
        if isinstance(command, AssignTicket) and self.state.policy is None and command.policy is None:
            raise PolicyMissing("assigning a new ticket triages it, so the command must carry an SLA policy")
        if isinstance(command, SetTicketDue) and command.due_at <= now:
            raise DueInPast("due_at must lie in the future")

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
                self._apply_due(instant)
        self._touch(now)

    def next_instant(self) -> datetime | None:
        """When something is next due, if nothing else happens."""
        return min(
            (instant for instant in (self.state.sla.next_instant(), self._rest_ends_at()) if instant is not None),
            default=None,
        )

    # -- what commands are made of -------------------------------------------------------------------------------

    def announce(self, kind: type[LifecycleEvent], at: datetime, actor: Actor, **fields: Any) -> None:
        """The one door through which events leave."""
        self.state.seq += 1
        self.events.append(
            kind.model_construct(
                ticket_id=self.state.ticket_id,
                seq=self.state.seq,
                revision=self.state.revision,
                at=at,
                actor=actor,
                snapshot=self.state.snapshot(),
                **fields,
            )
        )

    def notify(self, notices: Iterable[Notice], actor: Actor) -> None:
        """Announces what the clocks have to say."""
        for notice in notices:
            match notice:
                case Warned():
                    self.announce(
                        SlaWarned,
                        notice.at,
                        SYSTEM,
                        metric=notice.metric,
                        cycle=notice.cycle,
                        percent=notice.percent,
                        due_at=notice.due_at,
                    )
                case Breached():
                    self.announce(
                        SlaBreached, notice.at, SYSTEM, metric=notice.metric, cycle=notice.cycle, due_at=notice.due_at
                    )
                case Withdrawn():
                    self.announce(SlaBreachWithdrawn, notice.at, SYSTEM, metric=notice.metric, cycle=notice.cycle)
                case Settled():
                    self.announce(SlaSettled, notice.at, actor, verdict=notice.verdict)

    def move(self, action: Action) -> None:
        """The only place where a status changes."""
        self.state.status = next_state(self.state.status, action)
        if self.state.status is not Status.ON_HOLD:
            self.state.hold_reason = None

    def record_message(self, fact: MessageFact, now: datetime) -> None:
        """Clocks count a message from its receipt; the status follows in the order of arrival."""
        at = min(max(fact.received_at, self.state.opened_at), now)
        if fact.author.kind is ActorKind.AGENT:
            self._record(fact, at, self.state.sla.replied(at))
            return
        if self.state.status in (Status.RESOLVED, Status.CLOSED):
            self.reopen(fact.author, max(at, self.state.closed_at or self.state.resolved_at or at), "requester_message")
        elif self._waits_for_requester():
            self.move(Action.RESUME)
            self.state.sla.resume(at)
            self.announce(TicketResumed, at, fact.author, cause="requester_message")
        self._record(fact, at, self.state.sla.requester_wrote(at))

    def reopen(self, actor: Actor, at: datetime, cause: str) -> None:
        """Opens the ticket again: a new cycle of resolution."""
        self.move(Action.REOPEN)
        self.state.sla.reopen(at)
        self.state.resolved_at = self.state.closed_at = self.state.close_reason = None
        self.state.reopen_count += 1
        self.announce(TicketReopened, at, actor, cause=cause)

    def close(self, actor: Actor, at: datetime, reason: CloseReason, cause: str) -> None:
        """Ends the ticket, but for the reopen window."""
        self.move(Action.CLOSE)
        self.state.closed_at, self.state.close_reason = at, reason
        settled = list(self.state.sla.close(at, reason))
        self.announce(TicketClosed, at, actor, reason=reason, cause=cause)
        self.notify(settled, actor)

    # -- inside --------------------------------------------------------------------------------------------------

    def _record(self, fact: MessageFact, at: datetime, notices: Iterable[Notice]) -> None:
        settled = list(notices)
        self.announce(TicketMessageRecorded, at, fact.author, message_id=fact.message_id, author=fact.author.kind)
        self.notify(settled, fact.author)

    def _waits_for_requester(self) -> bool:
        """`pending` always; `on_hold` only where the policy pauses there."""
        if self.state.status is Status.ON_HOLD:
            return self.state.policy is None or self.state.policy.pause_on_hold
        return self.state.status is Status.PENDING

    def _rest_ends_at(self) -> datetime | None:
        """When the ticket closes, or is archived, by itself."""
        if self.state.status is Status.RESOLVED and self.state.resolved_at is not None:
            return self.state.resolved_at + timedelta(seconds=self.state.times.auto_close_seconds)
        if self.state.status is Status.CLOSED and self.state.closed_at is not None and not self.state.is_archived:
            return self.state.closed_at + timedelta(seconds=self.state.times.reopen_window_seconds)
        return None

    def _apply_due(self, instant: datetime) -> None:
        if self.state.status is Status.RESOLVED:
            self.close(SYSTEM, instant, CloseReason.RESOLVED, "timer")
        elif self.state.status is Status.CLOSED:
            self.state.is_archived = True
            self.announce(TicketArchived, instant, SYSTEM)

    def _touch(self, now: datetime) -> None:
        self.state.updated_at = max(now, self.state.updated_at)


def action_of(command: Command) -> Action | None:
    """The row of the table a command uses; a reply uses none."""
    kind: str = getattr(command, "kind", "")
    return None if kind == "reply" else Action(kind)
