"""Authenticates administrators: an API key of scope `admin`, or a signed pass of the desk."""

from typing import Annotated

from fastapi import Depends, Request, Response

from services.intake.access.api_key_cache import KnownKey
from services.intake.access.key_scopes import KeyScope
from services.intake.api.authentication import Permitted
from services.intake.deps import get_app_state
from services.intake.errors import unknown_key
from shared.kit.administrator_passes import SCHEME, Administrator, PassedRequest
from shared.kit.http.client_address import address_of


class AdministratorOrKey(Permitted):
    """A dependency that takes a pass of the desk where one is sent, and else a key."""

    async def __call__(self, request: Request, response: Response) -> KnownKey:  # type: ignore[override]
        """The key, or what stands for the administrator. Raises Problem 401, 403 or 429."""
        header = request.headers.get("authorization", "")
        if not header.startswith(f"{SCHEME} "):
            key = await super().__call__(request, response)
            address = address_of(request, (await get_app_state(request)).settings.trusted_proxies)
            request.state.administrator = Administrator(key.key_id, f"API key {key.key_id}", address)
            return key
        state = await get_app_state(request)
        who = state.passes.read(header, await PassedRequest.of("intake", request))
        if who is None:
            raise unknown_key()
        request.state.administrator = who
        return state.keys.of_administrator(who.id)


Admin = Annotated[KnownKey, Depends(AdministratorOrKey(KeyScope.ADMIN))]


async def get_administrator(request: Request, _: Admin) -> Administrator:
    """Who acts, for the audit log."""
    who: Administrator = request.state.administrator
    return who


By = Annotated[Administrator, Depends(get_administrator)]
