"""Reads the SLA facts of tickets from the event log, without its snapshots."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from services.assignment.models import LoggedEvent, StoredSnapshot
from services.assignment.queries.administration.policies import PolicyCache
from shared.contracts.policies import PolicySnapshot
from shared.domain.sla import Fact, History
from shared.domain.sla.fact_codec import OPENED, StoredFields, history_of
from shared.kit.db import Session


@dataclass
class PolicyByDigest:
    """Cache of the policies that histories name."""

    by_key: dict[str, PolicySnapshot]
    policies: PolicyCache
    now: datetime

    async def complete(self, session: Session, keys: set[str]) -> None:
        """Loads missing policies. Raises LookupError for one that no longer exists."""
        missing = keys - self.by_key.keys()
        if not missing:
            return
        rows = await session.scalars(select(StoredSnapshot).where(StoredSnapshot.digest.in_(missing)))
        for row in rows:
            self.by_key[row.digest] = PolicySnapshot.model_validate(row.body)
        for key in missing - self.by_key.keys():
            self.by_key[key] = await self._resolved_again(session, key)

    async def _resolved_again(self, session: Session, key: str) -> PolicySnapshot:
        """Resolves a policy for events older than stored snapshots, which name only `<id>:<version>`."""
        policy_id, _, version = key.partition(":")
        if not version:
            raise LookupError(f"the policy snapshot {key} was never stored")
        found = await self.policies.find_version(session, UUID(policy_id), int(version), self.now)
        if found is None:
            raise LookupError(f"policy {policy_id} version {version} is gone")
        return found


async def get_histories(session: Session, shelf: PolicyByDigest, ticket_ids: Sequence[UUID]) -> dict[UUID, History]:
    """Returns the facts of each ticket; tickets whose `ticket.opened` is not logged yet are left out."""
    query = (
        select(LoggedEvent.ticket_id, LoggedEvent.type, LoggedEvent.fact)
        .where(LoggedEvent.ticket_id.in_(ticket_ids), LoggedEvent.fact.is_not(None))
        .order_by(LoggedEvent.ticket_id, LoggedEvent.seq)
    )
    lines: dict[UUID, list[tuple[str, StoredFields]]] = {}
    for ticket_id, kind, said in (await session.execute(query)).tuples():
        lines.setdefault(ticket_id, []).append((kind, said or {}))
    begun = {ticket_id: said for ticket_id, said in lines.items() if any(kind == OPENED for kind, _ in said)}
    histories = {ticket_id: history_of(said, {}) for ticket_id, said in begun.items()}
    await shelf.complete(session, {key for history in histories.values() for key in _named(history.facts)})
    for history in histories.values():
        history.policies = {key: shelf.by_key[key] for key in _named(history.facts)}
    return histories


def _named(facts: Iterable[Fact]) -> set[str]:
    return {fact.policy for fact in facts if fact.policy is not None}
