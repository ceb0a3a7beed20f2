"""What an administrator decides about time: working hours and SLA policies; and the topics that rules name."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, func, text, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base


class Calendar(Base):
    """One version of a calendar; older ones stay, for verdicts name them."""

    __tablename__ = "calendars"
    __table_args__ = (Index("uq_calendars_current", "slug", unique=True, postgresql_where=text("is_current")),)

    slug: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    body: Mapped[dict[str, Any]]
    is_current: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))


class CalendarFeed(Base):
    """Where a calendar's holidays come from every day, and how that went the last time."""

    __tablename__ = "calendar_feeds"

    slug: Mapped[str] = mapped_column(String(64), primary_key=True)
    url: Mapped[str] = mapped_column(String(2000))
    mode: Mapped[str] = mapped_column(String(16))
    include_free: Mapped[bool] = mapped_column(default=False)
    taken: Mapped[list[Any]] = mapped_column(default=list)
    """The holidays that are in the calendar because the feed said so."""
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))
    checked_at: Mapped[datetime]
    succeeded_at: Mapped[datetime | None]
    failure: Mapped[str | None] = mapped_column(String(500))
    due_at: Mapped[datetime] = mapped_column(index=True)


class Policy(Base):
    """One version of an SLA policy; older ones stay, for tickets carry them."""

    __tablename__ = "sla_policies"
    __table_args__ = (
        Index("uq_sla_policies_current", "id", unique=True, postgresql_where=text("is_current")),
        Index("uq_sla_policies_default", "is_default", unique=True, postgresql_where=text("is_current and is_default")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[dict[str, Any]]
    is_default: Mapped[bool] = mapped_column(default=False)
    is_current: Mapped[bool] = mapped_column(default=True)
    is_active: Mapped[bool] = mapped_column(default=True, server_default=true())
    """Whether tickets may still be given it."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))


class StoredSnapshot(Base):
    """A policy exactly as tickets carry it, its calendar, holidays, clock changes and ladder resolved.

    Written before a ticket first gets it, so that every verdict can be proved with the very rules it was given under,
    whatever becomes of the time zone data and the libraries.
    """

    __tablename__ = "policy_snapshots"
    __table_args__ = (Index("ix_policy_snapshots_policy_id", "policy_id", "version"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    policy_id: Mapped[UUID]
    version: Mapped[int]
    calendar_slug: Mapped[str] = mapped_column(String(100))
    calendar_version: Mapped[int]
    body: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Topic(Base):
    """A help topic as intake last announced it."""

    __tablename__ = "topics"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), index=True)
    name: Mapped[str] = mapped_column(String(255))
    is_active: Mapped[bool]
    fields: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    """What the topic asks for: name, label and kind of each field."""
    version: Mapped[int]
