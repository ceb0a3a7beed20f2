"""Filters and sort orders of ticket lists."""

from dataclasses import dataclass
from enum import StrEnum

from shared.contracts.vocabulary import Priority, Status


class QueueView(StrEnum):
    """Which tickets a list starts from. All but `all` leave out resolved and closed ones unless `status` asks."""

    MINE = "mine"
    TEAM = "team"
    UNASSIGNED = "unassigned"
    OVERDUE = "overdue"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; None does not narrow."""

    view: QueueView = QueueView.ALL
    status: tuple[Status, ...] = ()
    team: str | None = None
    assignee: str | None = None
    priority: tuple[Priority, ...] = ()
    topic: str | None = None
    tag: str | None = None
    q: str | None = None
    channel: str | None = None
    due: str | None = None


class Sort(StrEnum):
    """The order of a list; `-` is descending."""

    UPDATED_LAST = "-updated_at"
    UPDATED = "updated_at"
    CREATED_LAST = "-created_at"
    CREATED = "created_at"
    DUE = "due_at"
    DUE_LAST = "-due_at"
    PRIORITY = "-priority"
    PRIORITY_RISING = "priority"
