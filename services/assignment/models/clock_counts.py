"""Tables of SLA aggregates: verdicts counted per quarter hour, day, week, month and quarter of a year."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Integer, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base


class ClockCount(Base):
    """The final verdicts of one metric that one team settled within a time, by one dimension."""

    __tablename__ = "clock_counts"

    dimension: Mapped[str] = mapped_column(String(12), primary_key=True)
    """`all`, `team`, `agent`, `topic`, `priority`, `channel` or `organisation`."""
    resolution: Mapped[str] = mapped_column(String(8), primary_key=True)
    """`slot`: 15 minutes, of `all` only; `day`, `week`, `month` and `quarter`: those of the installation's zone."""
    starts_at: Mapped[datetime] = mapped_column(primary_key=True)
    team_id: Mapped[UUID] = mapped_column(primary_key=True)
    """All zeros for no team."""
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The value of the dimension; empty for none."""
    metric: Mapped[str] = mapped_column(String(16), primary_key=True)
    met: Mapped[int]
    breached: Mapped[int]
    cancelled: Mapped[int]
    business_seconds: Mapped[float]
    """The sum over met and breached ones, as all that follows."""
    wall_seconds: Mapped[float]
    business_buckets: Mapped[list[int] | None] = mapped_column(ARRAY(SmallInteger))
    """The fine buckets that durations lie in, and how many lie in each."""
    business_counts: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    wall_buckets: Mapped[list[int] | None] = mapped_column(ARRAY(SmallInteger))
    wall_counts: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    business_histogram: Mapped[bytes | None]
    """The same counts where many buckets are filled: of each fine bucket, big-endian in four bytes."""
    wall_histogram: Mapped[bytes | None]


class ClockWatermark(Base):
    """How far verdicts have been counted. One row."""

    __tablename__ = "clock_watermark"

    id: Mapped[int] = mapped_column(primary_key=True)
    recorded_until: Mapped[datetime]
    """Verdicts recorded up to this instant are in the counts, and weeks, months and quarters that end by then whole."""
    zone: Mapped[str] = mapped_column(String(64))
    """The zone of days; when the setting changes, everything is counted anew."""
    months_until: Mapped[datetime | None]
    """Written by releases that counted whole months apart; not read."""
    built_until: Mapped[datetime | None]
    """While everything is counted for the first time: up to which month. Null: done, reports may use the counts."""
