"""Writes what a ticket's workflow says into the read model, the event log and the verdicts: one statement for both
ways in, the events of the stream and the answers to commands. An older snapshot never overwrites a newer one."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import (
    CTE,
    Boolean,
    ColumnElement,
    Row,
    Select,
    Update,
    case,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.exc import DBAPIError

from services.assignment.models import LoggedEvent, RoutingDecision, SettledClock, Ticket, table_of
from services.assignment.schemas.tickets import next_due_at
from shared.contracts.answers import CommandAnswer
from shared.contracts.events import Envelope, LifecycleEvent, SlaSettled, TicketTriaged
from shared.contracts.tickets import TicketSnapshot
from shared.contracts.vocabulary import Status
from shared.kit.db import Database, Session
from shared.kit.outbox import note_rows
from shared.kit.outbox import row_of as outbox_row
from shared.kit.outbox_row import OutboxRow
from shared.kit.recordsets import as_parameter, insert_rows, rows_of
from shared.kit.tables import outbox

Written = TypeVar("Written")
TICKETS: Final = table_of(Ticket)
DECISIONS: Final = table_of(RoutingDecision)
LOG: Final = table_of(LoggedEvent)
VERDICTS: Final = table_of(SettledClock)

TICKET_COLUMNS: Final = (
    *("id", "number", "seq", "revision", "status", "priority", "priority_rank", "topic_id", "team_id"),
    *("assignee_id", "assigned_at", "next_due_at", "is_archived", "subject", "requester_name"),
    *("requester_email", "created_at", "updated_at", "merged_into", "snapshot"),
)
KEPT: Final = frozenset(
    {"id", "number", "topic_id", "subject", "requester_name", "requester_email", "created_at", "assigned_at"}
)
"""What a newer snapshot leaves as it is, or is worked out."""
LOG_COLUMNS: Final = ("event_id", "ticket_id", "seq", "type", "at", "data")
VERDICT_COLUMNS: Final = (
    *("ticket_id", "metric", "cycle", "revision", "outcome", "elapsed_seconds", "target_seconds"),
    *("due_at", "settled_at", "team_id", "agent_id", "priority", "started_at"),
)
NUMBERS: Final = "uq_tickets_number"
DEADLOCK: Final = "40P01"
BESIDE_SO_MANY: Final = 3
"""How often others may come between; each time one of them has written."""
OUTBOX_COLUMNS: Final = ("event_id", "subject", "envelope")
FINISHED: Final = (Status.RESOLVED.value, Status.CLOSED.value)
IS_SENT: Final = literal_column("routing_decisions.state = 'sent'", Boolean)
"""In the words of the partial index, which a parameter would hide: settled decisions are never looked at."""

NOBODY_BETWEEN: Final = literal_column(
    "not exists (select from events where events.ticket_id = tickets.id and events.seq > excluded.seq"
    " and events.seq < tickets.seq"
    " and events.data -> 'snapshot' ->> 'assignee_id' is distinct from tickets.assignee_id::text)",
    Boolean,
)
"""Whether the log has no other agent of a ticket between an older snapshot and the newest."""


@dataclass
class LifecycleRows:
    """What events and answers of ticket workflows change, as rows."""

    snapshots: list[TicketSnapshot] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    announced: list[dict[str, Any]] = field(default_factory=list)
    """Events to publish, unless the log has them already."""

    @classmethod
    def of(cls, answers: Iterable[CommandAnswer]) -> "LifecycleRows":
        """The rows of answers, whose events are ours to announce."""
        rows = cls()
        for answer in answers:
            rows.snapshots.append(answer.snapshot)
            for envelope in answer.events:
                rows.add(envelope)
                rows.announced.append(outbox_row(envelope))
        return rows

    def add(self, envelope: Envelope) -> None:
        """One event's part."""
        event = LifecycleEvent.of(envelope)
        self.snapshots.append(event.snapshot)
        self.log.append(log_row(envelope, event))
        if envelope.type == SlaSettled.type():
            self.verdicts.append(verdict_row(SlaSettled.of(envelope)))

    def outbox_rows(self, written: Iterable[Row[int, str]]) -> list[OutboxRow]:
        """The rows of the outbox that a statement has written, by their ids and the events' ids, for the relay."""
        given = {row["event_id"]: row for row in self.announced}
        return [
            OutboxRow(row_id, event_id, given[event_id]["subject"], given[event_id]["envelope"], is_applied=True)
            for row_id, event_id in written
        ]

    @property
    def parameters(self) -> dict[str, str]:
        """The values for a statement made of `lifecycle_ctes`; rows are written in one order, whoever writes them."""
        since = assigned_since(self.snapshots)
        tickets = (row_of(one) | {"assigned_at": since[one.ticket_id]} for one in newest(self.snapshots))
        return {
            "tickets": as_parameter(tickets),
            "log": as_parameter(sorted(self.log, key=lambda row: str(row["event_id"]))),
            "settled": as_parameter(sorted(self.verdicts, key=verdict_key)),
            "announced": as_parameter(self.announced),
        }


def log_row(envelope: Envelope, event: LifecycleEvent) -> dict[str, Any]:
    """The line of the event log."""
    return {
        "event_id": envelope.id,
        "ticket_id": event.ticket_id,
        "seq": event.seq,
        "type": envelope.type.removeprefix("everdesk.").rpartition(".")[0],
        "at": event.at,
        "data": envelope.data,
    }


def row_of(snapshot: TicketSnapshot) -> dict[str, Any]:
    """The read model's columns of a snapshot."""
    return {
        "id": snapshot.ticket_id,
        "number": snapshot.number,
        "seq": snapshot.seq,
        "revision": snapshot.revision,
        "status": snapshot.status.value,
        "priority": snapshot.priority.value,
        "priority_rank": snapshot.priority.rank,
        "topic_id": snapshot.topic_id,
        "team_id": snapshot.team_id,
        "assignee_id": snapshot.assignee_id,
        "assigned_at": snapshot.updated_at if snapshot.assignee_id else None,
        "next_due_at": next_due_at(snapshot),
        "is_archived": snapshot.is_archived,
        "subject": "",
        "requester_name": "",
        "requester_email": "",
        "created_at": snapshot.opened_at,
        "updated_at": snapshot.updated_at,
        "merged_into": snapshot.merged_into,
        "snapshot": snapshot,
    }


def changes_of(snapshot: TicketSnapshot) -> dict[str, Any]:
    """The columns that a newer snapshot changes in the read model."""
    return {name: value for name, value in row_of(snapshot).items() if name not in KEPT}


def verdict_key(row: dict[str, Any]) -> tuple[str, str, int, int]:
    """What is one verdict only."""
    return str(row["ticket_id"]), row["metric"], row["cycle"], row["revision"]


def verdict_row(event: SlaSettled) -> dict[str, Any]:
    """A verdict, credited to the team and agent who had the ticket."""
    verdict, snapshot = event.verdict, event.snapshot
    return {
        "ticket_id": event.ticket_id,
        "metric": verdict.metric.value,
        "cycle": verdict.cycle,
        "revision": verdict.revision,
        "outcome": verdict.outcome.value,
        "elapsed_seconds": verdict.elapsed.total_seconds(),
        "target_seconds": verdict.target.total_seconds(),
        "due_at": verdict.due_at,
        "settled_at": verdict.settled_at,
        "team_id": snapshot.team_id,
        "agent_id": snapshot.assignee_id,
        "priority": snapshot.priority.value,
        "started_at": next(
            (one.started_at for one in snapshot.clocks if (one.metric, one.cycle) == (verdict.metric, verdict.cycle)),
            None,
        ),
    }


def assigned_since(snapshots: Iterable[TicketSnapshot]) -> dict[UUID, datetime | None]:
    """Per ticket since when, as far as the snapshots tell, its last agent has had it; None if nobody has it."""
    since: dict[UUID, datetime | None] = {}
    agents: dict[UUID, UUID | None] = {}
    for one in sorted(snapshots, key=lambda snapshot: snapshot.seq):
        if one.assignee_id is None or agents.get(one.ticket_id) != one.assignee_id:
            since[one.ticket_id] = one.updated_at if one.assignee_id else None
        agents[one.ticket_id] = one.assignee_id
    return since


def newest(snapshots: Iterable[TicketSnapshot]) -> list[TicketSnapshot]:
    """The snapshot with the highest `seq` of each ticket, in the one order in which rows are locked."""
    latest: dict[Any, TicketSnapshot] = {}
    for snapshot in snapshots:
        known = latest.get(snapshot.ticket_id)
        if known is None or known.seq < snapshot.seq:
            latest[snapshot.ticket_id] = snapshot
    return [latest[ticket_id] for ticket_id in sorted(latest)]


async def write_beside_others(write: Callable[[], Awaitable[Written]]) -> Written:
    """Once more, if other processes wrote a new ticket at the same instant.

    By its id that is a conflict which the statement settles. But where several had looked before one wrote, PostgreSQL
    goes on to the index of numbers before it settles anything: it refuses, or finds that they wait for each other.
    """
    for _ in range(BESIDE_SO_MANY):
        try:
            return await write()
        except DBAPIError as error:
            if NUMBERS not in str(error.orig) and getattr(error.orig, "sqlstate", None) != DEADLOCK:
                raise
    return await write()


async def project_lifecycle(session: Session, rows: LifecycleRows) -> None:
    """Writes rows in one statement: each event once, however often it comes and from whom."""
    if rows.snapshots:
        _note(session, rows, (await session.execute(PROJECT, rows.parameters)).all())


async def project_answers(session: Session, rows: LifecycleRows) -> None:
    """The same for answers, the first of which makes its ticket known at the instant at which the stream does.

    What the caller has written before stays, whatever is refused here.
    """

    async def write() -> Sequence[Row[int, str]]:
        async with session.begin_nested():
            return (await session.execute(PROJECT, rows.parameters)).all()

    if rows.snapshots:
        _note(session, rows, await write_beside_others(write))


def _note(session: Session, rows: LifecycleRows, announced: Sequence[Row[int, str]]) -> None:
    if announced:
        note_rows(session, rows.outbox_rows(announced))


async def project_steps(database: Database, rows: LifecycleRows) -> None:
    """The same for events that came from the stream, as a transaction of its own."""
    if rows.snapshots:
        await database.fetch(PROJECT, rows.parameters)


async def apply_snapshots(session: Session, snapshots: Sequence[TicketSnapshot]) -> None:
    """Upserts snapshots where they are newer."""
    await project_lifecycle(session, LifecycleRows(snapshots=list(snapshots)))


async def settle_decisions(session: Session, ticket_ids: Sequence[Any], state: str) -> None:
    """Says what became of routing decisions that were sent."""
    await session.execute(_settle(DECISIONS.c.ticket_id == func.any(ticket_ids), state))


async def settle_logged(session: Session, ticket_ids: Sequence[Any]) -> None:
    """Settles the decisions whose triage is in the event log."""
    triage = (LOG.c.ticket_id == DECISIONS.c.ticket_id) & (LOG.c.type == TicketTriaged.event_name)
    is_logged = select(LOG.c.event_id).where(triage).exists()
    await session.execute(_settle((DECISIONS.c.ticket_id == func.any(ticket_ids)) & is_logged, "applied"))


def lifecycle_ctes() -> tuple[CTE, ...]:
    """The parts of a statement that writes `LifecycleRows`: the outbox, whose rows it returns, with the log, then
    tickets, verdicts and routing decisions. What the log has already is not announced again.

    A decision has arrived once the log has the triage itself. That a ticket is triaged, any later event tells; but the
    triage's own events are in the answer to the decision alone, which is sent until they are written down.
    """
    log = insert_rows(LOG, LOG_COLUMNS, "log").on_conflict_do_nothing().returning(LOG.c.event_id).cte("logged")
    given = rows_of(outbox, OUTBOX_COLUMNS, "announced").subquery("given")
    new = select(given).where(given.c.event_id.in_(select(log.c.event_id)))
    announcing = insert(outbox).from_select(list(OUTBOX_COLUMNS), new).returning(outbox.c.id, outbox.c.event_id)
    verdicts = insert_rows(VERDICTS, VERDICT_COLUMNS, "settled").on_conflict_do_nothing().cte("judged")
    told = rows_of(LOG, ("ticket_id", "type"), "log").subquery("told")
    arrived = select(told.c.ticket_id).where(told.c.type == TicketTriaged.event_name)
    decisions = _settle(DECISIONS.c.ticket_id.in_(arrived), "applied").cte("arrived")
    return announcing.cte("announcing"), _upsert().cte("projected"), verdicts, decisions


def _upsert() -> Insert:
    """A newer snapshot changes everything; an older one that comes late, only since when its agent has had it."""
    new = insert_rows(TICKETS, TICKET_COLUMNS, "tickets")
    fresh = new.excluded
    is_newer = TICKETS.c.seq < fresh.seq
    finished_before = TICKETS.c.status.in_(FINISHED)
    worked_until = case(
        (fresh.status.not_in(FINISHED), None), (finished_before, TICKETS.c.worked_until), else_=fresh.updated_at
    )
    is_same_agent = TICKETS.c.assignee_id.is_not_distinct_from(fresh.assignee_id)
    changed = {name: fresh[name] for name in TICKET_COLUMNS if name not in KEPT} | {"worked_until": worked_until}
    kept: dict[str, Any] = {name: case((is_newer, now), else_=TICKETS.c[name]) for name, now in changed.items()}
    assigned_at = case((is_newer & is_same_agent, TICKETS.c.assigned_at), else_=fresh.assigned_at)
    told_late = is_same_agent & (TICKETS.c.assigned_at > fresh.assigned_at) & NOBODY_BETWEEN
    return new.on_conflict_do_update(
        index_elements=["id"], set_={**kept, "assigned_at": assigned_at}, where=is_newer | told_late
    )


def _settle(where: ColumnElement[bool], state: str) -> Update:
    locked = select(DECISIONS.c.ticket_id).where(where, IS_SENT).order_by(DECISIONS.c.ticket_id).with_for_update()
    return update(DECISIONS).where(DECISIONS.c.ticket_id.in_(locked)).values(state=state)


def _project() -> Select[int, str]:
    announcing, *others = lifecycle_ctes()
    return select(announcing.c.id, announcing.c.event_id).add_cte(*others)


PROJECT: Final = _project()
"""Built once, so that its compiled form is found again."""
