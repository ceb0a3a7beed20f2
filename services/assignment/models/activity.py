"""Tables of activity aggregates: counts per quarter hour and per day, and the backlog at the end of each day."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import String, text
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base

ZERO = text("0")


class ActivityCount(Base):
    """What happened to the tickets of one team within a quarter hour or a day, by one dimension."""

    __tablename__ = "activity_counts"

    dimension: Mapped[str] = mapped_column(String(12), primary_key=True)
    """`team`, `agent`, `topic`, `priority` or `channel`."""
    resolution: Mapped[str] = mapped_column(String(8), primary_key=True)
    """`slot`: a quarter of an hour, of which every zone's hours are made; `day`: a day of the installation's zone."""
    starts_at: Mapped[datetime] = mapped_column(primary_key=True)
    team_id: Mapped[UUID] = mapped_column(primary_key=True)
    """All zeros for no team."""
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The value of the dimension; empty for none."""
    opened: Mapped[int] = mapped_column(server_default=ZERO)
    assigned: Mapped[int] = mapped_column(server_default=ZERO)
    transferred: Mapped[int] = mapped_column(server_default=ZERO)
    overdue: Mapped[int] = mapped_column(server_default=ZERO)
    withdrawn: Mapped[int] = mapped_column(server_default=ZERO)
    resolved: Mapped[int] = mapped_column(server_default=ZERO)
    closed: Mapped[int] = mapped_column(server_default=ZERO)
    reopened: Mapped[int] = mapped_column(server_default=ZERO)
    replies: Mapped[int] = mapped_column(server_default=ZERO)
    one_touch: Mapped[int] = mapped_column(server_default=ZERO)


class HeldCount(Base):
    """How long tickets had been in a status, with a team or with an agent, of those times that ended then."""

    __tablename__ = "held_counts"

    dimension: Mapped[str] = mapped_column(String(12), primary_key=True)
    """`status`, `team` or `agent`."""
    resolution: Mapped[str] = mapped_column(String(8), primary_key=True)
    """As in `ActivityCount`."""
    starts_at: Mapped[datetime] = mapped_column(primary_key=True)
    team_id: Mapped[UUID] = mapped_column(primary_key=True)
    """The team that had the ticket when the time ended; all zeros for no team."""
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The status, or the id of the team or agent; empty for none."""
    stretches: Mapped[int]
    """How many such times ended."""
    seconds: Mapped[float]
    """How long they were together, by the wall clock."""


class BacklogCount(Base):
    """The open tickets at the end of a day, of one team and by one dimension."""

    __tablename__ = "backlog_counts"

    dimension: Mapped[str] = mapped_column(String(12), primary_key=True)
    """As in `ActivityCount`."""
    at: Mapped[datetime] = mapped_column(primary_key=True)
    """Where a day of the installation's zone ends and the next begins."""
    team_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    open: Mapped[int]
    overdue: Mapped[int]
    under_1_day: Mapped[int]
    under_3_days: Mapped[int]
    under_7_days: Mapped[int]
    under_30_days: Mapped[int]
    older: Mapped[int]
    oldest_opened_at: Mapped[datetime]


class BacklogWatermark(Base):
    """Which days the backlog is counted of. One row."""

    __tablename__ = "backlog_watermark"

    id: Mapped[int] = mapped_column(primary_key=True)
    recorded_until: Mapped[datetime]
    """Events recorded up to this instant have been looked at for changes of days that are counted."""
    zone: Mapped[str] = mapped_column(String(64))
    days_until: Mapped[datetime]
    """The backlog is counted at the ends of days up to this one."""


class ActivityWatermark(Base):
    """How far the event log has been counted. One row."""

    __tablename__ = "activity_watermark"

    id: Mapped[int] = mapped_column(primary_key=True)
    recorded_until: Mapped[datetime]
    """Events recorded up to this instant are in the counts; later ones are read from the log."""
    zone: Mapped[str] = mapped_column(String(64))
    """The zone of the days; when the setting changes, everything is counted anew."""
