"""The core of the ticket's state machine: status changes, messages, and the events both produce."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from shared.contracts.commands import MessageFact
from shared.contracts.events import (
    LifecycleEvent,
    TicketClosed,
    TicketMessageRecorded,
    TicketReopened,
    TicketResolved,
    TicketResumed,
)
from shared.contracts.tickets import Actor
from shared.contracts.vocabulary import Action, CloseReason, Status
from shared.domain.lifecycle import next_state
from shared.domain.sla import ClockEvent, Escalated, fact_of
from shared.domain.ticket.sla_notifications import SlaNotification, apply_escalation, sla_notification
from shared.domain.ticket.state import MergeRecord, TicketState


class TicketCore:
    """A ticket's state and the changes everything else is made of. Nothing here looks at the clock or at permissions.

    `events` collects what has happened and has not been published yet.
    """

    def __init__(self, state: TicketState) -> None:
        self.state = state
        self.events: list[LifecycleEvent] = []

    # -- events --------------------------------------------------------------------------------------------------

    def record_event(self, kind: type[LifecycleEvent], at: datetime, actor: Actor, **fields: Any) -> None:
        """Appends an event with the next `seq`, feeds it to the SLA clocks, and records what they report in turn.

        Every event is made here, so live clocks see exactly what the event log will hold.
        """
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
        clock_events = self.state.sla.record(fact) if fact is not None else []
        self.events.append(event.model_copy(update={"snapshot": self.state.snapshot()}))
        self.record_clock_events(clock_events, actor)

    def record_clock_events(self, clock_events: Iterable[ClockEvent], actor: Actor) -> None:
        """Records all that the clocks reported, then applies the escalation steps among it."""
        escalations: list[Escalated] = []
        for clock_event in clock_events:
            notification = sla_notification(self.state, clock_event, actor)
            if notification is None:
                continue
            self._record(notification)
            if isinstance(clock_event, Escalated):
                escalations.append(clock_event)
        for escalation in escalations:
            change = apply_escalation(self.state, escalation)
            if change is not None:
                self._record(change)

    def touch(self, now: datetime) -> None:
        """Moves `updated_at` forward, never back."""
        self.state.updated_at = max(now, self.state.updated_at)

    # -- status --------------------------------------------------------------------------------------------------

    def move(self, action: Action) -> None:
        """Changes the status; nothing else does. Raises IllegalTransition."""
        self.state.status = next_state(self.state.status, action)
        if self.state.status is not Status.ON_HOLD:
            self.state.hold_reason = None
        if self.state.status not in (Status.ON_HOLD, Status.PENDING):
            self.state.waiting_since = None

    def resolve(self, actor: Actor, at: datetime, cause: str) -> None:
        """Resolves the ticket; `cause` is `command` or `timer`."""
        self.move(Action.RESOLVE)
        self.state.resolved_at, self.state.is_resolved_by_silence = at, cause == "timer"
        self.record_event(TicketResolved, at, actor, cause=cause)

    def reopen(self, actor: Actor, at: datetime, cause: str) -> None:
        """Reopens a resolved or closed ticket, which starts a new cycle of `resolution`."""
        self.move(Action.REOPEN)
        self.state.resolved_at = self.state.closed_at = self.state.close_reason = None
        self.state.reopen_count += 1
        self.record_event(TicketReopened, at, actor, cause=cause)

    def close(self, actor: Actor, at: datetime, reason: CloseReason, cause: str) -> None:
        """Closes the ticket; until the reopen window has passed it can be reopened."""
        self.move(Action.CLOSE)
        self.state.closed_at, self.state.close_reason = at, reason
        self.record_event(TicketClosed, at, actor, reason=reason, cause=cause)

    def unmerge(self, record: MergeRecord) -> None:
        """Brings back the status of before a merge: the one change that is no step of the transition table."""
        state = self.state
        state.merge = None
        for name in ("status", "hold_reason", "close_reason", "resolved_at", "closed_at", "waiting_since"):
            setattr(state, name, getattr(record, name))

    # -- messages ------------------------------------------------------------------------------------------------

    def record_message(self, fact: MessageFact, now: datetime) -> None:
        """Records a message. Clocks count it from its receipt; the status changes in the order of arrival."""
        if not fact.author.kind.is_ours:
            self._resume_or_reopen(fact.author, self._effective_at(fact, now))
        at = self._effective_at(fact, now)
        self.record_event(TicketMessageRecorded, at, fact.author, message_id=fact.message_id, author=fact.author.kind)

    # -- inside --------------------------------------------------------------------------------------------------

    def _record(self, notification: SlaNotification) -> None:
        self.record_event(notification.kind, notification.at, notification.actor, **notification.fields)

    def _effective_at(self, fact: MessageFact, now: datetime) -> datetime:
        """The receipt, clamped to the ticket's lifetime and to what its clocks can still recompute."""
        return min(max(fact.received_at, self.state.opened_at, self.state.sla.horizon), now)

    def _resume_or_reopen(self, author: Actor, at: datetime) -> None:
        """A requester's message ends the waiting, at its receipt if that was not before the waiting began."""
        state = self.state
        if state.status in (Status.RESOLVED, Status.CLOSED):
            self.reopen(author, max(at, state.closed_at or state.resolved_at or at), "requester_message")
        elif self._waits_for_requester():
            since = state.waiting_since
            self.move(Action.RESUME)
            self.record_event(TicketResumed, max(at, since or at), author, cause="requester_message")

    def _waits_for_requester(self) -> bool:
        """`pending` always; `on_hold` only where the policy pauses there."""
        if self.state.status is Status.ON_HOLD:
            policy = self.state.policy
            return policy is None or policy.pause_on_hold
        return self.state.status is Status.PENDING
