"""Table of major incidents: tickets that stand for a problem many others report."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base


class MajorIncident(Base):
    """A ticket declared a major incident. Its children are links of the kind `child`.

    A trigger marks the ticket, whoever writes here: `tickets.is_incident`.
    """

    __tablename__ = "incidents"

    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    declared_by: Mapped[UUID]
    """The agent or service token."""
    declared_at: Mapped[datetime]
    public_title: Mapped[str] = mapped_column(Text, server_default="")
    """What the requesters of its children are shown of it; empty for nothing."""
