"""Tables of wall boards."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base


class WallBoard(Base):
    """A page of large figures on a link that needs no log-in, until it is revoked."""

    __tablename__ = "wall_boards"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    """SHA-256 of the link's token, which nobody can read again."""
    team_id: Mapped[UUID | None] = mapped_column(ForeignKey("teams.id"))
    """Null: all teams."""
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id"))
    """Who made it; without them as an active agent it shows nothing."""
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
