"""The indexes that lists of tickets walk: one set for tickets that are worked on, one for those that are over.

The first stays as small as today's work is, whatever lies in the past. The second has an order for each scope and sort,
so that a page of it is read where it begins and nothing is counted or sorted. Two kinds of over tickets may be rare
among their like, and have orders of their own: those of one priority, and those that nobody had.
"""

from typing import Final

from sqlalchemy import Index, text

OPEN: Final = "status not in ('resolved', 'closed')"
OVER: Final = "status in ('resolved', 'closed')"
ORDERS: Final = ("updated_at", "created_at", "next_due_at", "priority_rank")
SCOPES: Final = ((), ("team_id",), ("assignee_id",))
NOBODYS: Final = "status in ('resolved', 'closed') and assignee_id is null"
WAITING: Final = f"{OPEN} and assignee_id is null"
REOPENED: Final = f"{OPEN} and (snapshot ->> 'reopen_count') <> '0'"
BY_WHOM: Final = ("team_id", "assignee_id")


def ticket_indexes() -> list[Index]:
    """All of them, of the table `tickets`."""
    worked_on = [(order, "id") for order in ORDERS] + [(column,) for column in BY_WHOM]
    over = [(*scope, "status", order, "id") for scope in SCOPES for order in ORDERS]
    ranked = [(*scope, "status", "priority_rank", order, "id") for scope in SCOPES for order in ORDERS[:-1]]
    nobodys = [(*scope, "status", order, "id") for scope in SCOPES[:2] for order in ORDERS]
    return [
        *(Index(f"ix_tickets_open_{columns[0]}", *columns, postgresql_where=text(OPEN)) for columns in worked_on),
        *(
            Index("_".join(("ix_tickets_over", *columns[:-1])), *columns, postgresql_where=text(OVER))
            for columns in (*over, *ranked)
        ),
        *(
            Index("_".join(("ix_tickets_nobodys", *columns[:-1])), *columns, postgresql_where=text(NOBODYS))
            for columns in nobodys
        ),
        Index("ix_tickets_over_topic_id", "topic_id", postgresql_where=text(OVER)),
    ]
