"""Makes, revokes and recognises event tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, or_, select, update

from services.notification.event_tokens.schemas import CreateEventToken, EventScope, EventTokenView
from services.notification.models.event_tokens import event_tokens
from shared.kit.administrator_passes import Administrator
from shared.kit.auth import EVENT_TOKEN, ApiKey
from shared.kit.clock import new_id
from shared.kit.configuration_changes import record_change
from shared.kit.db import Database, Session
from shared.kit.http.problems import Problem, not_found

MOST_TOKENS = 200
_IS_USABLE = (
    event_tokens.c.revoked_at.is_(None),
    or_(event_tokens.c.expires_at.is_(None), event_tokens.c.expires_at > func.now()),
)


@dataclass(frozen=True, slots=True)
class KnownToken:
    """A valid token of a program."""

    id: UUID
    name: str
    scopes: frozenset[EventScope]


async def make_token(session: Session, by: Administrator, wanted: CreateEventToken) -> tuple[EventTokenView, str]:
    """Adds a token; returns it with its secret. Raises Problem 409 if there are too many."""
    if (await session.scalar(select(func.count()).select_from(event_tokens).where(*_IS_USABLE)) or 0) >= MOST_TOKENS:
        raise Problem(409, "too_many_tokens", f"there are {MOST_TOKENS} tokens already; revoke one first")
    key, token_id = ApiKey.make(EVENT_TOKEN), new_id()
    scopes = sorted({scope.value for scope in wanted.scopes})
    values = {"id": token_id, "name": wanted.name, "key_id": key.key_id, "digest": key.digest, "scopes": scopes}
    await session.execute(insert(event_tokens).values(**values, expires_at=wanted.expires_at))
    made = await _get(session, token_id)
    await record_change(session, by, ("event-token", str(token_id), made.name), None, _audited(made))
    return made, str(key)


async def revoke_token(session: Session, by: Administrator, token_id: UUID) -> None:
    """Ends a token for good. Raises Problem 404."""
    before = await _get(session, token_id)
    here = update(event_tokens).where(event_tokens.c.id == token_id, event_tokens.c.revoked_at.is_(None))
    await session.execute(here.values(revoked_at=func.now()))
    after = _audited(before) | {"revoked": True}
    await record_change(session, by, ("event-token", str(token_id), before.name), _audited(before), after)


async def list_tokens(session: Session) -> Sequence[EventTokenView]:
    """Returns all tokens, newest first."""
    rows = await session.execute(select(event_tokens).order_by(event_tokens.c.id.desc()).limit(1000))
    return [_view(row) for row in rows]


async def find_token(database: Database, text: str) -> KnownToken | None:
    """Returns the valid token that a text is, compared in constant time, and notes that it was used."""
    key = ApiKey.parse(text, EVENT_TOKEN)
    if key is None:
        return None
    async with database.single() as connection:
        found = select(event_tokens).where(event_tokens.c.key_id == key.key_id, *_IS_USABLE)
        row = (await connection.execute(found)).one_or_none()
        if row is None or not key.matches(row.digest):
            return None
        used = event_tokens.c.last_used_at
        is_stale = or_(used.is_(None), used < func.now() - func.make_interval(0, 0, 0, 0, 0, 1))
        await connection.execute(
            update(event_tokens).where(event_tokens.c.id == row.id, is_stale).values(last_used_at=func.now())
        )
    return KnownToken(row.id, row.name, frozenset(EventScope(scope) for scope in row.scopes))


async def _get(session: Session, token_id: UUID) -> EventTokenView:
    row = (await session.execute(select(event_tokens).where(event_tokens.c.id == token_id))).one_or_none()
    if row is None:
        raise not_found("token")
    return _view(row)


def _view(row: Any) -> EventTokenView:
    values = {name: getattr(row, name) for name in EventTokenView.model_fields if name != "prefix"}
    return EventTokenView(**values, prefix=f"{EVENT_TOKEN}_{row.key_id}")


def _audited(token: EventTokenView) -> dict[str, Any]:
    return token.model_dump(mode="json", include={"name", "scopes", "expires_at"})
