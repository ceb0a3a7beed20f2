"""How an administrator's POST comes in, and that topics are read anew once it took effect."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request, Response

from services.intake.admin.administrators import Admin
from services.intake.app_state import AppState
from shared.kit.db import Session
from shared.kit.http.app import body_of
from shared.kit.http.idempotency import IdempotencyKey, fingerprint
from shared.kit.http.idempotent_commands import CreatedResource, KeyedRequest
from shared.kit.http.idempotent_commands import once as carried_out_once


async def keyed_by(request: Request, administrator: Admin, idempotency_key: IdempotencyKey = None) -> KeyedRequest:
    """The call as it came in."""
    scope = f"{administrator.key_id}:{request.url.path}"
    return KeyedRequest(scope, idempotency_key, fingerprint(await body_of(request)))


KeyedCall = Annotated[KeyedRequest, Depends(keyed_by)]


async def run_once(
    state: AppState, call: KeyedRequest, status: int, make: Callable[[Session], Awaitable[CreatedResource]]
) -> Response:
    """Makes something once per idempotency key and answers with it."""
    response = await carried_out_once(state.database, call, status, make)
    state.topics.forget()
    return response
