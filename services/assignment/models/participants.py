"""Projection of participants, from intake's events."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base


class Participant(Base):
    """A participant of a ticket. Removed ones are kept, so that an older event does not restore them."""

    __tablename__ = "participants"

    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), primary_key=True)
    """In lower case, its domain in ASCII."""
    name: Mapped[str] = mapped_column(String(255))
    state: Mapped[str] = mapped_column(String(16))
    """As announced, or as an agent decided since: then `version` is still that of what was announced before."""
    version: Mapped[int]
    """Of the newest event; 0 for whom an agent added and intake has not announced yet."""
    changed_at: Mapped[datetime]
    channel: Mapped[str | None] = mapped_column(String(16))
    """How they were named; None for those named before this was kept."""
    added_by: Mapped[str] = mapped_column(String(255))
    """Who named them: the address of a mail's sender, or the name of an agent."""
    added_at: Mapped[datetime]
    joined_at: Mapped[datetime | None]
