"""Who may see a ticket besides its requester, whose links were revoked, who was forgotten."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, String, Uuid, func
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models.base import Base
from shared.contracts.vocabulary import ParticipantState


class Participant(Base):
    """Somebody in copy of a ticket: asked first, then part of the conversation."""

    __tablename__ = "participants"

    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"), primary_key=True)
    email: Mapped[str] = mapped_column(String(254), primary_key=True)
    """In lower case."""
    name: Mapped[str] = mapped_column(String(255))
    state: Mapped[ParticipantState]
    version: Mapped[int] = mapped_column(default=1)
    invited_at: Mapped[datetime] = mapped_column(server_default=func.now())
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LinkRevocation(Base):
    """Signed links to a ticket, for one address, that were made before an instant and no longer work."""

    __tablename__ = "link_revocations"

    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"), primary_key=True)
    email: Mapped[str] = mapped_column(String(254), primary_key=True)
    """In lower case."""
    made_before: Mapped[datetime]


class Erasure(Base):
    """A requester who was forgotten: which tickets were theirs, so that nothing late brings them back."""

    __tablename__ = "erasures"

    requester_id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    erased_at: Mapped[datetime] = mapped_column(server_default=func.now())
