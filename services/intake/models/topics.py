"""What requests can be about, the forms they ask for, and what everybody should know."""

from datetime import datetime
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import JSON, String, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models.base import Base
from shared.contracts.vocabulary import Priority


class Topic(Base):
    """What a request can be about. Never deleted, so tickets may name one without a constraint."""

    __tablename__ = "topics"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(Text)
    is_active: Mapped[bool] = mapped_column(default=True)
    is_public: Mapped[bool] = mapped_column(default=True, server_default="true")
    """Offered in the portal; others are for client programs."""
    position: Mapped[int]
    priority: Mapped[Priority | None]
    """Of requests that name none."""
    form: Mapped[list[JsonValue]] = mapped_column(JSON, default=list, server_default="[]")
    """The custom fields, as `services.intake.forms` reads them."""
    former_fields: Mapped[list[JsonValue]] = mapped_column(JSON, default=list, server_default="[]")
    """Removed ones, so that the answers tickets keep stay readable by those who may."""
    thanks: Mapped[str] = mapped_column(Text, default="", server_default="")
    """Said after a request was sent, in Markdown; empty for the usual words."""
    legacy_id: Mapped[int | None] = mapped_column(unique=True)
    """The number by which clients of the help desk before this one know it."""
    version: Mapped[int] = mapped_column(default=1)


class Announcement(Base):
    """What everybody should know before they ask, shown on the support centre while it holds."""

    __tablename__ = "announcements"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(255))
    body: Mapped[str] = mapped_column(Text)
    """Markdown."""
    is_urgent: Mapped[bool] = mapped_column(default=False)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
