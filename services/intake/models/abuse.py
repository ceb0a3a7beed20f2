"""Who is not let in."""

from datetime import datetime

from sqlalchemy import String, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models.base import Base


class Ban(Base):
    """An address, a whole domain (`@example.org`) or a network (`203.0.113.0/24`) that is refused."""

    __tablename__ = "bans"

    pattern: Mapped[str] = mapped_column(String(254), primary_key=True)
    """In lower case."""
    reason: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
