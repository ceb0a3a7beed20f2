"""API keys of client programs: made once, shown once, switched off for good."""

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from services.intake.models import StoredApiKey
from shared.kit.auth import ApiKey
from shared.kit.db import Session


class Scope(StrEnum):
    """What a key may do with the tickets it created."""

    CREATE = "create"
    READ = "read"
    REPLY = "reply"


async def put_key(
    session: Session, key: ApiKey, name: str, scopes: Sequence[Scope], *, per_minute: int, cidrs: Sequence[str] = ()
) -> None:
    """Stores a key's digest; a key that is already there is left as it is."""
    values = {
        "key_id": key.key_id,
        "digest": key.digest,
        "name": name,
        "scopes": [scope.value for scope in scopes],
        "per_minute": per_minute,
        "cidrs": list(cidrs),
        "is_active": True,
    }
    await session.execute(insert(StoredApiKey).values(values).on_conflict_do_nothing())


async def list_keys(session: Session) -> Sequence[StoredApiKey]:
    """Every key, oldest first."""
    return (await session.scalars(select(StoredApiKey).order_by(StoredApiKey.created_at, StoredApiKey.key_id))).all()


async def revoke_key(session: Session, key_id: str) -> bool:
    """Switches a key off for good; False if there is none of that id."""
    revoked = await session.scalar(
        update(StoredApiKey).where(StoredApiKey.key_id == key_id).values(is_active=False).returning(StoredApiKey.key_id)
    )
    return revoked is not None
