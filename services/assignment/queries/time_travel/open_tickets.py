"""Tickets that are worked on, now or at an instant of the past, as reports read them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import CTE, ColumnElement, DateTime, Integer, String, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import aliased

from services.assignment.models import Ticket
from services.assignment.queries.access.visibility import visible_to
from services.assignment.queries.indexed_ranges import IS_OPEN
from services.assignment.queries.ticket_lists.scopes import WORKING
from services.assignment.queries.time_travel.past_lists import past_tickets
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import Principal
from shared.kit.clock import utc_now

_INSTANT: Final = DateTime(timezone=True)
_COLUMNS: Final[dict[str, Any]] = {
    "id": Uuid(),
    "topic_id": Uuid(),
    "channel": String(),
    "created_at": _INSTANT,
    "team_id_now": Uuid(),
    "assignee_id_now": Uuid(),
    "status": String(),
    "priority": String(),
    "priority_rank": Integer(),
    "team_id": Uuid(),
    "assignee_id": Uuid(),
    "next_due_at": _INSTANT,
    "snapshot": JSONB(),
}


def past_open_tickets(as_of: datetime) -> CTE:
    """Tickets that were worked on then, and some that were not: their status says so."""
    return (
        text(past_tickets(WORKING)).bindparams(bindparam("as_of", as_of, _INSTANT)).columns(**_COLUMNS).cte("tickets")
    )


@dataclass(frozen=True, slots=True)
class OpenAt:
    """The tickets of an instant: the table itself for now, a look into the log for the past."""

    at: datetime
    ticket: type[Ticket] = Ticket
    past: CTE | None = None

    @classmethod
    def of(cls, as_of: datetime | None) -> "OpenAt":
        """The tickets of `as_of`, or of now."""
        if as_of is None:
            return cls(utc_now())
        past = past_open_tickets(as_of)
        return cls(as_of, aliased(Ticket, past, adapt_on_names=True), past)

    @property
    def is_open(self) -> ColumnElement[bool]:
        """The condition for tickets that are worked on."""
        return IS_OPEN if self.past is None else self.past.c.status.in_([status.value for status in WORKING])

    @property
    def source(self) -> Any:
        """What to select from."""
        return Ticket.__table__ if self.past is None else self.past

    def visible_to(self, principal: Principal, permission: Permission) -> ColumnElement[bool]:
        """The condition for tickets that the permission extends to, by where they now stand."""
        if self.past is None:
            return visible_to(principal, permission)
        return visible_to(principal, permission, (self.past.c.team_id_now, self.past.c.assignee_id_now))
