"""Canned responses an agent may use, and their rendering for a ticket.

For the reply editor: `responses_for` lists what fits a ticket, and `rendered_for` fills one in. What comes back is
Markdown to be put into the editor, not HTML.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select

from services.assignment.canned_variables import fill_in, first_word
from services.assignment.models import CannedResponse, Team, Ticket, Topic
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.schemas.canned_responses import CannedResponseView
from shared.contracts.vocabulary import Permission, Scope
from shared.domain.permissions import holds
from shared.kit.db import Session
from shared.kit.http.problems import not_found

BY_TITLE = (func.lower(CannedResponse.title), CannedResponse.id)
PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class RenderedResponse:
    """A canned response filled in for one ticket, in Markdown."""

    id: UUID
    title: str
    body: str


async def responses_of(session: Session, caller: Caller) -> list[CannedResponseView]:
    """Every canned response that an agent may use or administer, by title."""
    return await _listed(session, _usable_by(caller))


async def page_of_responses(
    session: Session, caller: Caller, words: str, number: int
) -> tuple[list[CannedResponseView], bool]:
    """One page of those with some words in title or text, and whether more follow."""
    conditions = [_usable_by(caller)]
    if words:
        text = CannedResponse.title.icontains(words, autoescape=True)
        conditions.append(or_(text, CannedResponse.body.icontains(words, autoescape=True)))
    query = select(CannedResponse).where(*conditions).order_by(*BY_TITLE)
    found = (await session.scalars(query.offset((number - 1) * PER_PAGE).limit(PER_PAGE + 1))).all()
    return [view_of(one) for one in found[:PER_PAGE]], len(found) > PER_PAGE


async def responses_for(session: Session, caller: Caller, ticket: Ticket, words: str = "") -> list[CannedResponseView]:
    """Those that also fit a ticket: for everybody, for its team, or for a team above that. `words` narrows by title."""
    conditions = [_usable_by(caller), await _fitting(session, ticket)]
    if words:
        conditions.append(CannedResponse.title.icontains(words, autoescape=True))
    return await _listed(session, *conditions)


async def rendered_for(session: Session, caller: Caller, reference: str, response_id: UUID) -> RenderedResponse:
    """One filled in for a ticket. Raises Problem 404 for a ticket or text that is not the agent's to use."""
    ticket = (await get_ticket(session, caller, reference)).ticket
    fits = (CannedResponse.id == response_id, _usable_by(caller), await _fitting(session, ticket))
    response = await session.scalar(select(CannedResponse).where(*fits))
    if response is None:
        raise not_found("canned response")
    return RenderedResponse(
        response.id, response.title, fill_in(response.body, await values_for(session, caller, ticket))
    )


async def values_for(session: Session, caller: Caller, ticket: Ticket) -> dict[str, str]:
    """What the variables stand for on a ticket, when this agent replies."""
    team = await session.scalar(select(Team.name).where(Team.id == ticket.team_id))
    topic = await session.scalar(select(Topic.name).where(Topic.id == ticket.topic_id))
    return {
        "requester.name": ticket.requester_name,
        "requester.first_name": first_word(ticket.requester_name),
        "ticket.number": ticket.number,
        "ticket.subject": ticket.subject,
        "ticket.status": ticket.status.replace("_", " "),
        "ticket.priority": ticket.priority,
        "ticket.topic": topic or "",
        "team.name": team or "",
        "agent.name": caller.name,
        "agent.first_name": first_word(caller.name),
    }


def view_of(response: CannedResponse) -> CannedResponseView:
    """The view of a stored canned response."""
    return CannedResponseView.model_validate(
        {name: getattr(response, name) for name in CannedResponseView.model_fields}
    )


async def _listed(session: Session, *conditions: ColumnElement[bool]) -> list[CannedResponseView]:
    found = await session.scalars(select(CannedResponse).where(*conditions).order_by(*BY_TITLE))
    return [view_of(one) for one in found]


def _usable_by(caller: Caller) -> ColumnElement[bool]:
    """For everybody, for one's own teams; all of them for administrators and for who sees every ticket."""
    grants = caller.principal.grants
    if holds(caller.principal, Permission.ADMIN_CANNED) or any(grant.scope is Scope.ALL for grant in grants):
        return CannedResponse.id.is_not(None)
    return or_(CannedResponse.team_id.is_(None), CannedResponse.team_id.in_({grant.team_id for grant in grants}))


async def _fitting(session: Session, ticket: Ticket) -> ColumnElement[bool]:
    team = await session.get(Team, ticket.team_id) if ticket.team_id else None
    teams = [team.id, *team.lineage] if team else []
    return or_(CannedResponse.team_id.is_(None), CannedResponse.team_id.in_(teams))
