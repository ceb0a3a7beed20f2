"""What every POST of an administrator has in common: it takes effect once per key, and answers the same again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import BaseModel

from services.intake.api.authentication import Admin
from services.intake.api.route import answer
from services.intake.app_state import AppState
from shared.kit.db import Session
from shared.kit.http.app import body_of
from shared.kit.http.idempotency import IdempotencyKey, fingerprint, idempotent_transaction


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A POST: whose it is, and what makes its retry recognisable."""

    scope: str
    key: str | None
    content: bytes


@dataclass(frozen=True, slots=True)
class CreatedResource:
    """What a POST made, and how to name this state of it."""

    view: BaseModel
    etag: str | None = None


async def keyed_by(request: Request, administrator: Admin, idempotency_key: IdempotencyKey = None) -> KeyedRequest:
    """The call as it came in."""
    scope = f"{administrator.key_id}:{request.url.path}"
    return KeyedRequest(scope, idempotency_key, fingerprint(await body_of(request)))


KeyedCall = Annotated[KeyedRequest, Depends(keyed_by)]


async def once(
    state: AppState, call: KeyedRequest, status: int, make: Callable[[Session], Awaitable[CreatedResource]]
) -> Response:
    """Makes something once per idempotency key and answers with it."""
    async with idempotent_transaction(state.database, call.scope, call.key, call.content) as guarded:
        if guarded.stored:
            return guarded.stored
        made = await make(guarded.session)
        body = made.view.model_dump_json().encode()
        await guarded.store(body, status, made.etag)
    state.topics.forget()
    return answer(body, status, **({"etag": made.etag} if made.etag else {}))
