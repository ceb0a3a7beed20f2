"""Response models of sessions and second factors."""

from uuid import UUID

from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.contracts.vocabulary import Channel


class SessionInfo(View):
    """A session of an agent, without the token that opens it."""

    id: UUID
    agent_id: UUID
    channel: Channel
    """`desk` for a browser, `api` for a program."""
    method: str
    """The first proof, such as `password`."""
    second_factor: str | None
    """The second proof, such as `totp`; null for a session that rests on one alone."""
    address: str
    """The network address it was opened from."""
    user_agent: str
    created_at: Instant
    last_seen_at: Instant
    """Of the newest request, to the minute."""
    expires_at: Instant
    is_current: bool
    """Whether it is the session of this request."""


class InvitationView(View):
    """A link by mail that has not been used yet."""

    sent_at: Instant
    expires_at: Instant


class PasskeyView(View):
    """A passkey; its keys are told to nobody."""

    id: UUID
    name: str
    created_at: Instant
    last_used_at: Instant | None


class AccessView(View):
    """How an agent signs in."""

    agent_id: UUID
    has_password: bool
    invitation: InvitationView | None
    """Waiting to be accepted."""
    requires_second_factor: bool
    """Whether a role of theirs asks for one."""
    has_totp: bool
    """Whether an authenticator app is set up."""
    passkeys: list[PasskeyView]
    recovery_codes: int
    """How many are left."""
    sessions: int
    """How many work at this moment."""
