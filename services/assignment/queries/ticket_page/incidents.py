"""Major incidents and their children, limited to what the caller may see."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, select, text

from services.assignment.models import Agent, LinkedTickets, MajorIncident, ServiceToken, Ticket
from services.assignment.models.ticket_indexes import INCIDENT
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.access.visibility import visible_to
from services.assignment.queries.ticket_page.links import CHILD
from services.assignment.schemas.incidents import ChildCounts, ChildrenShown, ChildView, IncidentSummary, IncidentView
from services.assignment.schemas.tickets import AgentRef, RelatedTicket
from shared.contracts.vocabulary import Status
from shared.kit.db import Session
from shared.kit.http.paging import Page, decode_cursor, encode_cursor, unusable_cursor
from shared.kit.http.problems import not_found

OVER: Final = (Status.RESOLVED.value, Status.CLOSED.value)
IS_OPEN: Final = Ticket.status.not_in(OVER)
IS_REOPENED: Final = IS_OPEN & (Ticket.snapshot.op("->>")("reopen_count") != "0")
NARROWED: Final[dict[ChildrenShown, tuple[ColumnElement[bool], ...]]] = {
    ChildrenShown.ALL: (),
    ChildrenShown.OPEN: (IS_OPEN,),
    ChildrenShown.REOPENED: (IS_REOPENED,),
}
LISTED: Final = 200
"""Of those that are worked on, more are not listed."""
IS_OPEN_INCIDENT: Final = f"tickets.{INCIDENT.replace(' and ', ' and tickets.')}"
"""In the words of the index that holds no others."""


def related(ticket: Ticket | Row[*tuple[Any, ...]]) -> RelatedTicket:
    """A ticket as lists of others name it."""
    return RelatedTicket(id=ticket.id, number=ticket.number, subject=ticket.subject, status=Status(ticket.status))


async def find_incident(session: Session, caller: Caller, ticket: Ticket) -> IncidentView | None:
    """The major incident that a ticket is, with its children counted."""
    query = (
        select(MajorIncident, func.coalesce(Agent.name, ServiceToken.name, "").label("name"))
        .outerjoin(Agent, Agent.id == MajorIncident.declared_by)
        .outerjoin(ServiceToken, ServiceToken.id == MajorIncident.declared_by)
        .where(MajorIncident.ticket_id == ticket.id)
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    return IncidentView(
        ticket=related(ticket),
        declared_by=AgentRef(id=row.MajorIncident.declared_by, name=row.name),
        declared_at=row.MajorIncident.declared_at,
        public_title=row.MajorIncident.public_title,
        children=await _count(session, caller, ticket.id),
    )


async def get_incident(session: Session, caller: Caller, ticket: Ticket) -> IncidentView:
    """The same. Raises Problem 404 for a ticket that is none."""
    incident = await find_incident(session, caller, ticket)
    if incident is None:
        raise not_found("major incident")
    return incident


async def list_incidents(session: Session, caller: Caller) -> list[IncidentSummary]:
    """Those that are neither resolved nor closed, newest first."""
    query = (
        select(Ticket.id, Ticket.number, Ticket.subject, Ticket.status, MajorIncident.declared_at)
        .join(MajorIncident, MajorIncident.ticket_id == Ticket.id)
        .where(text(IS_OPEN_INCIDENT), visible_to(caller.principal))
        .order_by(MajorIncident.declared_at.desc(), Ticket.id)
        .limit(LISTED)
    )
    return [IncidentSummary(ticket=related(row), declared_at=row.declared_at) for row in await session.execute(query)]


async def list_children(
    session: Session, caller: Caller, parent_id: UUID, shown: ChildrenShown, limit: int, cursor: str | None
) -> Page[ChildView]:
    """Some of the children, newest first. Raises Problem 422 for a cursor not ours."""
    query = (
        _children(parent_id)
        .where(visible_to(caller.principal), *NARROWED[shown])
        .add_columns(Ticket.number, Ticket.subject, Ticket.status, LinkedTickets.added_at, IS_REOPENED.label("again"))
        .order_by(Ticket.id.desc())
        .limit(limit + 1)
    )
    if (before := _position(cursor)) is not None:
        query = query.where(Ticket.id < before)
    rows = (await session.execute(query)).all()
    items = [ChildView(ticket=related(row), attached_at=row.added_at, is_reopened=row.again) for row in rows[:limit]]
    return Page(items=items, next_cursor=encode_cursor(str(rows[limit - 1].id)) if len(rows) > limit else None)


async def list_child_ids(session: Session, parent_id: UUID, *narrowed: ColumnElement[bool]) -> list[UUID]:
    """All children, whoever may see them, oldest first: each is judged when its turn comes."""
    return list(await session.scalars(_children(parent_id).where(*narrowed).order_by(Ticket.id)))


def _children(parent_id: UUID) -> Select[*tuple[Any, ...]]:
    return (
        select(Ticket.id)
        .join(LinkedTickets, LinkedTickets.ticket_id == Ticket.id)
        .where(LinkedTickets.other_id == parent_id, LinkedTickets.kind == CHILD)
    )


async def _count(session: Session, caller: Caller, parent_id: UUID) -> ChildCounts:
    counted = (
        func.count(),
        func.count().filter(IS_OPEN),
        func.count().filter(IS_REOPENED),
    )
    query = _children(parent_id).where(visible_to(caller.principal)).with_only_columns(*counted)
    total, unfinished, reopened = (await session.execute(query)).one()
    return ChildCounts(total=total, open=unfinished, reopened=reopened)


def _position(cursor: str | None) -> UUID | None:
    position = decode_cursor(cursor, str)
    try:
        return UUID(str(position[0])) if position else None
    except ValueError:
        raise unusable_cursor() from None
