"""Response models of the report on time in statuses, and with teams and agents."""

from enum import StrEnum

from pydantic import computed_field

from services.assignment.schemas.activity import ReportPeriod
from services.assignment.schemas.csv_tables import csv_table, text_cell
from services.assignment.schemas.tickets import View
from shared.contracts.vocabulary import Status


class TicketHolder(StrEnum):
    """Who holds tickets."""

    TEAM = "team"
    AGENT = "agent"


class HeldTime(View):
    """Stretches of time that ended in the period."""

    stretches: int = 0
    seconds: float = 0.0
    """Of all together, by the wall clock."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def mean_seconds(self) -> float | None:
        """Of one; null without any."""
        return round(self.seconds / self.stretches, 3) if self.stretches else None


class HeldBy(HeldTime):
    """The time with one team or agent, each time until it went to another or was resolved or closed."""

    id: str | None
    """Null for tickets without a team or agent."""
    name: str


class HeldIn(HeldTime):
    """The time in one status, each time until the next."""

    status: Status


class HeldReport(ReportPeriod):
    """How long tickets were with each team or agent, and in each status."""

    group_by: TicketHolder
    items: list[HeldBy]
    """By how long, the longest first."""
    total: HeldTime
    previous_total: HeldTime
    """The same for the period of equal length just before."""
    statuses: list[HeldIn]
    """Of all tickets of the teams that are asked for; with `agent`, none."""
    previous_statuses: list[HeldIn]

    def as_csv(self) -> str:
        """The total, then one row per team or agent, then one per status."""
        rows: list[tuple[str, str, str, HeldTime]] = [("total", "", "", self.total)]
        rows += [(self.group_by.value, one.id or "", one.name, one) for one in self.items]
        rows += [("status", one.status.value, one.status.value, one) for one in self.statuses]
        period = (self.from_.isoformat(), self.to.isoformat(), self.time_zone)
        lines = (
            (*period, kind, id_, text_cell(name), of.stretches, of.seconds, of.mean_seconds)
            for kind, id_, name, of in rows
        )
        heads = ("from", "to", "time_zone", "row", "id", "name", "stretches", "seconds", "mean_seconds")
        return csv_table(heads, *lines)
