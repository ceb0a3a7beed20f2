"""Who may see a ticket besides its requester, whose links were revoked, who was forgotten."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Index, String, Uuid, func, text
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models.base import Base
from shared.contracts.vocabulary import Channel, ParticipantState


class Participant(Base):
    """Somebody in copy of a ticket: proposed or asked first, then part of the conversation."""

    __tablename__ = "participants"

    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"), primary_key=True)
    email: Mapped[str] = mapped_column(String(254), primary_key=True, index=True)
    """In lower case."""
    name: Mapped[str] = mapped_column(String(255))
    state: Mapped[ParticipantState]
    version: Mapped[int] = mapped_column(default=1)
    invited_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """When they were named, or last confirmed."""
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    channel: Mapped[Channel | None]
    """How they were named; None for those named before this was kept."""
    added_by: Mapped[str] = mapped_column(String(255), server_default="", index=True)
    """Who named them: the address of a mail's sender in lower case, or the name of an agent."""
    joined_at: Mapped[datetime | None]
    """Since when they take part; kept while they pause, so that the requester is told once."""


class InvitationCount(Base):
    """How many invitations somebody sent or got on one day, or under how many spellings their mailbox was thanked.

    Keyed digests: a row tells nobody who it was.
    """

    __tablename__ = "invitation_counts"

    scope: Mapped[str] = mapped_column(String(16), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    count: Mapped[int]


class Agent(Base):
    """An agent as assignment last told: whose mail is staff's."""

    __tablename__ = "agents"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), index=True)
    """In lower case."""
    name: Mapped[str] = mapped_column(String(255))
    is_active: Mapped[bool]
    version: Mapped[int]


class LinkRevocation(Base):
    """Signed links to a ticket, for one address, that were made before an instant and no longer work."""

    __tablename__ = "link_revocations"

    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"), primary_key=True)
    email: Mapped[str] = mapped_column(String(254), primary_key=True, index=True)
    """In lower case."""
    made_before: Mapped[datetime]


class NewestDecision(Base):
    """When the desk last decided about an address on a ticket; what it decided before and comes late is not done."""

    __tablename__ = "participant_decisions"

    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), primary_key=True, index=True)
    """In lower case."""
    decided_at: Mapped[datetime]


class SideMail(Base):
    """A mail that agents sent to a third party beside a ticket, or got from them: whose it is, and no word of it."""

    __tablename__ = "side_mails"

    message_id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(index=True)
    requester_id: Mapped[UUID] = mapped_column(index=True)
    """The keyed digest of the third party's address."""
    at: Mapped[datetime]
    is_erased: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether its words were erased; the row stays, so that what answers it is no answer beside the ticket."""


class Erasure(Base):
    """People's words that were erased: of one requester, or of a ticket whose time was over.

    Rows of a requester stay as evidence; nothing in them says who it was.
    """

    __tablename__ = "erasures"
    __table_args__ = (Index("ix_erasures_unfinished", "erased_at", postgresql_where=text("finished_at is null")),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    requester_id: Mapped[UUID | None] = mapped_column(index=True)
    """None if it was for the time that had passed."""
    ticket_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    took_part_in: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    """Others' tickets, on which only this requester's own part was erased."""
    digests: Mapped[list[str]] = mapped_column(ARRAY(String(64)))
    """Of files still to be removed from the object store, unless somebody else sent the same."""
    erased_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]
    """When the stream and the object store held nothing of it any more."""
