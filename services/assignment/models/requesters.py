"""Requesters as the desk knows them: one person with their addresses, organisation and agents' notes."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, false, func, text
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base


class RequesterRecord(Base):
    """A person who asked, or for whom an agent made an entry. Their tickets are found by their addresses."""

    __tablename__ = "requesters"
    __table_args__ = (
        Index("ix_requesters_name", func.lower(text("name")), "id"),
        Index(
            "ix_requesters_by_domain",
            "domain",
            func.lower(text("name")),
            "id",
            postgresql_where=text("organisation_id is null and merged_into is null"),
        ),
        Index(
            "ix_requesters_further",
            "domain",
            postgresql_where=text("has_further_addresses and organisation_id is null and merged_into is null"),
        ),
        Index(
            "ix_requesters_by_hand",
            "organisation_id",
            "is_manager",
            func.lower(text("name")),
            "id",
            postgresql_where=text("organisation_id is not null and merged_into is null"),
        ),
        Index(
            "ix_requesters_name_words",
            text("lower(name)"),
            postgresql_using="gin",
            postgresql_ops={"lower(name)": "gin_trgm_ops"},
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    phone: Mapped[str | None] = mapped_column(String(40))
    organisation_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("organisations.id", ondelete="SET NULL"), index=True
    )
    """Set by hand; null: the organisation that has the domain of an address, if any."""
    is_manager: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether they speak for their organisation: they see its tickets where managers may."""
    merged_into: Mapped[UUID | None] = mapped_column(ForeignKey("requesters.id", ondelete="CASCADE"), index=True)
    """The person that this one turned out to be."""
    domain: Mapped[str | None] = mapped_column(String(255, collation="C"))
    """Of the primary address, backwards, so that what lies below a domain is one range. A trigger keeps it."""
    has_further_addresses: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether they have had an address beside the primary one. A trigger notes it; it is not taken back."""
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class RequesterAddress(Base):
    """An e-mail address, which belongs to exactly one person."""

    __tablename__ = "requester_addresses"
    __table_args__ = (
        Index(
            "ix_requester_addresses_email_words",
            "email",
            postgresql_using="gin",
            postgresql_ops={"email": "gin_trgm_ops"},
        ),
        Index("ix_requester_addresses_domain", text("reverse(split_part(email, '@', 2)) text_pattern_ops")),
    )

    email: Mapped[str] = mapped_column(String(254), primary_key=True)
    """In lower case, the domain in ASCII."""
    requester_id: Mapped[UUID] = mapped_column(ForeignKey("requesters.id", ondelete="CASCADE"), index=True)
    merged_from: Mapped[UUID | None]
    """The person who had it before a merge, so that the merge can be undone."""
    digest: Mapped[UUID | None] = mapped_column(index=True)
    """What an erasure names the address by; null for addresses from before this was kept, which all have tickets."""
    is_primary: Mapped[bool] = mapped_column(default=False, server_default=false())
    added_at: Mapped[datetime] = mapped_column(server_default=func.now())


class RequesterNote(Base):
    """What an agent wants colleagues to know about a person. Never shown to requesters."""

    __tablename__ = "requester_notes"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    requester_id: Mapped[UUID] = mapped_column(ForeignKey("requesters.id", ondelete="CASCADE"), index=True)
    merged_from: Mapped[UUID | None]
    author_id: Mapped[UUID]
    author_name: Mapped[str] = mapped_column(String(255))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
