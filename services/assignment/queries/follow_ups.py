"""Predecessors and follow-ups of a ticket that the caller may see."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, literal, select, union_all

from services.assignment.models import FollowUp, Ticket
from services.assignment.queries.callers import Caller
from services.assignment.queries.visibility import visible_to
from services.assignment.schemas.tickets import RelatedTicket, RelatedTickets
from shared.contracts.vocabulary import Status
from shared.kit.db import Session

MOST = 50
"""Of one kind on one page."""


async def get_related(session: Session, caller: Caller, ticket_id: UUID) -> RelatedTickets:
    """Returns predecessors and follow-ups of a ticket, oldest first."""
    earlier = _related(caller, is_earlier=True).where(
        FollowUp.follow_up_id == ticket_id, Ticket.id == FollowUp.ticket_id
    )
    later = _related(caller, is_earlier=False).where(
        FollowUp.ticket_id == ticket_id, Ticket.id == FollowUp.follow_up_id
    )
    rows = (await session.execute(union_all(earlier.limit(MOST), later.limit(MOST)))).all()
    rows = sorted(rows, key=lambda row: (row.created_at, row.id))
    opened_by = [_ref(row) for row in rows if row.is_earlier and row.is_opened_by]
    return RelatedTickets(
        follows=opened_by[0] if opened_by else None,
        answers_from=tuple(_ref(row) for row in rows if row.is_earlier and not row.is_opened_by),
        followed_by=tuple(_ref(row) for row in rows if not row.is_earlier),
    )


def _ref(row: Row[*tuple[Any, ...]]) -> RelatedTicket:
    return RelatedTicket(id=row.id, number=row.number, subject=row.subject, status=Status(row.status))


def _related(caller: Caller, *, is_earlier: bool) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Ticket.id,
            Ticket.number,
            Ticket.subject,
            Ticket.status,
            Ticket.created_at,
            FollowUp.is_opened_by,
            literal(is_earlier).label("is_earlier"),
        )
        .where(visible_to(caller.principal))
        .order_by(Ticket.created_at, Ticket.id)
    )
