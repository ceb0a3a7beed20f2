"""Links from archived tickets to their follow-ups."""

from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base


class FollowUp(Base):
    """A message to an archived ticket reached another ticket; either may be projected before or after this."""

    __tablename__ = "follow_ups"
    __table_args__ = (Index("ix_follow_ups_follow_up_id", "follow_up_id"),)

    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    """The archived one."""
    follow_up_id: Mapped[UUID] = mapped_column(primary_key=True)
    is_opened_by: Mapped[bool]
    """Whether the follow-up was opened for this ticket; otherwise it was there already when the message came."""
