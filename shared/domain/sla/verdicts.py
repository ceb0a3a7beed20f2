"""The verdicts of a ticket, computed again from nothing but its events and the policies."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.contracts.base import PolicyId
from shared.contracts.events import (
    Envelope,
    Event,
    LifecycleEvent,
    MessagePosted,
    TicketClosed,
    TicketDueSet,
    TicketHeld,
    TicketMessageRecorded,
    TicketOpened,
    TicketPended,
    TicketPolicyChanged,
    TicketPrioritised,
    TicketReopened,
    TicketResolved,
    TicketResumed,
    TicketTriaged,
)
from shared.contracts.policies import PolicySnapshot
from shared.contracts.tickets import Verdict
from shared.contracts.vocabulary import ActorKind
from shared.domain.sla.engine import Sla
from shared.domain.sla.notices import Notice, Settled

Policies = Mapping[PolicyId, PolicySnapshot] | Mapping[UUID, PolicySnapshot] | Mapping[str, PolicySnapshot]


@dataclass(frozen=True, slots=True)
class _Fact:
    """An event at the instant that counts for clocks; `rank` orders what has the same instant."""

    at: datetime
    rank: int
    event: Event


def verdicts(events: Iterable[Envelope], policies: Policies) -> list[Verdict]:
    """The last revision of every verdict of one ticket, in the order in which they were settled.

    `events` may come in any order and more than once. Raises ValueError without `ticket.opened`,
    KeyError for a policy that is not given.
    """
    facts = _facts(events)
    opened = next((fact.event for fact in facts if isinstance(fact.event, TicketOpened)), None)
    if opened is None:
        raise ValueError("the events hold no ticket.opened")
    sla = Sla(opened_at=opened.snapshot.opened_at, priority=opened.snapshot.priority)
    latest: dict[tuple[str, int], Verdict] = {}
    for fact in facts:
        for notice in (*sla.advance(fact.at), *_apply(sla, fact, policies), *sla.advance(fact.at)):
            if isinstance(notice, Settled):
                key = (notice.verdict.metric.value, notice.verdict.cycle)
                latest.pop(key, None)
                latest[key] = notice.verdict
    return list(latest.values())


def _facts(envelopes: Iterable[Envelope]) -> list[_Fact]:
    events = [envelope.open() for envelope in {envelope.id: envelope for envelope in envelopes}.values()]
    lifecycle = sorted((event for event in events if isinstance(event, LifecycleEvent)), key=lambda event: event.seq)
    if not lifecycle:
        return []
    opened_at = lifecycle[0].snapshot.opened_at
    recorded = {event.message_id for event in lifecycle if isinstance(event, TicketMessageRecorded)}
    facts = [_Fact(max(event.at, opened_at), event.seq, event) for event in lifecycle]
    facts += [
        _Fact(max(event.received_at, opened_at), 0, event)
        for event in events
        if isinstance(event, MessagePosted) and not event.is_automatic and event.message_id not in recorded
    ]
    return sorted(facts, key=lambda fact: (fact.at, fact.rank))


def _apply(sla: Sla, fact: _Fact, policies: Policies) -> Iterator[Notice]:
    """Feeds one event to the clocks; exactly one of the three kinds of fact knows it."""
    yield from _retarget(sla, fact, policies)
    yield from _change_status(sla, fact)
    match fact.event:
        case TicketMessageRecorded(author=kind):
            yield from _message(sla, kind, fact.at)
        case MessagePosted(author=author):
            yield from _message(sla, author.kind, fact.at)


def _retarget(sla: Sla, fact: _Fact, policies: Policies) -> Iterator[Notice]:
    match fact.event:
        case TicketTriaged(policy_id=policy_id, priority=priority):
            sla.apply_priority(priority, fact.at)
            yield from sla.apply_policy(_policy(policies, policy_id), fact.at)
        case TicketPolicyChanged(policy_id=policy_id):
            yield from sla.apply_policy(_policy(policies, policy_id), fact.at)
        case TicketPrioritised(priority=priority):
            sla.apply_priority(priority, fact.at)
        case TicketDueSet(due_at=due_at):
            sla.fix_due(due_at)


def _change_status(sla: Sla, fact: _Fact) -> Iterator[Notice]:
    match fact.event:
        case TicketPended():
            sla.pause(fact.at)
        case TicketHeld():
            sla.hold(fact.at)
        case TicketResumed():
            sla.resume(fact.at)
        case TicketResolved():
            yield from sla.resolve(fact.at)
        case TicketReopened():
            sla.reopen(fact.at)
        case TicketClosed(reason=reason):
            yield from sla.close(fact.at, reason)


def _message(sla: Sla, author: ActorKind, at: datetime) -> Iterator[Notice]:
    if author is ActorKind.AGENT:
        yield from sla.replied(at)
    else:
        yield from sla.requester_wrote(at)


def _policy(policies: Policies, policy_id: PolicyId | UUID) -> PolicySnapshot:
    by_text = {str(key): policy for key, policy in policies.items()}
    return by_text[str(policy_id)]
