"""API keys of client programs: made once, shown once, rotated without a gap, switched off for good."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from services.intake.access.key_scopes import KeyScope
from services.intake.models import StoredApiKey
from shared.kit.auth import ApiKey
from shared.kit.db import Session

OVERLAP = timedelta(hours=24)
"""How long a rotated secret goes on working, where nothing else is said."""


async def put_key(
    session: Session,
    key: ApiKey,
    name: str,
    scopes: Sequence[KeyScope],
    *,
    per_minute: int,
    cidrs: Sequence[str] = (),
    expires_at: datetime | None = None,
    is_legacy: bool = False,
) -> None:
    """Stores a key's digest; a key that is already there is left as it is."""
    values = {
        "key_id": key.key_id,
        "digest": key.digest,
        "name": name,
        "scopes": [scope.value for scope in scopes],
        "per_minute": per_minute,
        "cidrs": list(cidrs),
        "expires_at": expires_at,
        "is_active": True,
        "is_legacy": is_legacy,
    }
    await session.execute(insert(StoredApiKey).values(values).on_conflict_do_nothing())


async def rotate_key(session: Session, key_id: str, now: datetime, overlap: timedelta = OVERLAP) -> ApiKey | None:
    """A new secret for a key; the old one works until the overlap is over, one before it stops at once.

    None if there is no active key of that id with a secret of our making.
    """
    stored = await session.scalar(
        select(StoredApiKey)
        .where(StoredApiKey.key_id == key_id, StoredApiKey.is_active, ~StoredApiKey.is_legacy)
        .with_for_update()
    )
    if stored is None:
        return None
    key = ApiKey(key_id, ApiKey.make().secret)
    stored.previous_digest, stored.previous_until = stored.digest, now + overlap
    stored.digest = key.digest
    return key


async def find_key(session: Session, key_id: str) -> StoredApiKey | None:
    """The key of that id, revoked or not."""
    return await session.get(StoredApiKey, key_id)


async def list_keys(session: Session) -> Sequence[StoredApiKey]:
    """Every key, oldest first."""
    return (await session.scalars(select(StoredApiKey).order_by(StoredApiKey.created_at, StoredApiKey.key_id))).all()


async def page_of_keys(session: Session, limit: int, after: tuple[datetime, str] | None) -> Sequence[StoredApiKey]:
    """At most `limit` keys, oldest first, from a position on."""
    query = select(StoredApiKey).order_by(StoredApiKey.created_at, StoredApiKey.key_id).limit(limit)
    if after:
        query = query.where(tuple_(StoredApiKey.created_at, StoredApiKey.key_id) > after)
    return (await session.scalars(query)).all()


async def revoke_key(session: Session, key_id: str) -> bool:
    """Switches a key off for good; False if there is none of that id."""
    revoked = await session.scalar(
        update(StoredApiKey).where(StoredApiKey.key_id == key_id).values(is_active=False).returning(StoredApiKey.key_id)
    )
    return revoked is not None
