"""Which tickets a permission extends to, as a condition for the database."""

from typing import Any

from sqlalchemy import ColumnElement, or_, true

from services.assignment.models import Ticket
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import Principal, reach

TicketColumns = tuple[ColumnElement[Any], ColumnElement[Any]]
"""The columns of a ticket's team and assignee."""
VIEW = Permission.TICKET_VIEW


def visible_to(
    principal: Principal, permission: Permission = VIEW, place: TicketColumns | None = None
) -> ColumnElement[bool]:
    """The condition for the tickets a permission extends to, enforced by the database.

    `place` has the columns of where a ticket now stands, if they are not those of the table.
    """
    reached = reach(principal, permission)
    if reached.is_everything:
        return true() if place is not None else Ticket.id.is_not(None)
    team_id, assignee_id = place or (Ticket.team_id.expression, Ticket.assignee_id.expression)
    conditions: list[ColumnElement[bool]] = [team_id.in_(reached.team_ids)]
    if reached.is_own:
        conditions.append(assignee_id == principal.agent_id)
    return or_(*conditions)
