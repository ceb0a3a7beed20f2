"""Table of canned responses."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, String, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base


class CannedResponse(Base):
    """A text in Markdown with variables, for one team and those below it, or for everybody."""

    __tablename__ = "canned_responses"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(255), unique=True)
    body: Mapped[str] = mapped_column(Text)
    team_id: Mapped[UUID | None] = mapped_column(ForeignKey("teams.id"), index=True)
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
