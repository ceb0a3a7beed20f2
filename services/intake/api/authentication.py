"""Who is calling: the key in the Authorization header, what it may do, and how often."""

from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.security import HTTPBearer

from services.intake.access.api_key_cache import KnownKey
from services.intake.access.key_scopes import KeyScope
from services.intake.app_state import AppState
from services.intake.deps import get_app_state
from services.intake.errors import address_refused, scope_missing, unknown_key
from shared.kit.auth import ApiKey
from shared.kit.http.client_address import address_of, network_of


def sent_key(request: Request) -> ApiKey | None:
    """The key in the Authorization header, if there is one of a key's form."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    return ApiKey.parse(credentials.strip()) if scheme.lower() == "bearer" else None


async def key_of(request: Request, state: AppState, sent: ApiKey | None) -> KnownKey:
    """The key that was sent, for the address this request comes from.

    Raises Problem 401, 403, and 429 for an address that asks too often, or that sends another key that does not work
    after too many. A key that works is let in whatever others at its address have sent.
    """
    address = address_of(request, state.settings.trusted_proxies)
    household = network_of(address)
    await state.address_limiter.check(None, household)
    key = await state.keys.find(sent)
    if key is None:
        await state.bad_key_limiter.check(None, household)
        raise unknown_key()
    if not key.may_come_from(address):
        raise address_refused()
    return key


class Permitted(HTTPBearer):
    """A dependency that is also the security scheme: the caller's key, if it has one of the scopes."""

    def __init__(self, *scopes: KeyScope) -> None:
        super().__init__(
            scheme_name="ApiKey", bearerFormat="hd_<id>_<secret>", description="An API key of a client program"
        )
        self._scopes = scopes

    async def __call__(self, request: Request, response: Response) -> KnownKey:  # type: ignore[override]
        """The key of this request. Raises Problem 401, 403 or 429."""
        state = await get_app_state(request)
        key = await key_of(request, state, sent_key(request))
        await key.limiter.check(response, key.key_id)
        request.state.rate_limit = dict(response.headers)
        if self._scopes and not any(key.may(scope) for scope in self._scopes):
            raise scope_missing(*self._scopes)
        return key


AnyKey = Annotated[KnownKey, Depends(Permitted())]
Creator = Annotated[KnownKey, Depends(Permitted(KeyScope.CREATE))]
Reader = Annotated[KnownKey, Depends(Permitted(KeyScope.READ))]
Replier = Annotated[KnownKey, Depends(Permitted(KeyScope.REPLY))]
AlertSender = Annotated[KnownKey, Depends(Permitted(KeyScope.ALERT))]
Writer = Annotated[KnownKey, Depends(Permitted(KeyScope.CREATE, KeyScope.REPLY))]
Admin = Annotated[KnownKey, Depends(Permitted(KeyScope.ADMIN))]
