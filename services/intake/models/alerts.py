"""Alerts of monitoring systems, and what is to be done with those that a key sends."""

from datetime import datetime
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import JSON, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models.base import Base

STORM_LIMIT = 30
"""New alerts a minute that get tickets of their own, where nothing else is said."""


class AlertSource(Base):
    """How alerts of one API key are treated, and how many new ones it has sent lately."""

    __tablename__ = "alert_sources"

    key_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    on_recovery: Mapped[str] = mapped_column(String(16))
    """`resolve`, `note` or `nothing`."""
    topic_id: Mapped[UUID | None]
    priorities: Mapped[dict[str, JsonValue]] = mapped_column(JSON)
    """The priority for each severity, by its name in lower case."""
    storm_limit: Mapped[int]
    version: Mapped[int]
    """1 until somebody has changed it."""
    minute_began_at: Mapped[datetime | None]
    """Of the minute in which new alerts are counted."""
    minute_count: Mapped[int]
    storm_ticket_id: Mapped[UUID | None]
    """The ticket that collects the alerts beyond the limit."""
    storm_grew_at: Mapped[datetime | None]
    storm_told_at: Mapped[datetime | None]
    """When the collecting ticket was last told which alerts were added."""


class Alert(Base):
    """An alert, recognised by its fingerprint, and the ticket it has."""

    __tablename__ = "alerts"
    __table_args__ = (
        UniqueConstraint("key_id", "fingerprint"),
        Index("ix_alerts_key_id_id", "key_id", "id"),
        Index("ix_alerts_ticket_id_state", "ticket_id", "state"),
        Index("ix_alerts_last_at", "last_at"),
        Index("ix_alerts_wanted", "try_after", postgresql_where=text("wanted is not null")),
        Index("ix_alerts_untold", "key_id", postgresql_where=text("not is_told")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(String(16))
    fingerprint: Mapped[str] = mapped_column(String(128))
    state: Mapped[str] = mapped_column(String(16))
    """`firing` or `recovered`."""
    report: Mapped[dict[str, JsonValue]] = mapped_column(JSON)
    """What was last reported of it while it fired."""
    ticket_id: Mapped[UUID | None]
    is_collected: Mapped[bool]
    """Whether it shares its ticket with the other alerts of a storm."""
    is_told: Mapped[bool]
    """False while the collecting ticket has no message about it yet."""
    starts_at: Mapped[datetime | None]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    repeats: Mapped[int]
    """How often it was reported again since it last began to fire."""
    relapses: Mapped[int]
    """How often it has fired again since `relapses_from`."""
    relapses_from: Mapped[datetime | None]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    """Of the report that the ticket was last told."""
    change_told_at: Mapped[datetime | None]
    wanted: Mapped[str | None] = mapped_column(String(16))
    """What its ticket's workflow has still to be asked for: `resolve` or `reopen`."""
    wanted_id: Mapped[UUID | None]
    attempts: Mapped[int]
    try_after: Mapped[datetime | None]
