"""The indexes used by ticket lists: one set for open tickets, one for closed ones.

The first stays as small as today's work is, whatever lies in the past. Each has an order for each scope and sort, so
that a page is read where it begins and nothing is counted or sorted. What may be rare among its like has orders of its
own: tickets that nobody has, and those over of one priority.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sqlalchemy import Index, func, text

OPEN: Final = "status not in ('resolved', 'closed')"
OVER: Final = "status in ('resolved', 'closed')"
ORDERS: Final = ("updated_at", "created_at", "next_due_at", "priority_rank")
SCOPES: Final = ((), ("team_id",), ("assignee_id",))
NOBODYS: Final = "status in ('resolved', 'closed') and assignee_id is null"
WAITING: Final = f"{OPEN} and assignee_id is null"
INCIDENT: Final = f"is_incident and {OPEN}"
LIFETIME: Final = "tstzrange(created_at, greatest(created_at, updated_at), '[]')"
"""From a finished ticket's opening to its last change."""
REQUESTER_DOMAIN: Final = "reverse(split_part(lower(requester_email), '@', 2))"
"""Backwards, as requesters keep theirs."""
REOPENED: Final = f"{OPEN} and (snapshot ->> 'reopen_count') <> '0'"


def ticket_indexes() -> list[Index]:
    """All of them, of the table `tickets`."""
    worked_on = [(*scope, order, "id") for scope in SCOPES for order in ORDERS]
    free = [("team_id", order, "id") for order in ORDERS]
    over = [(*scope, "status", order, "id") for scope in SCOPES for order in ORDERS]
    ranked = [(*scope, "status", "priority_rank", order, "id") for scope in SCOPES for order in ORDERS[:-1]]
    nobodys = [(*scope, "status", order, "id") for scope in SCOPES[:2] for order in ORDERS]
    return [
        *_named("ix_tickets_open", worked_on, OPEN),
        *_named("ix_tickets_free", free, WAITING),
        *_named("ix_tickets_over", (*over, *ranked), OVER),
        *_named("ix_tickets_nobodys", nobodys, NOBODYS),
        Index("ix_tickets_requester", func.lower(text("requester_email")), "created_at", "id"),
        Index("ix_tickets_requester_domain", text(REQUESTER_DOMAIN), "created_at", "id"),
        Index("ix_tickets_requester_open", func.lower(text("requester_email")), postgresql_where=text(OPEN)),
        Index("ix_tickets_over_topic_id", "topic_id", postgresql_where=text(OVER)),
    ]


def _named(prefix: str, all_columns: Iterable[Sequence[str]], where: str) -> Iterator[Index]:
    for columns in all_columns:
        yield Index("_".join((prefix, *columns[:-1])), *columns, postgresql_where=text(where))
