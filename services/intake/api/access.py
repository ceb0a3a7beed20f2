"""Who is calling: the key in the Authorization header, what it may do, and how often."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.intake.commands.keys import Scope
from services.intake.deps import Parts
from services.intake.errors import address_refused, scope_missing, unknown_key
from services.intake.keyring import KnownKey
from shared.kit.http.limits import address_of

BEARER = HTTPBearer(
    scheme_name="ApiKey",
    bearerFormat="hd_<id>_<secret>",
    auto_error=False,
    description="An API key of a client program",
)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]


async def caller(request: Request, response: Response, credentials: Credentials, parts: Parts) -> KnownKey:
    """The key of this request. Raises Problem 401, 403 or 429."""
    key = await parts.keys.find(credentials.credentials) if credentials else None
    if key is None:
        raise unknown_key()
    if not key.may_come_from(address_of(request, parts.settings.trusted_proxies)):
        raise address_refused()
    await key.limiter.check(response, key.key_id)
    request.state.rate_limit = dict(response.headers)
    return key


def _with_scope(scope: Scope) -> Callable[[KnownKey], Coroutine[Any, Any, KnownKey]]:
    async def permitted(key: Annotated[KnownKey, Depends(caller)]) -> KnownKey:
        if not key.may(scope):
            raise scope_missing(scope)
        return key

    return permitted


AnyKey = Annotated[KnownKey, Depends(caller)]
Creator = Annotated[KnownKey, Depends(_with_scope(Scope.CREATE))]
Reader = Annotated[KnownKey, Depends(_with_scope(Scope.READ))]
Replier = Annotated[KnownKey, Depends(_with_scope(Scope.REPLY))]
