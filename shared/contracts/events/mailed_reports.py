"""Reports that are sent by mail."""

from datetime import date
from uuid import UUID

from shared.contracts.base import AgentId, Instant
from shared.contracts.events.base import Event


class ReportReady(Event, name="report.ready"):
    """A scheduled report was made for one of its recipients, with what they may see."""

    produced_by = "assignment"

    schedule_id: UUID
    agent_id: AgentId
    """Who it is for."""
    name: str
    """What its owner calls it."""
    report: str
    """Which report: `sla`, `activity`, `csat`, …"""
    first_day: date | None = None
    """Null, as `last_day`, for a report that says how things are now."""
    last_day: date | None = None
    """Included."""
    address: str
    """Path and query of the report's page on the desk."""
    csv: str
    made_at: Instant

    @property
    def entity_id(self) -> UUID:
        return self.schedule_id
