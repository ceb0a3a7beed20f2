"""Predecessors and follow-ups of a ticket, and those it was merged with, as far as the caller may see them."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, literal, select, union_all
from sqlalchemy.orm import aliased

from services.assignment.models import FollowUp, Ticket
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.access.visibility import visible_to
from services.assignment.schemas.tickets import RelatedTicket, RelatedTickets
from shared.contracts.vocabulary import Status
from shared.kit.db import Session

MOST = 50
"""Of one kind on one page."""


async def get_related(session: Session, caller: Caller, ticket_id: UUID) -> RelatedTickets:
    """Returns predecessors, follow-ups and merged tickets of a ticket, oldest first."""
    earlier = _related(caller, is_earlier=True).where(
        FollowUp.follow_up_id == ticket_id, Ticket.id == FollowUp.ticket_id
    )
    later = _related(caller, is_earlier=False).where(
        FollowUp.ticket_id == ticket_id, Ticket.id == FollowUp.follow_up_id
    )
    part = aliased(Ticket)
    target = select(part.merged_into).where(part.id == ticket_id).scalar_subquery()
    into = _merged(caller, "into").where(Ticket.id == target)
    merged = _merged(caller, "part").where(Ticket.merged_into == ticket_id)
    parts = (earlier.limit(MOST), later.limit(MOST), into, merged.limit(MOST))
    rows = (await session.execute(union_all(*parts))).all()
    rows = sorted(rows, key=lambda row: (row.created_at, row.id))
    merges = [row for row in rows if row.merge]
    rows = [row for row in rows if not row.merge]
    opened_by = [_ref(row) for row in rows if row.is_earlier and row.is_opened_by]
    return RelatedTickets(
        follows=opened_by[0] if opened_by else None,
        answers_from=tuple(_ref(row) for row in rows if row.is_earlier and not row.is_opened_by),
        followed_by=tuple(_ref(row) for row in rows if not row.is_earlier),
        merged_into=next((_ref(row) for row in merges if row.merge == "into"), None),
        merged=tuple(_ref(row) for row in merges if row.merge == "part"),
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
            literal("").label("merge"),
        )
        .where(visible_to(caller.principal))
        .order_by(Ticket.created_at, Ticket.id)
    )


def _merged(caller: Caller, merge: str) -> Select[*tuple[Any, ...]]:
    """Tickets joined by a merge, in the shape of `_related`."""
    flags = (literal(value=False).label("is_opened_by"), literal(value=False).label("is_earlier"))
    columns = (Ticket.id, Ticket.number, Ticket.subject, Ticket.status, Ticket.created_at)
    return select(*columns, *flags, literal(merge).label("merge")).where(visible_to(caller.principal))
