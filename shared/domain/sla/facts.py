"""What happened to a ticket, as far as its clocks are concerned: read off its events, live and from the log alike."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from shared.contracts.base import Instant
from shared.contracts.events import (
    Event,
    LifecycleEvent,
    MessagePosted,
    TicketAbsorbed,
    TicketClosed,
    TicketDetached,
    TicketDueSet,
    TicketHeld,
    TicketMessageRecorded,
    TicketPended,
    TicketPolicyChanged,
    TicketPrioritised,
    TicketReopened,
    TicketResolved,
    TicketResumed,
    TicketTriaged,
    TicketUnmerged,
)
from shared.contracts.vocabulary import ActorKind, CloseReason, PolicyMode, Priority


class FactKind(StrEnum):
    """The kinds of facts that affect a clock."""

    TRIAGED = "triaged"
    PRIORITISED = "prioritised"
    POLICY_CHANGED = "policy_changed"
    POLICY_REVERTED = "policy_reverted"
    DUE_SET = "due_set"
    COUNTED_FROM = "counted_from"
    """Another ticket was made part of this one: `due_at` is since when it was to be resolved, `since` answered."""
    MERGE_REVERTED = "merge_reverted"
    WRITTEN = "written"
    REPLIED = "replied"
    ANSWERED_BY_PROGRAM = "answered_by_program"
    """Counts for no clock: a response is a person's."""
    PENDED = "pended"
    HELD = "held"
    RESUMED = "resumed"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened. Facts count in the order of `at`; `seq`, the order of arrival, settles ties."""

    at: Instant
    seq: int
    kind: FactKind
    priority: Priority | None = None
    policy: str | None = None
    """The key of the policy that applies from here on."""
    mode: PolicyMode = PolicyMode.CARRY
    rollout_id: UUID | None = None
    """The roll-out or the merge it belongs to; by it the fact can be taken back."""
    due_at: Instant | None = None
    reason: CloseReason | None = None
    since: Instant | None = None

    @property
    def place(self) -> tuple[Instant, int]:
        """What facts are sorted by."""
        return self.at, self.seq


REVERTING = frozenset((FactKind.POLICY_REVERTED, FactKind.MERGE_REVERTED))
"""Facts that take back others with the same `rollout_id`."""


def in_order(facts: Iterable[Fact]) -> list[Fact]:
    """The facts that count, in the order in which they count: a policy or a merge that was taken back never was."""
    sorted_facts = sorted(facts, key=lambda fact: fact.place)
    reverted = {fact.rollout_id for fact in sorted_facts if fact.kind in REVERTING}
    if not reverted:
        return sorted_facts
    return [fact for fact in sorted_facts if fact.rollout_id is None or fact.rollout_id not in reverted]


PLAIN_KINDS: dict[type[LifecycleEvent], FactKind] = {
    TicketPended: FactKind.PENDED,
    TicketHeld: FactKind.HELD,
    TicketResumed: FactKind.RESUMED,
    TicketResolved: FactKind.RESOLVED,
    TicketReopened: FactKind.REOPENED,
}


SLA_EVENTS: tuple[type[LifecycleEvent], ...] = (
    TicketTriaged,
    TicketPolicyChanged,
    TicketPrioritised,
    TicketDueSet,
    TicketMessageRecorded,
    *PLAIN_KINDS,
    TicketClosed,
    TicketAbsorbed,
    TicketDetached,
    TicketUnmerged,
)
"""Every event that `fact_of` makes a fact of."""


def fact_of(event: LifecycleEvent) -> Fact | None:
    """The fact that an event is to the clocks; None for events that do not affect them."""
    at, seq = event.at, event.seq
    match event:
        case TicketMessageRecorded(author=author):
            return Fact(at, seq, message_fact_kind(author))
        case TicketTriaged() | TicketPolicyChanged():
            return _policy_fact(event)
        case TicketPrioritised(priority=priority):
            return Fact(at, seq, FactKind.PRIORITISED, priority=priority)
        case TicketDueSet(due_at=due_at):
            return Fact(at, seq, FactKind.DUE_SET, due_at=due_at)
        case TicketClosed(reason=reason, merge_id=merge_id):
            return Fact(at, seq, FactKind.CLOSED, reason=reason, rollout_id=merge_id)
        case TicketAbsorbed(merge_id=merge_id, resolution_from=start, waiting_since=since):
            return Fact(at, seq, FactKind.COUNTED_FROM, due_at=start, since=since, rollout_id=merge_id)
        case TicketDetached(merge_id=merge_id) | TicketUnmerged(merge_id=merge_id):
            return Fact(at, seq, FactKind.MERGE_REVERTED, rollout_id=merge_id)
    kind = PLAIN_KINDS.get(type(event))
    return None if kind is None else Fact(at, seq, kind)


def posted_fact(event: Event) -> Fact | None:
    """A message taken from the conversation, where the ticket's own log does not hold it."""
    if not isinstance(event, MessagePosted) or event.is_automatic:
        return None
    return Fact(event.received_at, 0, message_fact_kind(event.author.kind))


def message_fact_kind(author: ActorKind) -> FactKind:
    """A reply by a person or a program of ours, or something a requester wrote."""
    ours = {ActorKind.AGENT: FactKind.REPLIED, ActorKind.PROGRAM: FactKind.ANSWERED_BY_PROGRAM}
    return ours.get(author, FactKind.WRITTEN)


def _policy_fact(event: TicketTriaged | TicketPolicyChanged) -> Fact:
    key = event.policy_digest or f"{event.policy_id}:{event.policy_version}"
    if isinstance(event, TicketTriaged):
        return Fact(event.at, event.seq, FactKind.TRIAGED, priority=event.priority, policy=key)
    kind = FactKind.POLICY_REVERTED if event.mode is PolicyMode.REVERT else FactKind.POLICY_CHANGED
    return Fact(event.at, event.seq, kind, policy=key, mode=event.mode, rollout_id=event.rollout_id)
