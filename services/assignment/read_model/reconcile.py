"""Compares the read model with the event log, a batch of tickets at a time, and corrects what differs.

A batch is one transaction that sees one state of the database (`repeatable read`). An event and what it changes are
committed together, so events that arrive meanwhile cause no false differences; one that changes a ticket of the batch
makes the transaction fail, and the batch is done again. So a rebuild may run, be killed and run again at any time.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from services.assignment.commands.execution.projection import TICKETS, VERDICT_COLUMNS, VERDICTS, settle_logged
from services.assignment.read_model.shadow import COMPARED, ShadowTicket, read_shadow
from shared.kit.db import Database, Session

AT_ONCE: Final = 200
TRIES: Final = 20
CONFLICT: Final = "40001"
"""The SQLSTATE of a transaction that met another's change."""
BATCH: Final = text("""
select ticket_id, count(*) as events from events
where ticket_id > :after and (cast(:only as uuid[]) is null or ticket_id = any(:only))
group by ticket_id order by ticket_id limit :most""")
WITHOUT_EVENTS: Final = text("""
select id from tickets where seq > 0 and (cast(:only as uuid[]) is null or id = any(:only))
  and not exists (select from events where events.ticket_id = tickets.id) order by id limit 100""")
VERDICT_KEY: Final = ("ticket_id", "metric", "cycle", "revision")
VERDICT_VALUES: Final = tuple(name for name in VERDICT_COLUMNS if name not in VERDICT_KEY)


@dataclass(frozen=True, slots=True)
class RowDifference:
    """Something in which the read model is not as the log says."""

    ticket_id: UUID
    what: str
    stored: object
    expected: object


@dataclass
class RebuildProgress:
    """How far a rebuild has come."""

    last: UUID
    tickets: int = 0
    events: int = 0
    differences: list[RowDifference] = field(default_factory=list)
    """Of the newest batch."""


async def reconcile(
    database: Database, *, is_check: bool, after: UUID = UUID(int=0), only: Sequence[UUID] | None = None
) -> AsyncIterator[RebuildProgress]:
    """Goes through all tickets by id, or those given; yields after each batch. With `is_check` nothing is written."""
    progress = RebuildProgress(after)
    chosen = list(only) if only is not None else None
    while True:
        async with database.begin() as session:
            values = {"after": progress.last, "only": chosen, "most": AT_ONCE}
            batch = (await session.execute(BATCH, values)).all()
        if not batch:
            break
        progress.differences = await _settle_batch(database, [row.ticket_id for row in batch], is_check=is_check)
        progress.last = batch[-1].ticket_id
        progress.tickets += len(batch)
        progress.events += sum(row.events for row in batch)
        yield progress
    async with database.begin() as session:
        strays = (await session.scalars(WITHOUT_EVENTS, {"only": chosen})).all()
    progress.differences = [RowDifference(one, "events", "none in the log", "at least one") for one in strays]
    yield progress


async def _settle_batch(database: Database, ids: Sequence[UUID], *, is_check: bool) -> list[RowDifference]:
    """One batch, tried again while others change its tickets."""
    for attempt in range(TRIES):
        try:
            async with database.begin() as session:
                await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
                return await _compare(session, ids, is_check=is_check)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != CONFLICT or attempt == TRIES - 1:
                raise
    raise AssertionError("the last attempt returns or raises")


async def _compare(session: Session, ids: Sequence[UUID], *, is_check: bool) -> list[RowDifference]:
    shadow = await read_shadow(session, ids)
    known = [TICKETS.c[name] for name in COMPARED]
    rows = await session.execute(select(TICKETS.c.id, *known).where(TICKETS.c.id.in_(ids)))
    stored = {row.id: dict(row._mapping) for row in rows}
    found: list[RowDifference] = []
    for ticket_id, ticket in shadow.items():
        found += ticket_differences(ticket_id, stored.get(ticket_id), ticket.columns)
    verdicts = await _compare_verdicts(session, shadow)
    if not is_check:
        await _write_tickets(session, shadow, stored, {one.ticket_id for one in found})
        await _write_verdicts(session, shadow, verdicts)
        await settle_logged(session, list(shadow))
    return [*found, *verdicts]


def ticket_differences(
    ticket_id: UUID, stored: Mapping[str, Any] | None, expected: Mapping[str, Any]
) -> list[RowDifference]:
    """The columns in which a row is not as expected. The end of the work may be noted late or not at all."""
    if stored is None:
        return [RowDifference(ticket_id, "row", None, "a row")]
    if stored["seq"] > expected["seq"]:
        return [RowDifference(ticket_id, "seq", stored["seq"], expected["seq"])]
    return [
        RowDifference(ticket_id, name, stored[name], expected[name])
        for name in COMPARED
        if stored[name] != expected[name] and not (name == "worked_until" and _is_late(stored[name], expected[name]))
    ]


def _is_late(stored: Any, expected: Any) -> bool:
    return expected is not None and (stored is None or stored > expected)


async def _compare_verdicts(session: Session, shadow: Mapping[UUID, ShadowTicket]) -> list[RowDifference]:
    columns = [VERDICTS.c[name] for name in VERDICT_COLUMNS]
    rows = await session.execute(select(*columns).where(VERDICTS.c.ticket_id.in_(shadow)))
    stored = {tuple(row._mapping[name] for name in VERDICT_KEY): dict(row._mapping) for row in rows}
    expected = {(ticket_id, *key): row for ticket_id, one in shadow.items() for key, row in one.verdicts.items()}
    return [
        RowDifference(key[0], "/".join(["verdict", *map(str, key[1:])]), stored.get(key), expected.get(key))
        for key in sorted(stored.keys() | expected.keys())
        if key not in stored or key not in expected or not _is_same_verdict(stored[key], expected[key])
    ]


def _is_same_verdict(stored: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    """Verdicts that were recorded before their beginning was kept have none."""
    return all(
        stored[name] == expected[name] or (name == "started_at" and stored[name] is None) for name in VERDICT_VALUES
    )


async def _write_tickets(
    session: Session, shadow: Mapping[UUID, ShadowTicket], stored: Mapping[UUID, Any], ids: Iterable[UUID]
) -> None:
    """Corrects rows; one that knows a later event than the log is left alone."""
    differing = sorted(ids)
    connection = await session.connection()
    if missing := [shadow[one].row for one in differing if one not in stored]:
        await connection.execute(insert(TICKETS).on_conflict_do_nothing(), missing)
    changed = [
        shadow[one].columns | {"ticket": one, "newest": shadow[one].snapshot.seq} for one in differing if one in stored
    ]
    if changed:
        is_not_newer = TICKETS.c.seq <= bindparam("newest")
        await connection.execute(update(TICKETS).where(TICKETS.c.id == bindparam("ticket"), is_not_newer), changed)


async def _write_verdicts(
    session: Session, shadow: Mapping[UUID, ShadowTicket], differences: Sequence[RowDifference]
) -> None:
    if not differences:
        return
    ids = {one.ticket_id for one in differences}
    await session.execute(delete(VERDICTS).where(VERDICTS.c.ticket_id.in_(ids)))
    rows = [row for one in sorted(ids) for row in shadow[one].verdicts.values()]
    if rows:
        connection = await session.connection()
        await connection.execute(insert(VERDICTS), rows)
