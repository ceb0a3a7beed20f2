"""One ticket as an agent sees it, or nothing if they may not."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, String, Uuid, bindparam, exists, or_, select
from sqlalchemy.orm import aliased

from services.assignment.errors import not_permitted
from services.assignment.models import Agent, FollowUp, Team, Ticket, Topic
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.access.visibility import VIEW
from services.assignment.queries.ticket_page.follow_ups import get_related
from services.assignment.schemas.tickets import TicketRow, TicketView, TicketWithNames, view_of
from shared.contracts.base import AgentId, TeamId
from shared.contracts.tickets import TicketSnapshot
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import TicketPlace, permissions_on
from shared.kit.db import Session
from shared.kit.http.problems import not_found

NUMBER = re.compile(r"[A-Za-z0-9-]{1,32}")


@dataclass(frozen=True, slots=True)
class AuthorizedTicket:
    """A ticket the caller may see, and what else they may do to it."""

    ticket: Ticket
    permissions: frozenset[Permission]

    def require(self, permission: Permission) -> None:
        """Raises Problem 403 unless the caller holds the permission on this ticket."""
        if permission not in self.permissions:
            raise not_permitted(permission)


def ticket_place(ticket: Ticket) -> TicketPlace:
    """Where the ticket stands, for the permission rules."""
    team_id = TeamId(ticket.team_id) if ticket.team_id else None
    return TicketPlace(team_id, AgentId(ticket.assignee_id) if ticket.assignee_id else None)


def named(reference: str) -> ColumnElement[bool]:
    """The condition for a ticket by id or number. Raises Problem 404 for what can be neither."""
    known = id_or_number(reference)
    return Ticket.id == known if isinstance(known, UUID) else Ticket.number == known


def id_or_number(reference: str) -> UUID | str:
    """What a client calls a ticket by. Raises Problem 404 for what can be neither."""
    try:
        return UUID(reference)
    except ValueError:
        pass
    if not NUMBER.fullmatch(reference):
        raise not_found()
    return reference


async def get_ticket(session: Session, caller: Caller, reference: str) -> AuthorizedTicket:
    """The ticket and the caller's permissions on it. Raises Problem 404 if it does not exist or may not be seen."""
    ticket = await session.scalar(select(Ticket).where(named(reference)))
    if ticket is None:
        raise not_found()
    held = permissions_on(caller.principal, ticket_place(ticket))
    if VIEW not in held:
        raise not_found()
    return AuthorizedTicket(ticket, held)


def with_names(ticket: type[Ticket] = Ticket) -> Select[Ticket, str, str, str, str, str, list[Any]]:
    """Tickets, or those of an alias called `Ticket`, beside the names of their team, assignee and topic."""
    return (
        select(
            ticket,
            Team.slug.label("team_slug"),
            Team.name.label("team_name"),
            Agent.name.label("agent_name"),
            Topic.slug.label("topic_slug"),
            Topic.name.label("topic_name"),
            Topic.fields.label("topic_fields"),
        )
        .outerjoin(Team, Team.id == ticket.team_id)
        .outerjoin(Agent, Agent.id == ticket.assignee_id)
        .outerjoin(Topic, Topic.id == ticket.topic_id)
    )


def as_view(row: TicketRow | TicketWithNames, caller: Caller, now: datetime) -> TicketView:
    """The answer made of a row of `with_names`."""
    return view_of(row, permissions_on(caller.principal, ticket_place(row.Ticket)), now)


async def rename(session: Session, caller: Caller, named_ticket: TicketWithNames, snapshot: TicketSnapshot) -> None:
    """Looks up the names of the team and the agent that a ticket has come to, where they are others than before."""
    ticket = named_ticket.Ticket
    is_callers = snapshot.assignee_id == caller.agent_id
    if is_callers:
        named_ticket.agent_name = caller.name
    if snapshot.team_id == ticket.team_id and (is_callers or snapshot.assignee_id == ticket.assignee_id):
        return
    team, agent = Team.id == snapshot.team_id, Agent.id == snapshot.assignee_id
    names = select(
        *(select(name).where(team).scalar_subquery() for name in (Team.slug, Team.name)),
        select(Agent.name).where(agent).scalar_subquery(),
    )
    slug, name, agent_name = list((await session.execute(names)).one())
    named_ticket.team_slug, named_ticket.team_name, named_ticket.agent_name = slug, name, agent_name


async def get_view(session: Session, caller: Caller, reference: str, now: datetime) -> TicketView:
    """One ticket, ready to answer with. Raises Problem 404."""
    known = id_or_number(reference)
    query = VIEWED_BY_ID if isinstance(known, UUID) else VIEWED_BY_NUMBER
    row = (await session.execute(query, {"reference": known})).one_or_none()
    if row is None or VIEW not in permissions_on(caller.principal, ticket_place(row.Ticket)):
        raise not_found()
    return await _with_related(session, caller, row, now)


async def view_after(session: Session, caller: Caller, ticket_id: UUID, now: datetime) -> TicketView:
    """The ticket after the caller's own change, even if that took it out of their sight."""
    session.expire_all()
    row = (await session.execute(VIEWED_BY_ID, {"reference": ticket_id})).one()
    return await _with_related(session, caller, row, now)


async def _with_related(session: Session, caller: Caller, row: Row[*tuple[Any, ...]], now: datetime) -> TicketView:
    """Few tickets go on from others or are merged: only for those it is asked which."""
    view = as_view(row, caller, now)
    return view.model_copy(update=dict(await get_related(session, caller, view.id))) if row.is_related else view


def _viewed(is_it: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    earlier, later = (
        exists(select(FollowUp.ticket_id).where(side == Ticket.id))
        for side in (FollowUp.follow_up_id, FollowUp.ticket_id)
    )
    part = aliased(Ticket)
    merged = or_(Ticket.merged_into.is_not(None), exists(select(part.id).where(part.merged_into == Ticket.id)))
    return with_names().add_columns(or_(earlier, later, merged).label("is_related")).where(is_it)


VIEWED_BY_ID: Final = _viewed(Ticket.id == bindparam("reference", type_=Uuid()))
VIEWED_BY_NUMBER: Final = _viewed(Ticket.number == bindparam("reference", type_=String()))
"""Built once: every page of a ticket begins with one of the two."""
