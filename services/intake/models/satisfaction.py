"""What requesters were asked about resolutions, and how they rated them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Integer, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models.base import Base


class SatisfactionSurvey(Base):
    """One question about one resolution, with the answer if there is one."""

    __tablename__ = "satisfaction_surveys"

    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"), primary_key=True)
    resolution: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """The `seq` of the `ticket.resolved`."""
    team_id: Mapped[UUID | None]
    agent_id: Mapped[UUID | None]
    asked_at: Mapped[datetime]
    open_until: Mapped[datetime]
    """Until then it can be answered, and the answer changed."""
    score: Mapped[int | None] = mapped_column(SmallInteger)
    comment: Mapped[str | None] = mapped_column(Text)
    rated_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """Counts the changes of the answer; 0: there is none."""
