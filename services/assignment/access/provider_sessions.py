"""The provider's session that a sign-in comes from, as sessions and pending sign-ins keep it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from services.assignment.app_state import AppState
from services.assignment.models import PendingSignIn, Session


@dataclass(frozen=True, slots=True)
class ProviderSession:
    """Who is signed in at which provider, by its own names."""

    issuer: str
    subject: str
    session: str | None
    """The claim `sid`, where the provider tells one."""
    token: bytes | None
    """The encrypted ID token; None for one that is too long to be shown again."""


def provider_columns(provider: ProviderSession | None) -> Mapping[str, Any]:
    """The values of a row."""
    if provider is None:
        return {}
    return {
        "provider_issuer": provider.issuer,
        "provider_subject": provider.subject,
        "provider_session": provider.session,
        "provider_token": provider.token,
    }


def provider_session_of(row: Session | PendingSignIn) -> ProviderSession | None:
    """What a row says; None for a sign-in without the provider."""
    if row.provider_issuer is None or row.provider_subject is None:
        return None
    return ProviderSession(row.provider_issuer, row.provider_subject, row.provider_session, row.provider_token)


async def find_provider_session(context: AppState, session_digest: bytes) -> ProviderSession | None:
    """The provider's session behind one of ours; None where there is none."""
    async with context.database.begin() as session:
        found = await session.scalar(select(Session).where(Session.digest == session_digest))
        return provider_session_of(found) if found is not None else None
