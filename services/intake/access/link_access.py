"""Checks a signed link: whose it is, and whether it still opens its ticket."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, select

from services.intake.access.organisation_access import may_read_as_colleague
from services.intake.models import LinkRevocation, Participant, Ticket
from services.intake.queries.people import belongs_to
from shared.contracts.base import TicketId
from shared.contracts.vocabulary import ParticipantState
from shared.kit.auth import TicketLink, TicketLinks
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.http.problems import Problem

COLLEAGUE_LINK_AGE = timedelta(days=7)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
NOBODYS = TicketLink(TicketId(UUID(int=0)), "", signed_at=LONG_AGO)
"""Dummy ticket for links that cannot be read, so that they take as long to refuse as revoked ones."""


@dataclass(frozen=True, slots=True)
class LinkAccess:
    """Somebody on a ticket's page."""

    ticket: Ticket
    link: TicketLink
    name: str
    is_requester: bool
    """Else somebody in copy, who may read and write, or a colleague."""
    is_colleague: bool = False
    """Somebody whose organisation lets its people read each other's tickets: they read, and may follow."""


def link_not_valid() -> Problem:
    """The one answer to every link that opens nothing: forged, expired, revoked, or of a ticket that is no more."""
    return Problem(404, "link_not_valid", "this link does not open a ticket any more")


async def get_link_access(session: Session, links: TicketLinks, token: str) -> LinkAccess:
    """Who comes with a token. Raises Problem 404, always the same.

    Links that cannot be read cost the same one query as revoked ones.
    """
    link = links.read(token) or NOBODYS
    query = (
        select(Ticket, Participant, LinkRevocation.made_before, belongs_to(Ticket, link.email).label("is_own"))
        .outerjoin(
            Participant,
            and_(
                Participant.ticket_id == Ticket.id,
                Participant.email == link.email,
                Participant.state == ParticipantState.JOINED,
            ),
        )
        .outerjoin(LinkRevocation, and_(LinkRevocation.ticket_id == Ticket.id, LinkRevocation.email == link.email))
        .where(Ticket.id == link.ticket_id)
    )
    found = (await session.execute(query)).one_or_none()
    visit = _visit(link, found.Ticket, found.Participant, is_own=found.is_own) if found else None
    if visit is None and found is not None:
        visit = await _find_colleague(session, link, found.Ticket)
    if visit is None or (found and found.made_before and (link.signed_at or LONG_AGO) < found.made_before):
        raise link_not_valid()
    return visit


async def _find_colleague(session: Session, link: TicketLink, ticket: Ticket) -> LinkAccess | None:
    """A link of a colleague is as old as the proof of their address, and works no longer than that."""
    if utc_now() - (link.signed_at or LONG_AGO) > COLLEAGUE_LINK_AGE:
        return None
    if not await may_read_as_colleague(session, link.email, ticket):
        return None
    return LinkAccess(ticket, link, link.email.partition("@")[0], is_requester=False, is_colleague=True)


def _visit(link: TicketLink, ticket: Ticket, participant: Participant | None, *, is_own: bool) -> LinkAccess | None:
    if is_own:
        return LinkAccess(ticket, link, ticket.requester_name, is_requester=True)
    return LinkAccess(ticket, link, participant.name, is_requester=False) if participant else None
