"""Request and response models of saved views, bulk actions, exports and desk settings."""

from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from services.assignment.schemas.search_language import SearchProblem, parse_search, read_due
from services.assignment.schemas.ticket_filters import Filters, QueueView, Sort
from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.contracts.vocabulary import Channel, Priority, Status
from shared.kit.clock import utc_now
from shared.kit.http.inputs import Input, Line

MOST_TICKETS = 10_000
"""The most that one action on many tickets may be about."""


def _parsable(text: str) -> str:
    try:
        parse_search(text)
    except SearchProblem as problem:
        raise ValueError(problem.detail) from None
    return text


def _due(text: str) -> str:
    if read_due(text, utc_now()) is None:
        raise ValueError("write <2h, >3d, overdue, today or none")
    return text


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Word = Annotated[str, Field(min_length=1, max_length=254)]
Search = Annotated[Line, Field(min_length=1, max_length=254), AfterValidator(_parsable)]


class FilterInput(Input):
    """What a list of tickets is narrowed to; what is left out does not narrow."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    view: QueueView = QueueView.ALL
    status: Annotated[tuple[Status, ...], BeforeValidator(_listed)] = ()
    team: Word | None = None
    """Id or slug."""
    assignee: Word | None = None
    """Id, e-mail address, `me` or `none`."""
    priority: Annotated[tuple[Priority, ...], BeforeValidator(_listed)] = ()
    topic: Word | None = None
    tag: Word | None = None
    q: Search | None = None
    channel: Channel | None = None
    due: Annotated[Word, AfterValidator(_due)] | None = None

    @property
    def filters(self) -> Filters:
        """The same for a query."""
        came_by = self.channel.value if self.channel else None
        return Filters(
            self.view,
            self.status,
            self.team,
            self.assignee,
            self.priority,
            self.topic,
            self.tag,
            self.q,
            came_by,
            self.due,
        )

    @property
    def stored(self) -> dict[str, Any]:
        """What a row keeps of it."""
        return self.model_dump(mode="json", exclude_defaults=True)


class Column(StrEnum):
    """What a list can show of a ticket, beside its number and subject."""

    REQUESTER = "requester"
    STATUS = "status"
    PRIORITY = "priority"
    ASSIGNEE = "assignee"
    TEAM = "team"
    TOPIC = "topic"
    TAGS = "tags"
    DUE = "due"
    CREATED = "created"
    UPDATED = "updated"


COLUMNS = (Column.REQUESTER, Column.STATUS, Column.PRIORITY, Column.ASSIGNEE, Column.DUE, Column.UPDATED)
Columns = Annotated[tuple[Column, ...], Field(min_length=1, max_length=10), BeforeValidator(_listed)]


class Sharing(StrEnum):
    """Who sees a saved view."""

    PERSONAL = "personal"
    TEAM = "team"
    EVERYBODY = "everybody"


class SavedViewInput(Input):
    """A view to save."""

    name: Annotated[Line, Field(min_length=1, max_length=80)]
    filters: FilterInput = FilterInput()
    columns: Columns = COLUMNS
    sort: Sort = Sort.DUE
    sharing: Sharing = Sharing.PERSONAL
    team_id: UUID | None = None
    """The team it is shared with, if it is."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.sharing is Sharing.TEAM) != (self.team_id is not None):
            raise ValueError("name the team exactly if the view is shared with one")
        return self


class SavedViewPatch(Input):
    """What to change of a saved view."""

    name: Annotated[Line, Field(min_length=1, max_length=80)] | None = None
    filters: FilterInput | None = None
    columns: Columns | None = None
    sort: Sort | None = None
    sharing: Sharing | None = None
    team_id: UUID | None = None


class ViewAnswer(View):
    """A view: one of those that everybody has, or a saved one."""

    id: str
    """What `GET /v1/tickets?view=` takes."""
    name: str
    is_built_in: bool
    sharing: Sharing
    team_id: UUID | None = None
    owner_id: UUID | None = None
    is_editable: bool = False
    filters: dict[str, Any]
    columns: tuple[Column, ...]
    sort: Sort
    count: int
    """How many tickets it holds, counted up to 999."""
    count_shown: str
    """The same as people read it: `999+` stands for more."""
    is_count_exact: bool
    version: int = 1


class BulkInput(Input):
    """An action on many tickets: those that are named, or all that a filter finds."""

    action: Annotated[str, Field(max_length=32, examples=["assign"])]
    """As in the path of the same action on one ticket: `assign`, `set-due`, `notes`."""
    body: dict[str, Any] = Field(default_factory=dict)
    """As the same action on one ticket takes it."""
    ticket_ids: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=MOST_TICKETS)] | None = None
    filter: FilterInput | None = None
    expected: Annotated[int, Field(ge=0)] | None = None
    """How many tickets the sender was shown. If the filter finds more now, nothing is done."""

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.ticket_ids is None) == (self.filter is None):
            raise ValueError("give either ticket_ids or filter")
        return self


class JobState(StrEnum):
    """How far work in the background has come."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class BulkTicketState(StrEnum):
    """What has become of one ticket."""

    QUEUED = "queued"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"


class BulkTicketView(View):
    """One ticket of an action on many."""

    ticket_id: UUID
    number: str | None
    """None for a ticket that you may not see."""
    state: BulkTicketState
    code: str | None = None
    """Why it was refused or failed: a stable word."""
    detail: str | None = None


class BulkView(View):
    """An action on many tickets and how far it has come."""

    id: UUID
    action: str
    state: JobState
    total: int
    counts: dict[str, int]
    created_at: Instant
    finished_at: Instant | None
    items: list[BulkTicketView] = Field(default_factory=list)
    """The results of the tickets, in the order in which they were named."""
    next_cursor: str | None = None


class ExportInput(Input):
    """A list of tickets wanted as a file."""

    filters: FilterInput = FilterInput()
    sort: Sort = Sort.CREATED
    columns: Columns = tuple(Column)


class ExportView(View):
    """An export and how far it has come."""

    id: UUID
    state: JobState
    rows: int
    size: int
    """Bytes."""
    created_at: Instant
    finished_at: Instant | None
    expires_at: Instant
    url: str | None = None
    """Where the file is, once it is there."""


def _zone(name: str) -> str:
    if name and name not in available_timezones():
        raise ValueError("is not the name of a time zone, such as Europe/Berlin")
    return name and ZoneInfo(name).key


class Density(StrEnum):
    """How much room a row takes."""

    COMFORTABLE = "comfortable"
    DENSE = "dense"


class PreferencesInput(Input):
    """How the desk is shown to you."""

    density: Density = Density.COMFORTABLE
    time_zone: Annotated[str, Field(max_length=64), AfterValidator(_zone)] = ""
    """Empty: the browser's."""
    has_reading_pane: bool = False


class PreferencesView(View):
    """How the desk is shown to you."""

    density: Density = Density.COMFORTABLE
    time_zone: str = ""
    has_reading_pane: bool = False
