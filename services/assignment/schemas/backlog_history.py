"""Response models of the report on how the backlog developed."""

from services.assignment.schemas.activity import Dimension, ReportInterval, ReportPeriod
from services.assignment.schemas.csv_tables import csv_table, text_cell
from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant


class BacklogFigures(View):
    """Open tickets at an instant, by the time since they were opened in days of 24 hours."""

    open: int = 0
    overdue: int = 0
    """With an SLA clock past due."""
    under_1_day: int = 0
    under_3_days: int = 0
    under_7_days: int = 0
    under_30_days: int = 0
    older: int = 0
    oldest_opened_at: Instant | None = None


class BacklogPoint(BacklogFigures):
    """The backlog at the end of a day."""

    at: Instant


class BacklogPointOfGroup(BacklogPoint):
    """That of one group; of a group without open tickets then there is none."""

    id: str | None
    """Null for tickets without a team, agent or topic."""
    name: str


class BacklogHistory(ReportPeriod):
    """The backlog at the ends of days of the period."""

    group_by: Dimension
    interval: ReportInterval
    """`day`, or the ends of weeks (Sunday) or months."""
    days_of: str
    """The zone whose days they are: the installation's."""
    points: list[BacklogPoint]
    """All groups together. Days that are not counted yet are left out."""
    items: list[BacklogPointOfGroup]

    def as_csv(self) -> str:
        """One row per point, all groups together, then one row per point and group."""
        figures = tuple(BacklogFigures.model_fields)
        rows: list[tuple[str, str, str, BacklogPoint]] = [("total", "", "", point) for point in self.points]
        rows += [(self.group_by.value, one.id or "", one.name, one) for one in self.items]
        lines = (
            (point.at.isoformat(), kind, id_, text_cell(name), *(_cell(getattr(point, figure)) for figure in figures))
            for kind, id_, name, point in rows
        )
        return csv_table(("at", "row", "id", "name", *figures), *lines)


def _cell(value: int | Instant | None) -> int | str:
    if value is None:
        return ""
    return value if isinstance(value, int) else value.isoformat()
