"""`everdesk sla verify`: every recorded verdict, computed again from the event log and the policies as they were."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from deploy.cli.errors import CliError
from deploy.cli.surroundings import database_url
from services.assignment.models import Calendar, LoggedEvent, Policy, SettledClock, table_of
from services.assignment.queries.policies import snapshot_of
from shared.contracts.events import Envelope, SlaSettled, TicketPolicyChanged, TicketTriaged
from shared.contracts.policies import PolicySnapshot
from shared.contracts.tickets import Verdict
from shared.domain.sla import verdicts

AT_ONCE = 200
SAME_SECONDS = 0.001
"""Durations are stored as floating point seconds."""
_NAMES_POLICY = (TicketTriaged.type(), TicketPolicyChanged.type())

Key = tuple[str, int]
"""Metric and cycle."""


class NotVerifiable(Exception):
    """The records do not say which policy applied."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A verdict that is not what its ticket's history says."""

    ticket_id: UUID
    metric: str
    cycle: int
    recorded: str
    computed: str


@dataclass
class Findings:
    """What verifying has shown."""

    tickets: int = 0
    verdicts: int = 0
    differences: list[Difference] = field(default_factory=list)
    unverifiable: dict[UUID, str] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Everything could be computed again, and agreed."""
        return not self.differences and not self.unverifiable


class Shelf:
    """Policies as tickets carried them: each version resolved with the version of its calendar."""

    def __init__(self, policies: Iterable[Any], calendars: Iterable[Any]) -> None:
        self._policies = {(row.id, row.version): row for row in policies}
        self._calendars = {(row.slug, row.version): row for row in calendars}
        self._resolved: dict[tuple[UUID, int, int, int], PolicySnapshot] = {}

    def get(self, policy_id: UUID, version: int, calendar_version: int, opened: Envelope) -> PolicySnapshot:
        """The snapshot. Raises NotVerifiable if a version is gone."""
        key = (policy_id, version, calendar_version, opened.time.year)
        if key not in self._resolved:
            policy = self._policies.get((policy_id, version))
            calendar = policy and self._calendars.get((policy.body["calendar"], calendar_version))
            if policy is None or calendar is None:
                raise NotVerifiable(f"policy {policy_id} version {version} or its calendar is not stored any more")
            self._resolved[key] = snapshot_of(policy, calendar, opened.time)
        return self._resolved[key]


def verify_all() -> Findings:
    """Verifies every ticket that has a verdict. Raises CliError if the database does not answer."""
    return asyncio.run(_verify_all(database_url("assignment")))


async def _verify_all(url: str) -> Findings:
    engine = create_async_engine(url, connect_args={"timeout": 5})
    findings = Findings()
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql("set transaction isolation level repeatable read read only")
            shelf = Shelf(await _rows(connection, Policy), await _rows(connection, Calendar))
            async for ticket_id, recorded, events in _tickets(connection):
                findings.tickets += 1
                findings.verdicts += len(recorded)
                try:
                    findings.differences += differences(ticket_id, recorded, events, shelf)
                except (NotVerifiable, ValueError, KeyError) as problem:
                    findings.unverifiable[ticket_id] = str(problem)
    except (OSError, SQLAlchemyError) as problem:
        raise CliError(f"The assignment database does not answer: {problem!r:.300}") from None
    finally:
        await engine.dispose()
    return findings


def differences(ticket_id: UUID, recorded: Sequence[Any], events: Sequence[Envelope], shelf: Shelf) -> list[Difference]:
    """What the history says otherwise than the recorded verdicts of one ticket, of which the last revisions count."""
    policies = policies_of(events, shelf)
    computed = {(one.metric.value, one.cycle): _computed(one) for one in verdicts(events, policies)}
    stored: dict[Key, Mapping[str, Any]] = {}
    for row in sorted(recorded, key=lambda row: int(row.revision)):
        stored[(row.metric, row.cycle)] = _stored(row)
    return [
        Difference(ticket_id, *key, recorded=_in_words(stored.get(key)), computed=_in_words(computed.get(key)))
        for key in sorted(stored.keys() | computed.keys())
        if not _same(stored.get(key), computed.get(key))
    ]


def policies_of(events: Sequence[Envelope], shelf: Shelf) -> dict[UUID, PolicySnapshot]:
    """The policies a ticket carried, by id. Raises NotVerifiable where one id stands for two versions."""
    calendars = {SlaSettled.of(one).verdict.calendar_version for one in events if one.type == SlaSettled.type()}
    named = {(UUID(str(one.data["policy_id"])), int(str(one.data["policy_version"]))) for one in _naming(events)}
    if len({policy_id for policy_id, _ in named}) < len(named) or len(calendars) != 1:
        raise NotVerifiable("the ticket was not under one version of each policy and calendar")
    opened, calendar = min(events, key=lambda one: one.time), calendars.pop()
    return {policy_id: shelf.get(policy_id, version, calendar, opened) for policy_id, version in named}


def _naming(events: Sequence[Envelope]) -> list[Envelope]:
    return [event for event in events if event.type in _NAMES_POLICY]


async def _rows(connection: AsyncConnection, model: type[Policy] | type[Calendar]) -> Sequence[Any]:
    return (await connection.execute(select(table_of(model)))).all()


async def _tickets(connection: AsyncConnection) -> AsyncIterator[tuple[UUID, list[Any], list[Envelope]]]:
    """Every ticket with verdicts, with its verdicts and its event log."""
    settled, log = table_of(SettledClock), table_of(LoggedEvent)
    query = select(settled.c.ticket_id).distinct().order_by(settled.c.ticket_id)
    ids = list((await connection.execute(query)).scalars())
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        recorded = (await connection.execute(select(settled).where(settled.c.ticket_id.in_(some)))).all()
        logged = (await connection.execute(select(log).where(log.c.ticket_id.in_(some)))).all()
        for ticket_id in some:
            yield (
                ticket_id,
                [row for row in recorded if row.ticket_id == ticket_id],
                [_envelope(row) for row in logged if row.ticket_id == ticket_id and row.seq > 0],
            )


def _envelope(row: Any) -> Envelope:
    """A line of the log as it travelled."""
    return Envelope(
        id=row.event_id,
        source="/everdesk/workflows",
        type=f"everdesk.{row.type}.v1",
        subject=str(row.ticket_id),
        time=row.at,
        data=row.data,
    )


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
