"""Table of analyses that run in the background: what-ifs and staffing simulations."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base


class AnalysisRun(Base):
    """One analysis that somebody asked for: how far it has come, and its answer, kept for a while."""

    __tablename__ = "analysis_runs"
    __table_args__ = (
        Index("ix_analysis_runs_owner_id", "owner_id", "kind", "id"),
        Index("ix_analysis_runs_under_way", "id", postgresql_where=text("state in ('queued', 'running')")),
        Index("ix_analysis_runs_finished_at", "finished_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    """`what_if` or `staffing`."""
    owner_id: Mapped[UUID]
    """The agent, or the service token of a program."""
    scope: Mapped[dict[str, Any]]
    """Which teams' tickets it may count: what its owner could see when asking."""
    question: Mapped[str] = mapped_column(Text)
    """As JSON."""
    state: Mapped[str] = mapped_column(String(16))
    done: Mapped[int]
    total: Mapped[int]
    """Of what is counted while it runs: tickets judged, or arrivals simulated. 0: not known yet."""
    answer: Mapped[str | None] = mapped_column(Text)
    """As JSON, once it is done."""
    detail: Mapped[str | None] = mapped_column(Text)
    """Why it failed."""
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
