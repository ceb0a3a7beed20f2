"""Links between tickets, from either side, limited to what the caller may see."""

from uuid import UUID

from sqlalchemy import or_, select

from services.assignment.models import LinkedTickets, Ticket
from services.assignment.queries.callers import Caller
from services.assignment.queries.visibility import visible_to
from services.assignment.schemas.composing import LinkView
from services.assignment.schemas.tickets import RelatedTicket
from shared.kit.db import Session


async def list_links(session: Session, caller: Caller, ticket_id: UUID) -> list[LinkView]:
    """The links of a ticket, oldest first."""
    link = LinkedTickets
    from_here = (link.ticket_id == ticket_id) & (Ticket.id == link.other_id)
    to_here = (link.other_id == ticket_id) & (Ticket.id == link.ticket_id)
    query = (
        select(link.ticket_id, link.kind, link.added_at, Ticket.id, Ticket.number, Ticket.subject, Ticket.status)
        .join(Ticket, or_(from_here, to_here))
        .where(or_(link.ticket_id == ticket_id, link.other_id == ticket_id), visible_to(caller.principal))
        .order_by(link.added_at, Ticket.id)
    )
    return [
        LinkView.model_validate(
            {
                "ticket": RelatedTicket(id=row.id, number=row.number, subject=row.subject, status=row.status),
                "kind": _seen(row.kind, is_from_here=row.ticket_id == ticket_id),
                "added_at": row.added_at,
            }
        )
        for row in await session.execute(query)
    ]


def _seen(kind: str, *, is_from_here: bool) -> str:
    if kind == "related":
        return kind
    return "duplicate_of" if is_from_here else "duplicated_by"
