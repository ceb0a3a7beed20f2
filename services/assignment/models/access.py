"""Tables of authentication: sessions, second factors, mailed links, failed attempts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, SmallInteger, String, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base
from shared.kit.clock import new_id, utc_now


class OfProvider:
    """Columns of a sign-in at the identity provider, by which the provider ends it; null for any other sign-in."""

    provider_issuer: Mapped[str | None] = mapped_column(String(2000))
    provider_subject: Mapped[str | None] = mapped_column(String(255), index=True)
    provider_session: Mapped[str | None] = mapped_column(String(255), index=True)
    """The provider's name for its session (`sid`), where it tells one."""
    provider_token: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The ID token, encrypted: shown to the provider when the agent signs out there as well."""


class Session(OfProvider, Base):
    """A signed-in agent; only the token's digest is stored. Serves bearer tokens and the desk's cookie alike."""

    __tablename__ = "sessions"

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True, default=new_id, server_default=func.gen_random_uuid())
    """What lists call it by: nothing can be done with it without a session of one's own."""
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime] = mapped_column(default=utc_now, server_default=func.now())
    """Of the newest request, to the minute."""
    expires_at: Mapped[datetime] = mapped_column(index=True)
    channel: Mapped[str] = mapped_column(String(16), default="api", server_default="api")
    method: Mapped[str] = mapped_column(String(32), default="password", server_default="password")
    """The first proof: `password`, or the kind of service that vouched for the agent."""
    second_factor: Mapped[str | None] = mapped_column(String(32))
    """The second proof; null for a session that rests on one alone."""
    address: Mapped[str] = mapped_column(String(64), default="", server_default="")
    user_agent: Mapped[str] = mapped_column(String(255), default="", server_default="")
    challenge: Mapped[bytes | None] = mapped_column(LargeBinary)
    """What a passkey that is being added has to sign; works once."""


class PendingSignIn(OfProvider, Base):
    """Somebody who has proved the first factor and still owes the second. It opens nothing."""

    __tablename__ = "pending_sign_ins"

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), index=True)
    method: Mapped[str] = mapped_column(String(32))
    expires_at: Mapped[datetime] = mapped_column(index=True)
    failures: Mapped[int] = mapped_column(SmallInteger, default=0, server_default=text("0"))
    challenge: Mapped[bytes | None] = mapped_column(LargeBinary)
    """What a passkey has to sign; works once."""


class LoginAttempt(Base):
    """Failed sign-ins of one subject (an account from an address, an account, an address) in a row."""

    __tablename__ = "login_attempts"

    subject: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(index=True)
    locked_until: Mapped[datetime | None]


class TotpSecret(Base):
    """The shared secret of an agent's authenticator app, encrypted."""

    __tablename__ = "totp_secrets"

    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    """Null until the agent has shown that the app makes the right codes; before that it counts for nothing."""
    last_step: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    """The time step of the newest code that was accepted: neither it nor an older one works again."""


class Passkey(Base):
    """A WebAuthn credential of an agent."""

    __tablename__ = "passkeys"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), index=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger, default=0)
    name: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]


class RecoveryCode(Base):
    """A code that stands in once for a lost second factor; only its keyed digest is stored, and goes with its use."""

    __tablename__ = "recovery_codes"

    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)


class AccountLink(Base):
    """A mailed link with which an agent sets a password, once. The row alone opens nothing: the link is signed."""

    __tablename__ = "account_links"
    __table_args__ = (UniqueConstraint("agent_id", "purpose"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    purpose: Mapped[str] = mapped_column(String(16))
    """`invitation` or `reset`; an agent has at most one of each, the newest."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
