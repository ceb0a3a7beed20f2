"""The histories of tickets as their clocks heard them, read from the event log without its snapshots."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from services.assignment.models import LoggedEvent, StoredSnapshot
from services.assignment.queries.policies import PolicyShelf
from shared.contracts.base import Instant, TicketId
from shared.contracts.events import TicketOpened
from shared.contracts.events.base import EVENTS
from shared.contracts.policies import PolicySnapshot
from shared.contracts.vocabulary import ActorKind, CloseReason, HoldReason, PolicyMode, Priority
from shared.domain.sla import Fact, History, fact_of
from shared.kit.db import Session


class Heard(BaseModel):
    """The fields of an event that clocks hear, whichever it is."""

    model_config = ConfigDict(extra="ignore")

    at: Instant
    seq: int
    priority: Priority | None = None
    policy_id: UUID | None = None
    policy_version: int | None = None
    policy_digest: str = ""
    mode: PolicyMode = PolicyMode.CARRY
    rollout_id: UUID | None = None
    due_at: Instant | None = None
    author: ActorKind | None = None
    reason: CloseReason | HoldReason | None = None


class Begun(BaseModel):
    """Where the clocks of a ticket begin."""

    model_config = ConfigDict(extra="ignore")

    opened_at: Instant
    priority: Priority


@dataclass
class Shelf:
    """The policies that histories name, each read once."""

    by_key: dict[str, PolicySnapshot]
    policies: PolicyShelf
    now: datetime

    async def complete(self, session: Session, keys: set[str]) -> None:
        """Fetches what is missing. Raises LookupError for a policy that no longer exists."""
        missing = keys - self.by_key.keys()
        if not missing:
            return
        rows = await session.scalars(select(StoredSnapshot).where(StoredSnapshot.digest.in_(missing)))
        for row in rows:
            self.by_key[row.digest] = PolicySnapshot.model_validate(row.body)
        for key in missing - self.by_key.keys():
            self.by_key[key] = await self._resolved_again(session, key)

    async def _resolved_again(self, session: Session, key: str) -> PolicySnapshot:
        """For events of before snapshots were stored, which name no more than `<id>:<version>`."""
        policy_id, _, version = key.partition(":")
        if not version:
            raise LookupError(f"the policy snapshot {key} was never stored")
        found = await self.policies.find_version(session, UUID(policy_id), int(version), self.now)
        if found is None:
            raise LookupError(f"policy {policy_id} version {version} is gone")
        return found


async def get_histories(session: Session, shelf: Shelf, ticket_ids: Sequence[UUID]) -> dict[UUID, History]:
    """What the log says of each ticket; without those whose opening it does not hold yet."""
    query = (
        select(LoggedEvent.ticket_id, LoggedEvent.type, LoggedEvent.fact)
        .where(LoggedEvent.ticket_id.in_(ticket_ids), LoggedEvent.fact.is_not(None))
        .order_by(LoggedEvent.ticket_id, LoggedEvent.seq)
    )
    begun: dict[UUID, Begun] = {}
    facts: dict[UUID, list[Fact]] = {}
    for ticket_id, kind, said in (await session.execute(query)).tuples():
        if kind == TicketOpened.event_name:
            begun[ticket_id] = Begun.model_validate(said)
        elif (fact := fact_in(kind, said or {})) is not None:
            facts.setdefault(ticket_id, []).append(fact)
    await shelf.complete(session, {key for known in facts.values() for key in _named(known)})
    return {ticket_id: _history(start, facts.get(ticket_id, []), shelf.by_key) for ticket_id, start in begun.items()}


def fact_in(kind: str, said: dict[str, Any]) -> Fact | None:
    """What the clocks heard of a logged event, by the same rule as when it happened."""
    fields = Heard.model_validate(said).model_dump(exclude_unset=True)
    event = EVENTS[f"everdesk.{kind}.v1"].model_construct(ticket_id=TicketId(UUID(int=0)), **fields)
    return fact_of(event)  # type: ignore[arg-type]  # only lifecycle events have facts


def _named(facts: Iterable[Fact]) -> set[str]:
    return {fact.policy for fact in facts if fact.policy is not None}


def _history(start: Begun, facts: list[Fact], policies: dict[str, PolicySnapshot]) -> History:
    return History(start.opened_at, start.priority, facts, {key: policies[key] for key in _named(facts)})
