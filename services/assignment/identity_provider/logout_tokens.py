"""Verifies a logout token (OpenID Connect Back-Channel Logout 1.0, section 2.6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.assignment.identity_provider.id_tokens import (
    VerifyingKey,
    check_issued,
    header_of,
    is_name,
    read_signed,
)
from services.assignment.identity_provider.refusal import SignOnRefused

EVENT = "http://schemas.openid.net/event/backchannel-logout"
TYPES = frozenset({"logout+jwt", "jwt"})
MAX_ID = 1024


@dataclass(frozen=True, slots=True)
class LogoutNotice:
    """Whose sessions the provider has ended: those of a subject, one session, or one session of a subject."""

    token_id: str
    issuer: str
    subject: str | None
    session: str | None


def verify_logout_token(
    text: str, keys: Sequence[VerifyingKey], issuer: str, client_id: str, now: datetime
) -> LogoutNotice:
    """What the token says. Raises SignOnRefused, and UnknownKey when the provider may have new keys."""
    _, claims = read_signed(text, keys)
    kind = str(header_of(text).get("typ", "JWT")).lower().removeprefix("application/")
    if kind not in TYPES:
        raise SignOnRefused("wrong_type")
    check_issued(claims, issuer, client_id, now)
    if "nonce" in claims:
        raise SignOnRefused("wrong_nonce")
    events = claims.get("events")
    if not isinstance(events, Mapping) or not isinstance(events.get(EVENT), Mapping):
        raise SignOnRefused("no_logout_event")
    token_id = claims.get("jti")
    if not isinstance(token_id, str) or not 0 < len(token_id) <= MAX_ID:
        raise SignOnRefused("no_token_id")
    subject, session = claims.get("sub"), claims.get("sid")
    given = [name for name in (subject, session) if name is not None]
    if not given or not all(is_name(name) for name in given):
        raise SignOnRefused("no_subject")
    return LogoutNotice(token_id, issuer, subject, session)
