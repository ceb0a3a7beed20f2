"""Loads session, permissions and ticket for a command request in one statement."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from fastapi import Response
from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, literal, or_
from sqlalchemy.orm import aliased

from services.assignment.models import FollowUp, Intent, Ticket, table_of
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.access.visibility import VIEW
from services.assignment.queries.ticket_page.follow_ups import get_related
from services.assignment.queries.ticket_page.tasks import blocks
from services.assignment.queries.ticket_page.tickets import (
    AuthorizedTicket,
    as_view,
    id_or_number,
    ticket_place,
    with_names,
)
from services.assignment.schemas.tickets import RelatedTickets, TicketView, TicketWithNames
from shared.domain.permissions import permissions_on
from shared.kit.db import Session
from shared.kit.http.idempotency import IdempotencyClaim
from shared.kit.http.problems import not_found
from shared.kit.tables import idempotency_responses as responses

NO_KEY = ""
"""No client's key, for keys have at least one character."""


@dataclass(frozen=True, slots=True)
class RequestLookup:
    """The ticket with its names, what the caller may do to it, and what became of an earlier attempt."""

    found: AuthorizedTicket
    named: TicketWithNames
    related: RelatedTickets
    stored: Response | None
    """The first answer, if this is a retry."""
    is_intended: bool
    """Whether a command like it was written down and not answered yet: perhaps this one, sent before."""
    is_blocked: bool
    """Whether tasks that block resolving are to be done."""

    def view(self, caller: Caller, now: datetime) -> TicketView:
        """The ticket as it was found, or as `named` was brought up to date since."""
        return as_view(self.named, caller, now).model_copy(update=dict(self.related))


async def look_up(
    session: Session, caller: Caller, reference: str, about: str, claim: IdempotencyClaim
) -> RequestLookup:
    """Looks a ticket up by its id or number, and what is known of the request: its action and idempotency key.

    Raises Problem 404 if the ticket does not exist or may not be seen, 422 if the key was used for another body.
    """
    known = id_or_number(reference)
    asked = {
        "reference": known,
        "caller_id": caller.agent_id,
        "action": about,
        "claim_scope": claim.scope,
        "claim_key": claim.key or NO_KEY,
    }
    query = BY_ID if isinstance(known, UUID) else BY_NUMBER
    row = (await session.execute(query, asked)).one_or_none()
    if row is None:
        raise not_found()
    claim.settle(row)
    ticket = row.Ticket
    held = permissions_on(caller.principal, ticket_place(ticket))
    if VIEW not in held and claim.stored is None:
        raise not_found()
    names = (row.team_slug, row.team_name, row.agent_name, row.topic_slug, row.topic_name, row.topic_fields)
    is_related = row.is_related and claim.stored is None
    return RequestLookup(
        AuthorizedTicket(ticket, held),
        TicketWithNames(ticket, *names),
        await get_related(session, caller, ticket.id) if is_related else RelatedTickets(),
        claim.stored,
        is_intended=claim.key is not None and row.is_intended,
        is_blocked=row.is_blocked,
    )


def _query(reference: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    intended = exists().where(
        Intent.ticket_id == Ticket.id,
        Intent.agent_id == bindparam("caller_id"),
        Intent.about == bindparam("action"),
        Intent.is_keyed,
    )
    part = aliased(Ticket)
    is_related = or_(
        exists().where(or_(FollowUp.ticket_id == Ticket.id, FollowUp.follow_up_id == Ticket.id)),
        Ticket.merged_into.is_not(None),
        exists().where(part.merged_into == Ticket.id),
    )
    first = and_(responses.c.scope == bindparam("claim_scope"), responses.c.key == bindparam("claim_key"))
    return (
        with_names()
        .add_columns(
            literal(value=True).label("is_free"),
            *(responses.c[name] for name in ("request_hash", "status", "body", "etag")),
            intended.label("is_intended"),
            is_related.label("is_related"),
            exists().where(blocks(Ticket.id)).label("is_blocked"),
        )
        .outerjoin(responses, first)
        .where(reference == bindparam("reference"))
    )


BY_ID: Final = _query(table_of(Ticket).c.id)
BY_NUMBER: Final = _query(table_of(Ticket).c.number)
"""Built once: building one costs more than asking it."""
