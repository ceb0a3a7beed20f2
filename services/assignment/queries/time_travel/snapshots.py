"""One ticket as it was: the last snapshot of its event log that was true at an instant."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import DateTime, Row, literal_column, select

from services.assignment.models import LoggedEvent, Ticket
from services.assignment.models.tickets import CHANGED_AT
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.access.visibility import VIEW
from services.assignment.queries.ticket_page.tickets import named, rename, ticket_place, with_names
from services.assignment.queries.time_travel.instants import check_existed
from services.assignment.schemas.tickets import TicketView, TicketWithNames, past_view_of
from shared.contracts.base import TicketId
from shared.contracts.tickets import TicketSnapshot, TopicId
from shared.contracts.vocabulary import Priority, Status
from shared.domain.permissions import permissions_on
from shared.kit.db import Session
from shared.kit.http.problems import not_found

CHANGED: Final = literal_column(CHANGED_AT, DateTime(timezone=True))


async def get_past_view(session: Session, caller: Caller, reference: str, as_of: datetime) -> TicketView:
    """The ticket as it was. It allows no action; permissions are those of now.

    Raises Problem 404 if it does not exist, may not be seen now, or was opened later.
    """
    row = (await session.execute(with_names().where(named(reference)))).one_or_none()
    if row is None or VIEW not in (held := permissions_on(caller.principal, ticket_place(row.Ticket))):
        raise not_found()
    check_existed(row.Ticket.created_at, as_of)
    snapshot = await find_snapshot(session, row.Ticket, as_of)
    named_ticket = TicketWithNames(**row._asdict())
    await rename(session, caller, named_ticket, snapshot)
    return past_view_of(named_ticket, snapshot, held, as_of)


async def find_snapshot(session: Session, ticket: Ticket, as_of: datetime) -> TicketSnapshot:
    """The state of the ticket at an instant after its opening: as submitted, until its workflow's first event."""
    query = (
        select(LoggedEvent.data["snapshot"])
        .where(LoggedEvent.ticket_id == ticket.id, as_of >= CHANGED)
        .order_by(CHANGED.desc(), LoggedEvent.seq.desc())
        .limit(1)
    )
    stored = await session.scalar(query)
    return TicketSnapshot.model_validate(stored) if stored is not None else submitted_snapshot(ticket)


def submitted_snapshot(ticket: Ticket | Row[Any]) -> TicketSnapshot:
    """A ticket as it was before any event of its workflow."""
    return TicketSnapshot(
        ticket_id=TicketId(ticket.id),
        number=ticket.number,
        seq=0,
        revision=0,
        status=Status.NEW,
        priority=Priority(ticket.asked_priority or Priority.NORMAL.value),
        topic_id=TopicId(ticket.topic_id) if ticket.topic_id else None,
        opened_at=ticket.created_at,
        updated_at=ticket.created_at,
    )


async def list_change_instants(session: Session, ticket_id: UUID, created_at: datetime) -> Sequence[datetime]:
    """When the ticket was opened and each instant at which its state changed, oldest first."""
    changes = select(CHANGED).distinct().where(LoggedEvent.ticket_id == ticket_id, CHANGED.is_not(None))
    return sorted({created_at, *await session.scalars(changes)})
