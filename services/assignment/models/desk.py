"""Tables of the desk: saved views, settings, bulk actions and exports."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base


class SavedView(Base):
    """A list of tickets under a name: an agent's own, a team's, or everybody's."""

    __tablename__ = "saved_views"
    __table_args__ = (Index("ix_saved_views_sharing", "sharing", "team_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), index=True)
    sharing: Mapped[str] = mapped_column(String(16))
    team_id: Mapped[UUID | None] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    filters: Mapped[dict[str, Any]]
    columns: Mapped[list[str]]
    sort: Mapped[str] = mapped_column(String(16))
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class DeskPreferences(Base):
    """How one agent wants the desk shown."""

    __tablename__ = "desk_preferences"

    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True)
    density: Mapped[str] = mapped_column(String(16))
    time_zone: Mapped[str] = mapped_column(String(64), server_default="")
    """Empty: the browser's."""
    has_reading_pane: Mapped[bool]
    language: Mapped[str] = mapped_column(String(35), server_default="")
    """Empty: the browser's."""


class BulkJob(Base):
    """One action asked for on many tickets."""

    __tablename__ = "bulk_jobs"
    __table_args__ = (
        Index("ix_bulk_jobs_agent_id", "agent_id", "id"),
        Index("ix_bulk_jobs_under_way", "id", postgresql_where=text("state in ('queued', 'running')")),
        Index("ix_bulk_jobs_incident_id", "incident_id", "id", postgresql_where=text("incident_id is not null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    channel: Mapped[str] = mapped_column(String(16))
    action: Mapped[str] = mapped_column(String(32))
    body: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16))
    total: Mapped[int]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    incident_id: Mapped[UUID | None]
    """The major incident whose children it is about."""


class BulkTicket(Base):
    """One ticket of such an action, written with it: what is still to be done, and what became of it."""

    __tablename__ = "bulk_tickets"
    __table_args__ = (
        Index("ix_bulk_tickets_queued", "job_id", "attempts", "place", postgresql_where=text("state = 'queued'")),
        Index("ix_bulk_tickets_place", "job_id", "place"),
        Index("ix_bulk_tickets_ticket_id", "ticket_id"),
    )

    job_id: Mapped[UUID] = mapped_column(ForeignKey("bulk_jobs.id", ondelete="CASCADE"), primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    place: Mapped[int]
    """The order in which they were named."""
    state: Mapped[str] = mapped_column(String(16))
    code: Mapped[str | None] = mapped_column(String(64))
    """Why it was refused or failed: a stable word."""
    detail: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    changed_at: Mapped[datetime]


class Export(Base):
    """A list of tickets as a file that somebody asked for."""

    __tablename__ = "exports"
    __table_args__ = (
        Index("ix_exports_agent_id", "agent_id", "id"),
        Index("ix_exports_under_way", "id", postgresql_where=text("state in ('queued', 'running')")),
        Index("ix_exports_expires_at", "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    filters: Mapped[dict[str, Any]]
    sort: Mapped[str] = mapped_column(String(16))
    columns: Mapped[list[str]]
    state: Mapped[str] = mapped_column(String(16))
    rows: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    size: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]


class ExportPart(Base):
    """A piece of an export's file: in the database, so that any process of the service can hand it out."""

    __tablename__ = "export_parts"

    export_id: Mapped[UUID] = mapped_column(ForeignKey("exports.id", ondelete="CASCADE"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())
