"""Counts of lists at a bounded cost: exact up to 999, else a lower bound."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_lists.filters import resolve
from services.assignment.queries.ticket_lists.index_scans import NARROWABLE, Listed, Order, statement, union_of, unseen
from services.assignment.queries.ticket_lists.reading import is_in_order
from services.assignment.queries.ticket_lists.terms import sought
from services.assignment.schemas.ticket_filters import Filters
from shared.kit.db import Session

COUNTED: Final = 999
LOOKED_AT: Final = 2_000
"""Of a list with filters, so many tickets are looked at to be counted."""
BY_DUE: Final = Order("next_due_at", is_descending=False)


@dataclass(frozen=True, slots=True)
class ViewCount:
    """The number of tickets in a list, possibly a lower bound."""

    known: int
    is_exact: bool

    @property
    def shown(self) -> str:
        """The count as displayed in a tab."""
        if self.known > COUNTED:
            return f"{COUNTED}+"
        return str(self.known) if self.is_exact else f"{self.known}+"


async def count_lists(session: Session, caller: Caller, lists: Sequence[Filters], now: datetime) -> list[ViewCount]:
    """Counts several lists in one statement. Searched lists are not counted: zero, and not exact."""
    parts: list[str] = []
    values: dict[str, Any] = {}
    for place, filters in enumerate(lists):
        listed, terms = await resolve(session, caller, replace(filters, q=filters.q), now)
        sql, own = _bounded(listed, is_searched=bool(sought(terms)))
        for name in sorted(own, key=len, reverse=True):
            sql = sql.replace(f":{name}", f":v{place}_{name}")
        values |= {f"v{place}_{name}": value for name, value in own.items()}
        parts.append(f"select {place} as place, counted.* from ({sql}) as counted")
    if not parts:
        return []
    rows = (await session.execute(statement(" union all ".join(parts)), values)).all()
    by_place = {row.place: ViewCount(row.known, row.is_exact) for row in rows}
    return [by_place[place] for place in range(len(lists))]


def _bounded(listed: Listed, *, is_searched: bool) -> tuple[str, dict[str, Any]]:
    if is_searched:
        return "select 0::bigint as known, false as is_exact", {}
    if is_in_order(BY_DUE, listed):
        union = union_of(listed.scans, BY_DUE, (*listed.visible, *listed.narrowed), str(COUNTED + 1))
        sql = f"select count(*) as known, true as is_exact from (select from ({union}) as f limit {COUNTED + 1}) as c"
    else:
        union = union_of(listed.scans, BY_DUE, listed.visible, unseen(LOOKED_AT), NARROWABLE)
        sql = (
            f"select least(count(*) filter (where {' and '.join(listed.narrowed)}), {COUNTED + 1}) as known,"
            f" count(*) < {LOOKED_AT} as is_exact"
            f" from (select * from ({union}) as f order by place, id limit {LOOKED_AT}) as tickets"
        )
    return sql, {name: value for name, value in listed.values.items() if f":{name}" in sql}
