"""Input and output models of the subprocess that computes an analysis."""

from uuid import UUID

from pydantic import BaseModel

from services.assignment.schemas.analysis_runs import AnalysisKind
from services.assignment.what_if_process import VisibilityScope

REFUSED = 3
"""Exit status of a process that says why it refuses."""


class AnalysisScope(BaseModel):
    """Whose tickets an analysis may count."""

    is_everything: bool = True
    team_ids: frozenset[UUID] = frozenset()
    agent_id: UUID | None = None

    @property
    def visibility(self) -> VisibilityScope:
        """The same, as queries take it."""
        return VisibilityScope(self.is_everything, self.team_ids, self.agent_id)

    def lies_in(self, other: "AnalysisScope") -> bool:
        """Whether another scope reaches everything that this one does."""
        if other.is_everything:
            return True
        return not self.is_everything and self.team_ids <= other.team_ids and self.agent_id in (None, other.agent_id)


class AnalysisTask(BaseModel):
    """Input of the subprocess. The database URL is passed here so that no process list shows it."""

    kind: AnalysisKind
    question: str
    """As JSON."""
    scope: AnalysisScope
    database_url: str
    time_zone: str


class AnalysisRefused(BaseModel):
    """A Problem raised in the subprocess."""

    detail: str
