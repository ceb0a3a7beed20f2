"""Analyses that run in the background, as they are answered."""

from enum import StrEnum
from uuid import UUID

from services.assignment.schemas.desk import JobState
from services.assignment.schemas.staffing import StaffingInput, StaffingReport
from services.assignment.schemas.tickets import View
from services.assignment.schemas.what_if import WhatIfInput, WhatIfReport
from shared.contracts.base import Instant


class AnalysisKind(StrEnum):
    """What is analysed."""

    WHAT_IF = "what_if"
    STAFFING = "staffing"


class AnalysisView(View):
    """How far an analysis has come."""

    id: UUID
    state: JobState
    done: int
    total: int
    """Tickets judged again, or arrivals simulated; 0 while it is not known."""
    detail: str | None
    """Why it failed."""
    created_at: Instant
    finished_at: Instant | None

    @property
    def is_under_way(self) -> bool:
        """Whether it has not ended."""
        return self.state in (JobState.QUEUED, JobState.RUNNING)


class WhatIfRunView(AnalysisView):
    """A what-if in the background, and its report once it is done; kept for 30 days."""

    question: WhatIfInput
    report: WhatIfReport | None = None


class SimulationRunView(AnalysisView):
    """A staffing simulation, and its report once it is done; kept for 30 days."""

    question: StaffingInput
    report: StaffingReport | None = None
