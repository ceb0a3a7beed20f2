"""The table of satisfaction ratings."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, Integer, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base


class SatisfactionRating(Base):
    """What a requester was asked about one resolution, and their answer if there is one. A projection."""

    __tablename__ = "satisfaction_ratings"
    __table_args__ = (Index("ix_satisfaction_ratings_asked_at", "asked_at"),)

    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    resolution: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """The `seq` of the `ticket.resolved`."""
    team_id: Mapped[UUID | None]
    """The team that had the ticket when it was resolved."""
    agent_id: Mapped[UUID | None]
    asked_at: Mapped[datetime]
    score: Mapped[int | None] = mapped_column(SmallInteger)
    comment: Mapped[str | None] = mapped_column(Text)
    rated_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """Of the newest answer applied; 0: there is none."""
