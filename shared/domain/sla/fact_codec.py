"""Decodes facts from the fields stored beside each event, so that re-judging need not read whole events."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.contracts.base import Instant
from shared.contracts.events import (
    TicketAbsorbed,
    TicketClosed,
    TicketDetached,
    TicketDueSet,
    TicketMessageRecorded,
    TicketOpened,
    TicketPolicyChanged,
    TicketPrioritised,
    TicketTriaged,
    TicketUnmerged,
)
from shared.contracts.policies import PolicySnapshot
from shared.contracts.vocabulary import ActorKind, CloseReason, PolicyMode, Priority
from shared.domain.sla.facts import PLAIN_KINDS, Fact, FactKind, message_fact_kind
from shared.domain.sla.verdicts import History

StoredFields = Mapping[str, Any]
"""The stored fields of one event: `at`, `seq` and those that affect clocks."""
PolicyKeyOf = Callable[[StoredFields], str]
"""The key of the policy that a stored fact names."""


class MissingTicketOpened(ValueError):
    """A history without `ticket.opened`."""

    def __init__(self) -> None:
        super().__init__("the events hold no ticket.opened")


OPENED = TicketOpened.event_name
PLAIN_NAMES = {event.event_name: kind for event, kind in PLAIN_KINDS.items()}
PRIORITIES = {one.value: one for one in Priority}
MERGES = {event.event_name for event in (TicketAbsorbed, TicketDetached, TicketUnmerged)}
ACTORS = {one.value: message_fact_kind(one) for one in ActorKind}


def own_key(stored: StoredFields) -> str:
    """What the event itself calls its policy."""
    return stored.get("policy_digest") or f"{stored['policy_id']}:{stored['policy_version']}"


def history_of(
    lines: Iterable[tuple[str, StoredFields]], policies: Mapping[str, PolicySnapshot], key: PolicyKeyOf = own_key
) -> History:
    """The history of one ticket from its lines (event name, fields). Raises NoBeginning."""
    facts: list[Fact] = []
    opened: StoredFields | None = None
    for name, stored in lines:
        if name == OPENED:
            opened = stored
        else:
            facts.append(stored_fact(name, stored, key))
    if opened is None:
        raise MissingTicketOpened
    start, priority = datetime.fromisoformat(opened["opened_at"]), PRIORITIES[opened["priority"]]
    return History(start, priority, facts, dict(policies))


def stored_fact(name: str, stored: StoredFields, key: PolicyKeyOf = own_key) -> Fact:
    """The fact of one line; the same as `fact_of` of the event it was kept beside. Raises KeyError for others."""
    at, seq = datetime.fromisoformat(stored["at"]), stored["seq"]
    if name == TicketMessageRecorded.event_name:
        return Fact(at, seq, ACTORS[stored["author"]])
    if name in PLAIN_NAMES:
        return Fact(at, seq, PLAIN_NAMES[name])
    return _with_details(name, at, seq, stored, key)


def _with_details(name: str, at: Instant, seq: int, stored: StoredFields, key: PolicyKeyOf) -> Fact:
    if name == TicketTriaged.event_name:
        return Fact(at, seq, FactKind.TRIAGED, priority=PRIORITIES[stored["priority"]], policy=key(stored))
    if name == TicketPrioritised.event_name:
        return Fact(at, seq, FactKind.PRIORITISED, priority=PRIORITIES[stored["priority"]])
    if name == TicketClosed.event_name:
        merge = _uuid(stored.get("merge_id"))
        return Fact(at, seq, FactKind.CLOSED, reason=CloseReason(stored["reason"]), rollout_id=merge)
    if name in MERGES:
        return _of_merge(name, at, seq, stored)
    if name == TicketDueSet.event_name:
        return Fact(at, seq, FactKind.DUE_SET, due_at=datetime.fromisoformat(stored["due_at"]))
    if name != TicketPolicyChanged.event_name:
        raise KeyError(name)
    mode = PolicyMode(stored.get("mode") or PolicyMode.CARRY)
    kind = FactKind.POLICY_REVERTED if mode is PolicyMode.REVERT else FactKind.POLICY_CHANGED
    return Fact(at, seq, kind, policy=key(stored), mode=mode, rollout_id=_uuid(stored.get("rollout_id")))


def _of_merge(name: str, at: Instant, seq: int, stored: StoredFields) -> Fact:
    merge = _uuid(stored["merge_id"])
    if name != TicketAbsorbed.event_name:
        return Fact(at, seq, FactKind.MERGE_REVERTED, rollout_id=merge)
    start, since = _instant(stored.get("resolution_from")), _instant(stored.get("waiting_since"))
    return Fact(at, seq, FactKind.COUNTED_FROM, due_at=start, since=since, rollout_id=merge)


def _uuid(value: str | None) -> UUID | None:
    return UUID(value) if value else None


def _instant(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
