"""Tables of saved reports, and of reports that are sent by mail."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, SmallInteger, String, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base


class SavedReport(Base):
    """A report with its parameters under a name: an agent's own, or shared with a team."""

    __tablename__ = "saved_reports"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    report: Mapped[str] = mapped_column(String(16))
    parameters: Mapped[dict[str, Any]]
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), index=True)
    team_id: Mapped[UUID | None] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"), index=True)
    """The team it is shared with; null: nobody."""
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class ReportSchedule(Base):
    """A report that is mailed at a local time."""

    __tablename__ = "report_schedules"
    __table_args__ = (
        Index("ix_report_schedules_due", "next_due_at", postgresql_where=text("not is_paused")),
        Index("ix_report_schedules_owner_id", "owner_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    report: Mapped[str] = mapped_column(String(16))
    parameters: Mapped[dict[str, Any]]
    frequency: Mapped[str] = mapped_column(String(16))
    weekday: Mapped[int | None] = mapped_column(SmallInteger)
    """1 is Monday; of weekly ones."""
    day: Mapped[int | None] = mapped_column(SmallInteger)
    """Of the month; of monthly ones. A shorter month's last day stands for it."""
    at: Mapped[str] = mapped_column(String(5))
    """The local time, `08:30`."""
    time_zone: Mapped[str] = mapped_column(String(64))
    recipients: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    is_paused: Mapped[bool] = mapped_column(server_default=text("false"))
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    next_due_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class ReportRun(Base):
    """One sending of a scheduled report, or why it was not sent."""

    __tablename__ = "report_runs"

    schedule_id: Mapped[UUID] = mapped_column(ForeignKey("report_schedules.id", ondelete="CASCADE"), primary_key=True)
    period: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The day it was due; of a run that somebody asked for, its instant."""
    at: Mapped[datetime]
    result: Mapped[str] = mapped_column(String(16))
    """`sent`, `skipped` or `failed`."""
    detail: Mapped[str] = mapped_column(Text)
    sent_to: Mapped[int]
    """How many people it was sent to."""
