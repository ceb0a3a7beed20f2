"""What a ticket's page says of major incidents: that it is one, or that it looks like one that is open."""

from dataclasses import dataclass

from services.assignment.models import Ticket
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_page.incidents import find_incident
from services.assignment.queries.ticket_page.similar_tickets import find_similar_incident
from services.assignment.queries.ticket_page.ticket_parts import TicketParts
from services.assignment.schemas.incidents import IncidentView, SimilarTicketView
from services.assignment.schemas.tickets import TicketView
from shared.contracts.vocabulary import Status
from shared.kit.db import Session


@dataclass(frozen=True, slots=True)
class IncidentCard:
    """Neither for most tickets."""

    own: IncidentView | None = None
    """The incident that the ticket is."""
    suggested: SimilarTicketView | None = None
    """The open incident that it may belong to."""

    @property
    def is_over(self) -> bool:
        """Whether the incident is resolved while children are not."""
        own = self.own
        return own is not None and own.ticket.status in (Status.RESOLVED, Status.CLOSED) and own.children.open > 0


async def get_incident_card(session: Session, caller: Caller, view: TicketView, parts: TicketParts) -> IncidentCard:
    """For most tickets without a statement: `parts` says whether there are incidents at all."""
    if not parts.has_incidents:
        return IncidentCard()
    ticket = await session.get_one(Ticket, view.id)
    if parts.is_incident:
        return IncidentCard(own=await find_incident(session, caller, ticket))
    return IncidentCard(suggested=await find_similar_incident(session, caller, ticket))
