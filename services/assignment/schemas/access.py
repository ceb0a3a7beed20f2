"""Sessions and second factors: what the API answers."""

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
