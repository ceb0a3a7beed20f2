"""A list of tickets as lanes: parts that share no ticket, each read from an index in the list's own order.

What is worked on is one lane, which stays as small as today's work. What is over has a lane for each status and each
scope (a team, an agent, everything), because only then does an index hold it in order; where only some priorities are
asked for, one for each of those, and where only what nobody had, in an index of that alone. Merged, a page costs the
same however much is over. The conditions are written as in the indexes: a parameter would hide that they are the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, Integer, Select, Subquery, literal_column, or_, select, tuple_, union_all
from sqlalchemy.orm import InstrumentedAttribute

from services.assignment.models import Ticket
from services.assignment.models.ticket_indexes import NOBODYS, OPEN, OVER
from shared.contracts.vocabulary import Permission, Priority, Status
from shared.domain.permissions import Principal, reach

Conditions = Sequence[ColumnElement[bool]]
Carried = Sequence[ColumnElement[Any] | InstrumentedAttribute[Any]]
Place = tuple[UUID, Any]
"""A ticket, and what it is sorted by."""
IS_OPEN: Final = literal_column(f"tickets.{OPEN}", Boolean)
IS_OVER: Final = literal_column(f"tickets.{OVER}", Boolean)
IS_NOBODYS: Final = literal_column(f"tickets.{NOBODYS.replace('assignee_id', 'tickets.assignee_id')}", Boolean)
DONE: Final = (Status.RESOLVED, Status.CLOSED)
NOTHING: Final[Conditions] = (literal_column("false", Boolean),)


@dataclass(frozen=True, slots=True)
class Order:
    """The column a list is sorted by, and after which position it goes on."""

    column: InstrumentedAttribute[Any]
    is_descending: bool
    after: tuple[Any, ...] | None = None

    def walk(self, conditions: Conditions, most: int, carried: Carried = (Ticket.id,)) -> Select[Any]:
        """The first tickets that fulfil the conditions: what is carried, beside the value they are sorted by."""
        query = select(*carried, self.column.label("place")).where(*conditions)
        if self.after is not None:
            key = tuple_(self.column, Ticket.id)
            query = query.where(key < self.after if self.is_descending else key > self.after)
        if self.is_descending:
            return query.order_by(self.column.desc(), Ticket.id.desc()).limit(most)
        return query.order_by(self.column, Ticket.id).limit(most)

    def by(self, found: Subquery) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        """The same order, of rows that `walk` found."""
        place, ticket_id = found.c.place, found.c.id
        return (place.desc(), ticket_id.desc()) if self.is_descending else (place, ticket_id)


@dataclass(frozen=True, slots=True)
class Listed:
    """The tickets of a list: its lanes, what each must fulfil besides, and the words and the tag it must bear."""

    parts: Sequence[Conditions]
    narrowed: Conditions
    words: str = ""
    tag: str = ""


def indexed_ranges(
    statuses: Sequence[Status],
    scopes: Sequence[Conditions],
    priorities: Sequence[Priority] = (),
    *,
    is_nobodys: bool = False,
) -> list[Conditions]:
    """The lanes of the tickets in these statuses and in any of these scopes, which must share no ticket.

    Of what is over, only that of these priorities, if any are named, or only what nobody had: then `scopes` are teams.
    """
    working = {status for status in statuses if status not in DONE}
    found: list[Conditions] = []
    if working and scopes:
        whole = len(working) == len(Status) - len(DONE)
        narrowed = [] if whole else [Ticket.status.in_(sorted(status.value for status in working))]
        found.append((IS_OPEN, *narrowed, any_of(scopes)))
    for status in (one for one in DONE if one in statuses):
        of_status = Ticket.status == literal_column(f"'{status.value}'")
        found += [
            (IS_NOBODYS if is_nobodys else IS_OVER, of_status, *of_rank, *scope)
            for scope in scopes
            for of_rank in ([()] if is_nobodys else _of_ranks(priorities))
        ]
    return found


def _of_ranks(priorities: Sequence[Priority]) -> list[Conditions]:
    ranks = sorted({priority.rank for priority in priorities})
    return [(Ticket.priority_rank == literal_column(str(rank), Integer),) for rank in ranks] or [()]


def any_of(scopes: Sequence[Conditions]) -> ColumnElement[bool]:
    """That a ticket is in one of the scopes."""
    together = [_all(scope) for scope in scopes]
    return or_(*together) if together else NOTHING[0]


def scopes_of(principal: Principal, permission: Permission) -> list[Conditions]:
    """The scopes that a permission extends to, each ticket in one of them alone."""
    reached = reach(principal, permission)
    if reached.is_everything:
        return [()]
    teams = sorted(reached.team_ids)
    found: list[Conditions] = [(Ticket.team_id == team_id,) for team_id in teams]
    if reached.is_own:
        elsewhere = [or_(Ticket.team_id.is_(None), Ticket.team_id.not_in(teams))] if teams else []
        found.append((Ticket.assignee_id == principal.agent_id, *elsewhere))
    return found


def merged(
    order: Order, parts: Sequence[Conditions], more: Conditions, most: int, carried: Carried = (Ticket.id,)
) -> Subquery:
    """The first tickets of all lanes together that fulfil `more` as well: what is carried, and `place`."""
    walks = [order.walk((*part, *more), most, carried) for part in parts or (NOTHING,)]
    together = union_all(*walks).subquery()
    return select(together).order_by(*order.by(together)).limit(most).subquery()


def _all(conditions: Conditions) -> ColumnElement[bool]:
    first, *others = conditions or (literal_column("true", Boolean),)
    for other in others:
        first = first & other
    return first
