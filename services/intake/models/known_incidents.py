"""Table of the tickets that belong to a major incident with a public title."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models.base import Base


class KnownIncident(Base):
    """A major incident. Kept when it is ended, so that an older change which comes late is known as such."""

    __tablename__ = "known_incidents"

    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    """What requesters are shown; empty if they are shown nothing."""
    changed_at: Mapped[datetime]


class IncidentChild(Base):
    """A ticket and its parent, which may be a major incident."""

    __tablename__ = "incident_children"

    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    parent_id: Mapped[UUID | None]
    """None since it was unlinked."""
    changed_at: Mapped[datetime]
