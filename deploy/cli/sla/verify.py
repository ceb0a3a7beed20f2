"""Every recorded verdict, computed again from the event log and the policies exactly as tickets carried them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.assignment.models import LoggedEvent, SettledClock, table_of
from services.assignment.sla_analysis.fact_history import FactHistory, policies_for, read_histories
from services.assignment.sla_analysis.policy_history import PolicyGone, PolicyHistory
from shared.contracts.events import TicketTriaged
from shared.contracts.policies import PolicySnapshot
from shared.contracts.tickets import Verdict
from shared.domain.business_time import InstantOutOfRange, NoOpenTime
from shared.domain.sla.fact_codec import MissingTicketOpened, history_of

SAME_SECONDS = 0.001
"""Durations are stored as floating point seconds."""
Key = tuple[str, int]
"""Metric and cycle."""
Progress = Callable[[int, int], None]
"""Told how many tickets are done, and of how many."""


@dataclass(frozen=True, slots=True)
class VerdictDifference:
    """A verdict that is not what its ticket's history says."""

    ticket_id: UUID
    metric: str
    cycle: int
    recorded: str
    computed: str


@dataclass
class VerificationResult:
    """What verifying has shown."""

    tickets: int = 0
    verdicts: int = 0
    differences: list[VerdictDifference] = field(default_factory=list)
    unverifiable: dict[UUID, str] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Everything could be computed again, and agreed."""
        return not self.differences and not self.unverifiable


async def verify_tickets(connection: AsyncConnection, ids: Sequence[UUID], progress: Progress) -> VerificationResult:
    """Verifies these tickets, every verdict of each."""
    findings, book = VerificationResult(), PolicyHistory()
    async for portion in read_histories(connection, ids):
        for told in portion:
            findings.tickets += 1
            findings.verdicts += len(told.recorded)
            try:
                policies = await policies_for(connection, told, book)
                findings.differences += differences(told, policies)
            except (PolicyGone, MissingTicketOpened, NoOpenTime, InstantOutOfRange) as problem:
                findings.unverifiable[told.ticket_id] = str(problem)
        progress(findings.tickets, len(ids))
    return findings


def differences(told: FactHistory, policies: Mapping[str, PolicySnapshot]) -> list[VerdictDifference]:
    """What the history of one ticket says otherwise than its recorded verdicts, of which the last revisions count.

    Raises NoBeginning where the log does not hold the ticket's opening.
    """
    history = history_of(told.lines, policies)
    computed = {(one.metric.value, one.cycle): _computed(one) for one in history.verdicts()}
    stored = {(row.metric, row.cycle): _stored(row) for row in told.recorded}
    return [
        VerdictDifference(told.ticket_id, key[0], key[1], _in_words(stored.get(key)), _in_words(computed.get(key)))
        for key in sorted(stored.keys() | computed.keys())
        if not _same(stored.get(key), computed.get(key))
    ]


async def list_verifiable(connection: AsyncConnection) -> Sequence[UUID]:
    """Triaged tickets, for only those have clocks; and whatever else has a verdict."""
    settled, log = table_of(SettledClock), table_of(LoggedEvent)
    triaged = select(log.c.ticket_id).where(log.c.type == TicketTriaged.event_name)
    query = select(settled.c.ticket_id).union(triaged).order_by("ticket_id")
    return (await connection.execute(query)).scalars().all()


def _computed(verdict: Verdict) -> dict[str, Any]:
    return {
        "outcome": verdict.outcome.value,
        "elapsed": verdict.elapsed.total_seconds(),
        "target": verdict.target.total_seconds(),
        "due_at": verdict.due_at,
        "settled_at": verdict.settled_at,
    }


def _stored(row: Any) -> dict[str, Any]:
    return {
        "outcome": row.outcome,
        "elapsed": row.elapsed_seconds,
        "target": row.target_seconds,
        "due_at": row.due_at,
        "settled_at": row.settled_at,
    }


def _same(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    if one is None or other is None:
        return False
    durations = ("elapsed", "target")
    return all(abs(one[name] - other[name]) < SAME_SECONDS for name in durations) and all(
        one[name] == other[name] for name in one if name not in durations
    )


def _in_words(verdict: Mapping[str, Any] | None) -> str:
    if verdict is None:
        return "none"
    return (
        f"{verdict['outcome']} {verdict['elapsed']:.3f} of {verdict['target']:.3f} s, "
        f"due {verdict['due_at']}, settled {verdict['settled_at']}"
    )
