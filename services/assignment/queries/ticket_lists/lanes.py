"""Lists of tickets as lanes: parts that share no ticket, each read from an index in the list's own order.

What is worked on is one lane for each kind of scope, and what is over another, because only then does an index hold it
in order. A scope of several teams is one lane all the same: a lateral join walks the index once for each team and stops
after a page. Merged, a page costs the same however many tickets there are. The SQL is text: its shapes are few, so that
neither it nor its plan is made anew, and its conditions are written as in the indexes, which a parameter would hide.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import TextClause, text

from services.assignment.models.ticket_indexes import OPEN, OVER

EACH: Final[Mapping[str, tuple[str, str]]] = {
    "team": ("unnest(cast(:teams as uuid[])) as each_team (team_id)", "tickets.team_id = each_team.team_id"),
    "done": ("unnest(cast(:done as text[])) as each_status (status)", "tickets.status = each_status.status"),
    "rank": (
        "unnest(cast(:ranks as integer[])) as each_rank (priority_rank)",
        "tickets.priority_rank = each_rank.priority_rank",
    ),
}
"""What a lane may be read for each of, and the condition that this adds."""
IS_OPEN: Final = f"tickets.{OPEN}"
IS_OVER: Final = f"tickets.{OVER}"
IS_NOBODYS: Final = "tickets.assignee_id is null"
NARROWABLE: Final = (
    *("id", "status", "priority_rank", "topic_id", "team_id", "assignee_id", "tags", "channel", "next_due_at"),
    *("requester_email", "requester_name", "number"),
)
"""What conditions beside those of the lanes may be about."""
Place = tuple[UUID, datetime | int]
"""A ticket, and what it is sorted by."""


@dataclass(frozen=True, slots=True)
class Lane:
    """Tickets that an index holds in order: its conditions, and what it is read for each of."""

    conditions: tuple[str, ...]
    each: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """The column a list is sorted by, and where it goes on."""

    column: str
    is_descending: bool
    after: Place | None = None

    @property
    def by(self) -> str:
        """The order of what lanes have carried."""
        direction = " desc" if self.is_descending else ""
        return f"place{direction}, id{direction}"

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of a place to go on after."""
        return {} if self.after is None else {"after_id": self.after[0], "after_place": self.after[1]}


@dataclass(frozen=True, slots=True)
class Listed:
    """The tickets of a list: its lanes, what each must fulfil besides, and the values of both."""

    lanes: tuple[Lane, ...]
    narrowed: tuple[str, ...] = ()
    """Conditions that no index has in the list's order: looked at ticket by ticket."""
    visible: tuple[str, ...] = ()
    """What the caller's permissions add; the lanes fulfil it for nearly every ticket."""
    values: dict[str, Any] = field(default_factory=dict)


@lru_cache(maxsize=1024)
def statement(sql: str) -> TextClause:
    """A statement made of SQL, made once."""
    return text(sql)


def union_of(
    lanes: Sequence[Lane], order: Order, more: Sequence[str], most: str, columns: Sequence[str] = ("id",)
) -> str:
    """The first tickets of all lanes together that fulfil `more` as well, in no order: some columns, and `place`."""
    if not lanes:
        return _walk(Lane(("false",)), order, more, most, columns)
    return " union all ".join(_walk(lane, order, more, most, columns) for lane in lanes)


def merged(lanes: Sequence[Lane], order: Order, more: Sequence[str], most: str) -> str:
    """The same in order, as many as one page needs."""
    return f"select id, place from ({union_of(lanes, order, more, most)}) as found order by {order.by} limit {most}"


def _walk(lane: Lane, order: Order, more: Sequence[str], most: str, columns: Sequence[str]) -> str:
    direction = " desc" if order.is_descending else ""
    conditions = [*lane.conditions, *(EACH[one][1] for one in lane.each), *more]
    if order.after is not None:
        sign = "<" if order.is_descending else ">"
        conditions.append(f"(tickets.{order.column}, tickets.id) {sign} (:after_place, :after_id)")
    carried = ", ".join(f"tickets.{name}" for name in columns)
    walk = (
        f"select {carried}, tickets.{order.column} as place from tickets where {' and '.join(conditions)}"
        f" order by tickets.{order.column}{direction}, tickets.id{direction} limit {most}"
    )
    if not lane.each:
        return f"({walk})"
    several = " cross join ".join(EACH[one][0] for one in lane.each)
    return f"(select walked.* from {several} cross join lateral ({walk}) as walked)"
