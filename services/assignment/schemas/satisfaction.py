"""Response models of the satisfaction report and of single ratings."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import computed_field

from services.assignment.schemas.activity import ReportInterval, ReportPeriod
from services.assignment.schemas.csv_tables import csv_table, text_cell
from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant

SCORES = (5, 4, 3, 2, 1)
SATISFIED = (5, 4)
"""The answers that count as satisfied."""


class SatisfactionDimension(StrEnum):
    """What satisfaction is broken down by."""

    TEAM = "team"
    AGENT = "agent"
    TOPIC = "topic"
    ORGANISATION = "organisation"


class SatisfactionCounts(View):
    """How many were asked and how they answered."""

    asked: int = 0
    rated: int = 0
    score_5: int = 0
    """Very satisfied."""
    score_4: int = 0
    score_3: int = 0
    score_2: int = 0
    score_1: int = 0
    """Very dissatisfied."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def response_rate(self) -> float | None:
        """Percent of those asked who answered; null if nobody was asked."""
        return round(100 * self.rated / self.asked, 1) if self.asked else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def satisfied_share(self) -> float | None:
        """CSAT: percent of the answers that are 4 or 5; null without answers."""
        return round(100 * (self.score_5 + self.score_4) / self.rated, 1) if self.rated else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def mean_score(self) -> float | None:
        """The mean of the answers, from 1 to 5; null without answers."""
        points = sum(score * int(getattr(self, f"score_{score}")) for score in SCORES)
        return round(points / self.rated, 2) if self.rated else None


RATING_COUNTS = tuple(SatisfactionCounts.model_fields)
RATING_SHARES = ("response_rate", "satisfied_share", "mean_score")


class SatisfactionGroup(SatisfactionCounts):
    """The counts of one team, agent, topic or organisation."""

    id: str | None
    """Null for ratings without one."""
    name: str


class SatisfactionPoint(SatisfactionCounts):
    """The counts of one interval of the series."""

    at: Instant
    """Where the interval begins; the first may begin before the period."""


class SatisfactionReport(ReportPeriod):
    """How satisfied requesters are who were asked in a period."""

    group_by: SatisfactionDimension
    interval: ReportInterval | None
    items: list[SatisfactionGroup]
    total: SatisfactionCounts
    previous_total: SatisfactionCounts
    """The same for the period of equal length just before."""
    series: list[SatisfactionPoint]

    def as_csv(self) -> str:
        """One row per group, the total first, then one row per interval of the series."""
        period = (self.from_.isoformat(), self.to.isoformat(), self.time_zone)
        rows: list[tuple[str, str, str, SatisfactionCounts]] = [("total", "", "", self.total)]
        rows += [(self.group_by.value, group.id or "", group.name, group) for group in self.items]
        rows += [("interval", point.at.isoformat(), "", point) for point in self.series]
        names = (*RATING_COUNTS, *RATING_SHARES)
        head = ("from", "to", "time_zone", "row", "id", "name", *names)
        return csv_table(head, *((*period, kind, id_, text_cell(name), *_cells(of)) for kind, id_, name, of in rows))


def _cells(of: SatisfactionCounts) -> Iterable[Any]:
    values = (getattr(of, name) for name in (*RATING_COUNTS, *RATING_SHARES))
    return ("" if value is None else value for value in values)


class RatingView(View):
    """One rating, or a question that nobody has answered."""

    ticket_id: UUID
    number: str
    subject: str
    resolution: int
    """Which resolution of the ticket: the `seq` of its `ticket.resolved`."""
    team: str | None
    agent: str | None
    asked_at: Instant
    score: int | None
    comment: str | None
    rated_at: Instant | None


class RatingList(View):
    """A page of ratings, the newest questions first."""

    count: int
    page: int
    has_more: bool
    items: list[RatingView]
