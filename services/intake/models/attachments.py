"""Files that came with a request: what they are and where they belong; their bytes are in the object store."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, Index, String, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models.base import Base, one_of


class AttachmentState(StrEnum):
    """Whether a file may be served."""

    UNSCANNED = "unscanned"
    """Nothing scans here."""
    PENDING = "pending"
    """To be scanned; not served until then."""
    CLEAN = "clean"
    QUARANTINED = "quarantined"
    """Kept, named in the thread, never served."""


class Attachment(Base):
    """One file as somebody sent it; several may share the same bytes."""

    __tablename__ = "attachments"
    __table_args__ = (
        Index("ix_attachments_ticket_id_message_id", "ticket_id", "message_id"),
        Index("ix_attachments_digest", "digest"),
        Index("ix_attachments_unclaimed", "created_at", postgresql_where=text("ticket_id is null")),
        Index("ix_attachments_unscanned", "id", postgresql_where=text("state = 'pending'")),
        Index("ix_attachments_pending", "created_at", postgresql_where=text("state = 'pending'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the content, in hexadecimal: its place in the object store."""
    name: Mapped[str] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(String(127))
    """What the content was found to be, whatever its sender called it."""
    size: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[AttachmentState] = mapped_column(one_of(AttachmentState))
    owner: Mapped[str] = mapped_column(String(80))
    """Who sent it and alone may attach it: `key:<id>`, `form:<digest>`, `mail:<id>`, `agent:<id>`."""
    ticket_id: Mapped[UUID | None]
    """None until a submission or a message has claimed it."""
    message_id: Mapped[UUID | None]
    field: Mapped[str | None] = mapped_column(String(64))
    """The custom field it answers."""
    content_id: Mapped[str | None] = mapped_column(String(255))
    is_inline: Mapped[bool] = mapped_column(default=False)
    is_internal: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    """Of a note among agents: never shown or given to requesters."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class JobPosition(Base):
    """How far a recurring job has come that does a little each time, so that it goes on there."""

    __tablename__ = "job_positions"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    position: Mapped[str] = mapped_column(Text)
