"""Ticket lists as index scans: disjoint sets of tickets, each read from one index in the list's sort order.

Open and finished tickets are separate scans, as is each kind of scope, because only then does a partial index hold the
tickets in order. A scope of several teams is one scan: a lateral join reads the index once per team and stops after a
page. Merging the scans costs the same for any number of tickets. The SQL is text with few shapes, so that statements
and plans are reused, and its conditions repeat those of the partial indexes literally: a bound parameter would keep
PostgreSQL from choosing them.
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
"""For each repeatable key: the relation of its values, and the join condition."""
IS_OPEN: Final = f"tickets.{OPEN}"
IS_OVER: Final = f"tickets.{OVER}"
IS_NOBODYS: Final = "tickets.assignee_id is null"
NARROWABLE: Final = (
    *("id", "status", "priority_rank", "topic_id", "team_id", "assignee_id", "tags", "channel", "next_due_at"),
    *("requester_email", "requester_name", "number", "created_at", "updated_at"),
)
"""Columns that further conditions may use."""
Place = tuple[UUID, datetime | int]
"""A ticket's id and sort key."""


@dataclass(frozen=True, slots=True)
class IndexScan:
    """Its conditions, and the values it is repeated for (`each`)."""

    conditions: tuple[str, ...]
    each: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """The sort column and direction, and the keyset position to continue after."""

    column: str
    is_descending: bool
    after: Place | None = None

    @property
    def by(self) -> str:
        """The ORDER BY expression over the scans' union."""
        direction = " desc" if self.is_descending else ""
        return f"place{direction}, id{direction}"

    @property
    def beyond(self) -> str:
        """The condition of tickets after the keyset position.

        The planner does not see where that is: of a date that nearly all have it would expect nothing to come after it.
        """
        kind = "integer" if self.column == "priority_rank" else "timestamptz"
        place = f"(select cast(:after_place as {kind})), (select cast(:after_id as uuid))"
        return f"(tickets.{self.column}, tickets.id) {'<' if self.is_descending else '>'} ({place})"

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of the keyset position."""
        return {} if self.after is None else {"after_id": self.after[0], "after_place": self.after[1]}


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of tickets: its scans, further conditions, and the parameters of both."""

    scans: tuple[IndexScan, ...]
    narrowed: tuple[str, ...] = ()
    """Conditions that no index has in the list's order: looked at ticket by ticket."""
    visible: tuple[str, ...] = ()
    """What the caller's permissions add; the scans fulfil it for nearly every ticket."""
    values: dict[str, Any] = field(default_factory=dict)


@lru_cache(maxsize=1024)
def statement(sql: str) -> TextClause:
    """A TextClause for the SQL, cached, so that SQLAlchemy reuses its compiled form."""
    return text(sql)


def unseen(most: int) -> str:
    """A limit as SQL that the planner does not see, so that a walk stays one in the order of its index.

    Of a team it expects a share of the tickets that are over; with a limit near that, it would read and sort them all.
    """
    return f"(select {most})"


def union_of(
    scans: Sequence[IndexScan], order: Order, more: Sequence[str], most: str, columns: Sequence[str] = ("id",)
) -> str:
    """SQL for the first tickets of all scans that fulfil `more`, unordered: columns, and the sort key as `place`."""
    if not scans:
        return _walk(IndexScan(("false",)), order, more, most, columns)
    return " union all ".join(_walk(scan, order, more, most, columns) for scan in scans)


def merged(scans: Sequence[IndexScan], order: Order, more: Sequence[str], most: str) -> str:
    """SQL for the first `most` tickets of all scans, in order."""
    return f"select id, place from ({union_of(scans, order, more, most)}) as found order by {order.by} limit {most}"


def _walk(scan: IndexScan, order: Order, more: Sequence[str], most: str, columns: Sequence[str]) -> str:
    direction = " desc" if order.is_descending else ""
    conditions = [*scan.conditions, *(EACH[one][1] for one in scan.each), *more]
    if order.after is not None:
        conditions.append(order.beyond)
    carried = ", ".join(f"tickets.{name}" for name in columns)
    walk = (
        f"select {carried}, tickets.{order.column} as place from tickets where {' and '.join(conditions)}"
        f" order by tickets.{order.column}{direction}, tickets.id{direction} limit {most}"
    )
    if not scan.each:
        return f"({walk})"
    several = " cross join ".join(EACH[one][0] for one in scan.each)
    return f"(select walked.* from {several} cross join lateral ({walk}) as walked)"
