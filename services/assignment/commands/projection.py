"""Writes what is known of tickets into the read model; an older snapshot never overwrites a newer one."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select, update
from sqlalchemy.dialects.postgresql import Insert, insert

from services.assignment.models import FAR_FUTURE, RoutingDecision, Ticket, table_of
from shared.contracts.tickets import TicketSnapshot
from shared.contracts.vocabulary import ClockState, Status
from shared.kit.db import Session

TICKETS = table_of(Ticket)
DECISIONS = table_of(RoutingDecision)


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
        "snapshot": snapshot.model_dump(mode="json"),
    }


def next_due_at(snapshot: TicketSnapshot) -> datetime:
    """When the first running clock is due; FAR_FUTURE if none runs."""
    running = (clock.due_at for clock in snapshot.clocks if clock.state is ClockState.RUNNING)
    return min((due_at for due_at in running if due_at is not None), default=FAR_FUTURE)


def _upsert() -> Insert:
    new = insert(TICKETS)
    fresh = new.excluded
    kept = {"id", "number", "subject", "requester_name", "requester_email", "created_at", "assigned_at"}
    changed = {name: fresh[name] for name in row_columns() if name not in kept}
    is_same_agent = TICKETS.c.assignee_id.is_not_distinct_from(fresh.assignee_id)
    assigned_at = case((is_same_agent, TICKETS.c.assigned_at), else_=fresh.assigned_at)
    return new.on_conflict_do_update(
        index_elements=["id"], set_={**changed, "assigned_at": assigned_at}, where=TICKETS.c.seq < fresh.seq
    )


def row_columns() -> tuple[str, ...]:
    """The columns `row_of` fills."""
    return (
        *("id", "number", "seq", "revision", "status", "priority", "priority_rank", "topic_id", "team_id"),
        *("assignee_id", "assigned_at", "next_due_at", "is_archived", "subject", "requester_name"),
        *("requester_email", "created_at", "updated_at", "snapshot"),
    )


UPSERT = _upsert()
"""Built once, so that its compiled form is found again."""


def newest(snapshots: Iterable[TicketSnapshot]) -> list[TicketSnapshot]:
    """The snapshot with the highest `seq` of each ticket, in the one order in which rows are locked."""
    latest: dict[Any, TicketSnapshot] = {}
    for snapshot in snapshots:
        known = latest.get(snapshot.ticket_id)
        if known is None or known.seq < snapshot.seq:
            latest[snapshot.ticket_id] = snapshot
    return [latest[ticket_id] for ticket_id in sorted(latest)]


async def apply_snapshots(session: Session, snapshots: Sequence[TicketSnapshot]) -> None:
    """Upserts snapshots where they are newer, and notes which routing decisions have thereby arrived."""
    rows = [row_of(snapshot) for snapshot in newest(snapshots)]
    if not rows:
        return
    connection = await session.connection()
    await connection.execute(UPSERT, rows)
    arrived = [row["id"] for row in rows if row["status"] != Status.NEW.value]
    if arrived:
        await settle_decisions(session, arrived, "applied")


async def settle_decisions(session: Session, ticket_ids: Sequence[Any], state: str) -> None:
    """Says what became of routing decisions that were sent."""
    locked = (
        select(DECISIONS.c.ticket_id)
        .where(DECISIONS.c.ticket_id == func.any(ticket_ids), DECISIONS.c.state == "sent")
        .order_by(DECISIONS.c.ticket_id)
        .with_for_update()
    )
    connection = await session.connection()
    await connection.execute(update(DECISIONS).where(DECISIONS.c.ticket_id.in_(locked)).values(state=state))
