"""The verdicts of a ticket, computed again from nothing but its events and the policies."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.contracts.base import PolicyId
from shared.contracts.events import (
    Envelope,
    LifecycleEvent,
    MessagePosted,
    TicketMessageRecorded,
    TicketOpened,
    TicketPolicyChanged,
    TicketTriaged,
)
from shared.contracts.policies import PolicySnapshot
from shared.contracts.tickets import Verdict
from shared.contracts.vocabulary import Priority
from shared.domain.sla.clock_events import Settled
from shared.domain.sla.clocks import Clocks
from shared.domain.sla.engine import Sla
from shared.domain.sla.facts import Fact, fact_of, in_order, posted_fact

Policies = Mapping[PolicyId, PolicySnapshot] | Mapping[UUID, PolicySnapshot] | Mapping[str, PolicySnapshot]
"""By id where one version is all there is; else by digest, or by `<id>:<version>`."""


def verdicts(events: Iterable[Envelope], policies: Policies) -> list[Verdict]:
    """The last revision of every verdict of one ticket, in the order in which they were settled.

    `events` may come in any order and more than once. Raises ValueError without `ticket.opened`,
    KeyError for a policy that is not given.
    """
    return History.of(events, policies).verdicts()


def verdicts_of(clocks: Clocks) -> list[Verdict]:
    """The verdicts of clocks that were folded at once, in the order of their settling."""
    found = [verdict for clock in clocks.clocks if (verdict := clock.verdict()) is not None]
    return sorted(found, key=lambda verdict: verdict.settled_at)


class History:
    """What the log of one ticket says to its clocks: where they begin, and facts in the order of their arrival."""

    def __init__(
        self, opened_at: datetime, priority: Priority, facts: list[Fact], policies: dict[str, PolicySnapshot]
    ) -> None:
        self.opened_at, self.priority, self.facts, self.policies = opened_at, priority, facts, policies

    @classmethod
    def of(cls, envelopes: Iterable[Envelope], policies: Policies) -> "History":
        """Reads a log. Raises ValueError without `ticket.opened`, KeyError for a policy that is not given."""
        events = [envelope.open() for envelope in {envelope.id: envelope for envelope in envelopes}.values()]
        lifecycle = sorted((one for one in events if isinstance(one, LifecycleEvent)), key=lambda event: event.seq)
        opened = next((event for event in lifecycle if isinstance(event, TicketOpened)), None)
        if opened is None:
            raise ValueError("the events hold no ticket.opened")
        recorded = {event.message_id for event in lifecycle if isinstance(event, TicketMessageRecorded)}
        posted = [one for one in events if isinstance(one, MessagePosted) and one.message_id not in recorded]
        facts = [fact for event in lifecycle if (fact := fact_of(event)) is not None]
        for fact in sorted(filter(None, map(posted_fact, posted)), key=lambda fact: fact.at):
            _arrive(facts, fact, opened.snapshot.opened_at)
        return cls(opened.snapshot.opened_at, opened.snapshot.priority, facts, _named(lifecycle, policies))

    def verdicts(self) -> list[Verdict]:
        """The last revision of every verdict, with facts applied in the order of their arrival, as live."""
        sla = Sla.begin(self.opened_at, self.priority)
        latest: dict[tuple[str, int], Verdict] = {}
        for fact in self.facts:
            if fact.policy is not None:
                sla.policies[fact.policy] = self.policies[fact.policy]
            for notice in sla.record(fact):
                if isinstance(notice, Settled):
                    key = (notice.verdict.metric.value, notice.verdict.cycle)
                    latest.pop(key, None)
                    latest[key] = notice.verdict
        return list(latest.values())

    def folded(self) -> Clocks:
        """The clocks after all facts in the order of their instants, at once."""
        return Clocks(self.opened_at, self.priority).fold(in_order(self.facts), self.policies)


def _arrive(facts: list[Fact], fact: Fact, opened_at: datetime) -> None:
    """Puts a message that the ticket's own log does not hold where it will have arrived."""
    at = max(fact.at, opened_at)
    place = next((nth for nth, known in enumerate(facts) if known.at > at), len(facts))
    seq = facts[place - 1].seq if place else 0
    facts.insert(place, Fact(at, seq, fact.kind))


def _named(events: Iterable[LifecycleEvent], policies: Mapping[Any, PolicySnapshot]) -> dict[str, PolicySnapshot]:
    """The policies by the keys under which facts name them."""
    given = {str(key): policy for key, policy in policies.items()}
    for policy in policies.values():
        given.setdefault(policy.key, policy)
        given.setdefault(f"{policy.policy_id}:{policy.version}", policy)
    found: dict[str, PolicySnapshot] = {}
    for event in events:
        if isinstance(event, TicketTriaged | TicketPolicyChanged):
            version = f"{event.policy_id}:{event.policy_version}"
            names = (event.policy_digest, version, str(event.policy_id))
            name = next((name for name in names if name in given), names[-1])
            found[event.policy_digest or version] = given[name]
    return found
