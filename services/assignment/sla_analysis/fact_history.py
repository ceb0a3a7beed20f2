"""Reads the SLA-relevant facts of many tickets in batches, without parsing whole events."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.assignment.sla_analysis.policy_history import NamedPolicy, PolicyHistory
from shared.contracts.policies import PolicySnapshot
from shared.domain.sla.fact_codec import StoredFields

AT_ONCE = 500
NAMES_POLICY = frozenset({"ticket.triaged", "ticket.policy_changed"})
FACTS = text(
    "select ticket_id, array_agg(type order by seq) as types, '[' || string_agg(fact::text, ',' order by seq) || ']'"
    " as facts from events where ticket_id = any(:ids) and fact is not null group by ticket_id"
)
VERDICTS = text(
    "select distinct on (ticket_id, metric, cycle) ticket_id, metric, cycle, outcome, elapsed_seconds, target_seconds,"
    " due_at, settled_at, team_id, agent_id, priority from verdicts where ticket_id = any(:ids)"
    " order by ticket_id, metric, cycle, revision desc"
)
CALENDAR_VERSIONS = text(
    "select distinct (data -> 'verdict' ->> 'calendar_version')::int from events"
    " where ticket_id = :ticket_id and type = 'ticket.sla_settled'"
)


@dataclass(slots=True)
class FactHistory:
    """The SLA facts of one ticket in order of arrival, and the last revision of each recorded verdict."""

    ticket_id: UUID
    lines: list[tuple[str, StoredFields]]
    recorded: list[Any]

    @property
    def named(self) -> Iterator[NamedPolicy]:
        """Returns the policies its facts name."""
        return (NamedPolicy.of(stored) for name, stored in self.lines if name in NAMES_POLICY)


async def read_histories(connection: AsyncConnection, ids: Sequence[UUID]) -> AsyncIterator[list[FactHistory]]:
    """Yields the tickets in batches, in the order given."""
    for start in range(0, len(ids), AT_ONCE):
        yield await _portion(connection, list(ids[start : start + AT_ONCE]))


async def _portion(connection: AsyncConnection, ids: list[UUID]) -> list[FactHistory]:
    found = {ticket_id: FactHistory(ticket_id, [], []) for ticket_id in ids}
    for row in await connection.execute(FACTS, {"ids": ids}):
        found[row.ticket_id].lines = list(zip(row.types, json.loads(row.facts), strict=True))
    for row in await connection.execute(VERDICTS, {"ids": ids}):
        found[row.ticket_id].recorded.append(row)
    return list(found.values())


async def policies_for(
    connection: AsyncConnection, told: FactHistory, book: PolicyHistory
) -> dict[str, PolicySnapshot]:
    """Returns a ticket's policies by the keys in its facts. Raises PolicyGone."""
    named = list(told.named)
    version = None if all(one.digest for one in named) else await calendar_version_of(connection, told.ticket_id)
    return await book.policies_of(connection, named, version)


async def calendar_version_of(connection: AsyncConnection, ticket_id: UUID) -> int | None:
    """Returns the calendar version that all verdicts name (for events without digests); None if they differ."""
    versions = (await connection.execute(CALENDAR_VERSIONS, {"ticket_id": ticket_id})).scalars().all()
    return versions[0] if len(versions) == 1 else None
