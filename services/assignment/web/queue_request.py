"""Parses the queue's query string: view, filters, search, sort order, page."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Final
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from fastapi import Query

from services.assignment.queries.lists import Filters, QueueView, Sort
from services.assignment.schemas.desk import COLUMNS, Column
from services.assignment.schemas.search_language import read_due
from shared.contracts.vocabulary import Channel, Priority, Status
from shared.kit.clock import utc_now
from shared.kit.i18n.messages import marked as _

SORTS: Final[Mapping[Sort, str]] = {
    Sort.DUE: _("Due first"),
    Sort.UPDATED_LAST: _("Last updated"),
    Sort.UPDATED: _("Longest untouched"),
    Sort.PRIORITY: _("Most urgent"),
    Sort.PRIORITY_RISING: _("Least urgent"),
    Sort.CREATED_LAST: _("Newest"),
    Sort.CREATED: _("Oldest"),
    Sort.DUE_LAST: _("Due last"),
}
COLUMN_SORTS: Final[Mapping[Column, tuple[Sort, Sort]]] = {
    Column.DUE: (Sort.DUE, Sort.DUE_LAST),
    Column.PRIORITY: (Sort.PRIORITY, Sort.PRIORITY_RISING),
    Column.UPDATED: (Sort.UPDATED_LAST, Sort.UPDATED),
    Column.CREATED: (Sort.CREATED_LAST, Sort.CREATED),
}
"""What the head of a column sorts by: the order that its first click gives, and that of a second."""
RISING: Final = frozenset({Sort.DUE, Sort.PRIORITY_RISING, Sort.UPDATED, Sort.CREATED})
DUES: Final = (
    ("overdue", _("Overdue")),
    ("<1h", _("Within an hour")),
    ("<4h", _("Within 4 hours")),
    ("today", _("Within a day")),
    ("<7d", _("Within a week")),
    ("none", _("Not due")),
)
NAMES: Final = ("status", "priority", "team", "assignee", "topic", "tag", "channel", "due", "q")


@dataclass(frozen=True, slots=True)
class QueueRequest:
    """The queue as asked for; anything odd in the address means "not narrowed"."""

    view: str
    """One of the five, or the id of a saved view."""
    values: Mapping[str, str]
    """What the list is narrowed to besides, by the names of the form."""
    sort: Sort | None
    cursor: str | None
    columns: tuple[Column, ...] = COLUMNS
    as_of: str = ""
    """The instant of the past to show the list of, as written in the form; empty for now."""

    @property
    def built_in(self) -> QueueView | None:
        """The view, if it is one that everybody has."""
        return QueueView(self.view) if self.view in set(QueueView) else None

    @property
    def saved_id(self) -> UUID | None:
        """The id of the saved view, if it is one."""
        return None if self.built_in else UUID(self.view)

    @property
    def filters(self) -> Filters:
        """What the list is narrowed to beside a saved view."""
        given = self.values
        return Filters(
            view=self.built_in or QueueView.ALL,
            status=(Status(given["status"]),) if "status" in given else (),
            team=given.get("team"),
            assignee=given.get("assignee"),
            priority=(Priority(given["priority"]),) if "priority" in given else (),
            topic=given.get("topic"),
            tag=given.get("tag"),
            q=given.get("q"),
            channel=given.get("channel"),
            due=given.get("due"),
        )

    @property
    def is_narrowed(self) -> bool:
        """Whether clearing the filters could show more."""
        return bool(self.values)

    @property
    def query(self) -> str:
        """The list, without its page, as the part of an address."""
        pairs = {"view": self.view, **self.values, "sort": self.sort.value if self.sort else ""}
        return urlencode({name: value for name, value in pairs.items() if value})

    def url(self, **changes: str) -> str:
        """This queue with something else; a new list starts at its first page."""
        sort = self.sort.value if self.sort else ""
        pairs = {"view": self.view, **self.values, "sort": sort, "as_of": self.as_of, **changes}
        return "/queue?" + urlencode({name: value for name, value in pairs.items() if value})

    def cleared(self) -> str:
        """The address of the view, narrowed to nothing more."""
        return replace(self, values={}).url()


def request_of(view: str, given: Mapping[str, str], sort: str, cursor: str | None) -> QueueRequest:
    """The request that some values stand for."""
    values = {name: value.strip() for name in NAMES if (value := given.get(name, "")).strip() and value.isprintable()}
    known = {
        "status": values.get("status") in set(Status),
        "priority": values.get("priority") in set(Priority),
        "channel": values.get("channel") in set(Channel),
        "due": read_due(values.get("due", ""), utc_now()) is not None,
    }
    values = {name: value for name, value in values.items() if known.get(name, True)}
    return QueueRequest(_view(view), values, Sort(sort) if sort in set(Sort) else None, cursor or None)


def request_in(query: str) -> QueueRequest:
    """The request that the query part of an address stands for, as a form carries it."""
    given = dict(parse_qsl(query[:4096]))
    return request_of(given.get("view", ""), given, given.get("sort", ""), None)


def _view(view: str) -> str:
    if view in set(QueueView):
        return view
    try:
        return str(UUID(view))
    except ValueError:
        return QueueView.MINE.value


Word = Annotated[str, Query(max_length=254)]


async def get_asked(  # noqa: PLR0913 - one parameter for each filter
    view: Word = "",
    status: Word = "",
    priority: Word = "",
    team: Word = "",
    assignee: Word = "",
    topic: Word = "",
    tag: Word = "",
    channel: Word = "",
    due: Word = "",
    q: Word = "",
    sort: Word = "",
    as_of: Word = "",
    cursor: Annotated[str | None, Query(max_length=1024)] = None,
) -> QueueRequest:
    """The filters of the address."""
    given = {
        "status": status,
        "priority": priority,
        "team": team,
        "assignee": assignee,
        "topic": topic,
        "tag": tag,
        "channel": channel,
        "due": due,
        "q": q,
    }
    return replace(request_of(view, given, sort, cursor), as_of=as_of.strip() if as_of.isprintable() else "")
