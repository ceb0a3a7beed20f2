"""What every POST of an administrator has in common: it takes effect once per key, and answers the same again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pydantic import BaseModel
from starlette.responses import Response

from shared.kit.db import Database, Session
from shared.kit.http.idempotency import idempotent_transaction


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A POST: whose it is and where to, its Idempotency-Key, and the fingerprint of what it asks for."""

    scope: str
    key: str | None
    request_hash: bytes


@dataclass(frozen=True, slots=True)
class CreatedResource:
    """What a POST made, and how to name this state of it."""

    view: BaseModel
    etag: str | None = None


async def once(
    database: Database, request: KeyedRequest, status: int, make: Callable[[Session], Awaitable[CreatedResource]]
) -> Response:
    """Makes something in one transaction with its answer, or gives the answer that was stored before.

    Raises Problem 409 while the same key is in flight, 422 if it was used with another body, and what `make` raises.
    """
    async with idempotent_transaction(database, request.scope, request.key, request.request_hash) as guarded:
        if guarded.stored is not None:
            return guarded.stored
        made = await make(guarded.session)
        body = made.view.model_dump_json(by_alias=True).encode()
        await guarded.store(body, status, made.etag)
    headers = {"ETag": made.etag} if made.etag else None
    return Response(body, status, headers, media_type="application/json")


async def find_answer(database: Database, request: KeyedRequest) -> Response | None:
    """The first answer if this is a retry; asked before work that is too slow for a transaction."""
    if request.key is None:
        return None
    async with idempotent_transaction(database, request.scope, request.key, request.request_hash) as guarded:
        return guarded.stored
