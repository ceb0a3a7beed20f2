"""FastAPI dependency of every page behind a signed link: checks the link, returns ticket and reader."""

from typing import Annotated

from fastapi import Depends, Path, Request

from services.intake.access.link_access import LinkAccess, get_link_access
from services.intake.app_state import AppState
from services.intake.deps import State
from shared.kit.http.client_address import address_of, network_of

Token = Annotated[str, Path(max_length=1000)]


async def get_verified_link(token: Token, state: State) -> LinkAccess:
    """The reader and ticket of the link in the URL. Raises Problem 404."""
    async with state.database.begin() as session:
        return await get_link_access(session, state.links, token)


VerifiedLink = Annotated[LinkAccess, Depends(get_verified_link)]


def rate_limit_key(request: Request, state: AppState) -> str:
    """The rate-limit key of a request without an API key: its network."""
    return network_of(address_of(request, state.settings.trusted_proxies))
