"""Table of service tokens; only the digest of a secret is stored."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, String, func
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base


class ServiceToken(Base):
    """What a program may do on behalf of its owner, and until when. Revoked ones stay: events name them."""

    __tablename__ = "service_tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(String(16), unique=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    name: Mapped[str] = mapped_column(String(120))
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id"), index=True)
    permissions: Mapped[list[str]]
    cidrs: Mapped[list[str]]
    """Networks it may be used from; empty: any."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    """As exact as a minute."""
    revoked_at: Mapped[datetime | None]
