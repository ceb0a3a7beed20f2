"""Keeps which tickets belong to a major incident that requesters may be told of. Events may come in any order."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.intake.models import IncidentChild, KnownIncident, Ticket
from shared.contracts.events import IncidentChanged, TicketLinked, TicketUnlinked
from shared.contracts.vocabulary import Status
from shared.kit.db import Session

OVER = (Status.RESOLVED, Status.CLOSED)


async def keep_known_incidents(session: Session, told: IncidentChanged | TicketLinked | TicketUnlinked) -> None:
    """Takes over the title that requesters may see, or a ticket's parent; links of other kinds are of no concern."""
    match told:
        case IncidentChanged():
            title = told.public_title if told.is_declared else ""
            await _keep(session, KnownIncident, told.ticket_id, told.changed_at, {"title": title})
        case TicketLinked(kind="parent"):
            await _keep(session, IncidentChild, told.ticket_id, told.linked_at, {"parent_id": told.other_id})
        case TicketUnlinked(kind="parent"):
            await _keep(session, IncidentChild, told.ticket_id, told.unlinked_at, {"parent_id": None})


async def find_known_incident(session: Session, ticket: Ticket) -> str:
    """What the readers of an open ticket are told of the incident it belongs to; empty for nothing."""
    if ticket.status in OVER:
        return ""
    query = (
        select(KnownIncident.title)
        .join(IncidentChild, IncidentChild.parent_id == KnownIncident.ticket_id)
        .where(IncidentChild.ticket_id == ticket.id)
    )
    return await session.scalar(query) or ""


async def _keep(
    session: Session,
    table: type[KnownIncident] | type[IncidentChild],
    ticket_id: UUID,
    at: datetime,
    values: dict[str, Any],
) -> None:
    told = {**values, "changed_at": at}
    new = insert(table).values(ticket_id=ticket_id, **told)
    is_newer = table.changed_at <= new.excluded.changed_at
    await session.execute(new.on_conflict_do_update(index_elements=["ticket_id"], set_=told, where=is_newer))
