"""The keys of client programs."""

from datetime import datetime

from sqlalchemy import ARRAY, LargeBinary, String, func
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models.base import Base


class StoredApiKey(Base):
    """A client program's key; only the digest of its secret is kept."""

    __tablename__ = "api_keys"

    key_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    previous_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The secret before the last rotation, good until `previous_until`."""
    previous_until: Mapped[datetime | None]
    name: Mapped[str] = mapped_column(String(120))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String(16)))
    per_minute: Mapped[int]
    cidrs: Mapped[list[str]] = mapped_column(ARRAY(String(64)))
    is_active: Mapped[bool] = mapped_column(default=True)
    is_legacy: Mapped[bool] = mapped_column(default=False, server_default="false")
    """Brought along from osTicket: 32 hexadecimal digits, good for its routes alone."""
    expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime | None]
