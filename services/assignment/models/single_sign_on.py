"""Tables of single sign-on: the provider's connection, and agents' linked subjects."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base


class SingleSignOn(Base):
    """How a provider is reached and what it is trusted with; the first row is made when it is first saved."""

    __tablename__ = "single_sign_on"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    is_enabled: Mapped[bool]
    name: Mapped[str] = mapped_column(String(120))
    issuer: Mapped[str] = mapped_column(Text)
    client_id: Mapped[str] = mapped_column(String(255))
    client_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Encrypted."""
    scopes: Mapped[str] = mapped_column(String(255))
    groups_claim: Mapped[str] = mapped_column(String(120))
    creates_agents: Mapped[bool]
    domains: Mapped[str] = mapped_column(Text, server_default=text("''"))
    """Of the addresses that it vouches for, separated by blanks; empty: all."""
    trusts_addresses: Mapped[bool]
    second_factor: Mapped[str] = mapped_column(String(16))
    passwords: Mapped[str] = mapped_column(String(16))
    version: Mapped[int]


class ProviderIdentity(Base):
    """A person at a provider, by the name that never changes, and the agent they are."""

    __tablename__ = "provider_identities"
    __table_args__ = (Index("ix_provider_identities_agent_id", "agent_id"),)

    issuer: Mapped[str] = mapped_column(Text, primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    linked_at: Mapped[datetime]
    last_used_at: Mapped[datetime]


class UsedSignOn(Base):
    """A sign-in at the provider that came back, so that it cannot come back again."""

    __tablename__ = "used_sign_ons"

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
