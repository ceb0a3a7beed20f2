"""Tables projected from assignment: addresses of one person, members of organisations and their ticket sharing."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Index, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models.base import Base


class PersonAddress(Base):
    """An address that the desk says belongs to a person; people with one address need not be here."""

    __tablename__ = "person_addresses"

    email: Mapped[str] = mapped_column(String(254), primary_key=True)
    """In lower case, the domain in ASCII."""
    requester_id: Mapped[UUID | None] = mapped_column(index=True)
    """None for an address that was given up."""
    organisation_id: Mapped[UUID | None] = mapped_column(index=True)
    """Of people who were put into an organisation by hand."""
    is_manager: Mapped[bool] = mapped_column(server_default=false())
    changed_at: Mapped[datetime]
    """Of the newest change known: an older one that comes late changes nothing."""


class OrganisationEntry(Base):
    """An organisation, its domains, and who of its people may see its tickets."""

    __tablename__ = "organisations"
    __table_args__ = (Index("ix_organisations_domains", "domains", postgresql_using="gin"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    domains: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    ticket_sharing: Mapped[str] = mapped_column(String(16))
    """`nobody`, `managers` or `members`."""
    is_removed: Mapped[bool] = mapped_column(server_default=false())
    version: Mapped[int]
