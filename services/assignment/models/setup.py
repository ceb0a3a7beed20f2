"""Tables of the set-up of an empty installation: one-time links and progress."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, LargeBinary, SmallInteger, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base


class Installation(Base):
    """The one row that describes this installation; a missing one is as good as one that was set up."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, default=1, autoincrement=False)
    organisation: Mapped[str] = mapped_column(String(255), default="", server_default=text("''"))
    done: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    """The steps of setting up that are finished or skipped, each with when."""
    finished_at: Mapped[datetime | None]
    announced_as: Mapped[int] = mapped_column(SmallInteger, default=0, server_default=text("0"))
    """The form in which the other services were last told of it; 0: not at all."""
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))


class SetupLink(Base):
    """A one-time link by which the first administrator comes in; only its digest is kept."""

    __tablename__ = "setup_links"

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    agent_id: Mapped[UUID | None]
