"""Links between tickets, from either side, limited to what the caller may see."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import func, or_, select

from services.assignment.models import LinkedTickets, Ticket
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.access.visibility import visible_to
from services.assignment.schemas.composing import LinkView
from services.assignment.schemas.tickets import RelatedTicket
from shared.contracts.events.collaboration import LinkRelation
from shared.contracts.vocabulary import Status
from shared.kit.db import Session

CHILD: Final = "child"
"""The stored kind of a link from a child to its parent."""
SHOWN = 200
"""Links in one answer: a parent can have thousands of children, which `count_children` counts."""
_RELATIONS: Final[dict[str, tuple[LinkRelation, LinkRelation]]] = {
    "related": ("related", "related"),
    "duplicate": ("duplicate_of", "duplicated_by"),
    CHILD: ("parent", "child"),
}


def relation(kind: str, *, is_from_here: bool) -> LinkRelation:
    """What the other ticket is to the one the link is seen from."""
    return _RELATIONS[kind][0 if is_from_here else 1]


async def list_links(session: Session, caller: Caller, ticket_id: UUID) -> list[LinkView]:
    """The links of a ticket, oldest first, children last."""
    link = LinkedTickets
    from_here = (link.ticket_id == ticket_id) & (Ticket.id == link.other_id)
    to_here = (link.other_id == ticket_id) & (Ticket.id == link.ticket_id)
    is_child = (link.other_id == ticket_id) & (link.kind == CHILD)
    query = (
        select(link.ticket_id, link.kind, link.added_at, Ticket.id, Ticket.number, Ticket.subject, Ticket.status)
        .join(Ticket, or_(from_here, to_here))
        .where(or_(link.ticket_id == ticket_id, link.other_id == ticket_id), visible_to(caller.principal))
        .order_by(is_child, link.added_at, Ticket.id)
        .limit(SHOWN)
    )
    return [
        LinkView(
            ticket=RelatedTicket(id=row.id, number=row.number, subject=row.subject, status=Status(row.status)),
            kind=relation(row.kind, is_from_here=row.ticket_id == ticket_id),
            added_at=row.added_at,
        )
        for row in await session.execute(query)
    ]


async def count_children(session: Session, ticket_id: UUID) -> int:
    """How many tickets have this one as their parent."""
    query = select(func.count()).select_from(LinkedTickets)
    return await session.scalar(query.where(LinkedTickets.other_id == ticket_id, LinkedTickets.kind == CHILD)) or 0


async def count_children_of(session: Session, ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many children each of some tickets has; those without are left out."""
    if not ids:
        return {}
    link = LinkedTickets
    query = select(link.other_id, func.count()).where(link.other_id.in_(ids), link.kind == CHILD)
    return dict((await session.execute(query.group_by(link.other_id))).tuples().all())


async def would_be_circular(session: Session, child_id: UUID, parent_id: UUID) -> bool:
    """Whether the child is the parent itself or stands somewhere above it."""
    link = LinkedTickets
    above = select(link.other_id.label("id")).where(link.ticket_id == parent_id, link.kind == CHILD).cte(recursive=True)
    further = select(link.other_id).join(above, link.ticket_id == above.c.id).where(link.kind == CHILD)
    above = above.union(further)
    return await session.scalar(select(above.c.id).where(above.c.id == child_id).limit(1)) is not None
