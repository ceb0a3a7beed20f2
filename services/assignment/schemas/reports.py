"""How well promises were kept, as the API answers it."""

from enum import StrEnum
from uuid import UUID

from pydantic import ConfigDict, Field

from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.contracts.vocabulary import Metric


class GroupBy(StrEnum):
    """What a report is broken down by."""

    TEAM = "team"
    AGENT = "agent"
    PRIORITY = "priority"


class MetricReport(View):
    """One metric's verdicts; cancelled ones are left out of everything but their own count."""

    metric: Metric
    met: int
    breached: int
    cancelled: int
    attainment: float | None
    """Percent met of those judged; null if none was."""
    median_seconds: float | None
    p90_seconds: float | None


class GroupReport(View):
    """The metrics of one team, agent or priority."""

    id: UUID | None
    name: str
    metrics: list[MetricReport]


class SlaReport(View):
    """The verdicts settled in a period, by the highest revision of each."""

    model_config = ConfigDict(populate_by_name=True)

    from_: Instant = Field(serialization_alias="from")
    to: Instant
    group_by: GroupBy
    items: list[GroupReport]
    total: list[MetricReport]
