"""Which tickets a permission extends to, as a condition for the database."""

from sqlalchemy import ColumnElement, or_

from services.assignment.models import Ticket
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import Principal, reach

VIEW = Permission.TICKET_VIEW


def visible_to(principal: Principal, permission: Permission = VIEW) -> ColumnElement[bool]:
    """The condition for the tickets a permission extends to, enforced by the database."""
    reached = reach(principal, permission)
    if reached.is_everything:
        return Ticket.id.is_not(None)
    conditions: list[ColumnElement[bool]] = [Ticket.team_id.in_(reached.team_ids)]
    if reached.is_own:
        conditions.append(Ticket.assignee_id == principal.agent_id)
    return or_(*conditions)
