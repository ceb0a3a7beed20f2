"""The tickets behind a figure of a report, as the API answers them."""

from enum import StrEnum
from uuid import UUID

from services.assignment.schemas.csv_tables import csv_table, text_cell
from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.contracts.vocabulary import Metric, Status


class CountedIn(StrEnum):
    """Reports whose figures count tickets."""

    SLA = "sla"
    TIMES = "times"
    ACTIVITY = "activity"
    ARRIVALS = "arrivals"
    HELD = "held"
    BACKLOG = "backlog"
    WORKLOAD = "workload"


class CountedTicket(View):
    """One line for each time that the figure counts a ticket."""

    at: Instant
    """When it counted: the verdict, the due instant of a clock that still runs, the event, or when it was opened."""
    ticket_id: UUID
    number: str
    subject: str
    status: Status
    metric: Metric | None = None
    business_seconds: float | None = None
    wall_seconds: float | None = None


class CountedTickets(View):
    """A page of the lines of a figure, the newest first."""

    count: int
    """All lines of the figure that the reader may see: as many as the figure says where they may see every ticket."""
    page: int
    has_more: bool
    items: list[CountedTicket]

    def as_csv(self) -> str:
        """One row per line."""
        names = tuple(CountedTicket.model_fields)
        values = (one.model_dump(mode="json") for one in self.items)
        rows = ([text_cell(v) if isinstance(v := one[name], str) else v for name in names] for one in values)
        return csv_table(names, *rows)
