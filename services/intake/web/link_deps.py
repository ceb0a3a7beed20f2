"""FastAPI dependency of every page behind a signed link: checks the link, returns ticket and reader."""

from typing import Annotated

from fastapi import Depends, Path, Request

from services.intake.access.link_access import LinkAccess, get_link_access
from services.intake.app_state import AppState
from services.intake.deps import State
from services.intake.queries.languages import find_stored_language
from shared.kit.http.client_address import address_of, network_of

Token = Annotated[str, Path(max_length=1000)]


async def get_verified_link(request: Request, token: Token, state: State) -> LinkAccess:
    """The reader and ticket of the link in the URL, shown in the requester's language. Raises Problem 404."""
    async with state.database.begin() as session:
        visit = await get_link_access(session, state.links, token)
        if visit.is_requester and state.languages.chosen(request) is None:
            language = visit.ticket.requester_language or await find_stored_language(session, visit.link.email)
            state.languages.prefer(request, language)
    return visit


VerifiedLink = Annotated[LinkAccess, Depends(get_verified_link)]


def rate_limit_key(request: Request, state: AppState) -> str:
    """The rate-limit key of a request without an API key: its network."""
    return network_of(address_of(request, state.settings.trusted_proxies))
