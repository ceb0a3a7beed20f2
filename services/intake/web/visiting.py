"""The dependency of every page behind a signed link: who comes, and to which ticket."""

from typing import Annotated

from fastapi import Depends, Path, Request

from services.intake.deps import Intake, Parts
from services.intake.visits import Visit, get_visit
from shared.kit.http.client_address import address_of, network_of

Token = Annotated[str, Path(max_length=1000)]


async def visit_of(token: Token, parts: Parts) -> Visit:
    """The visit the link in the address stands for. Raises Problem 404."""
    async with parts.database.begin() as session:
        return await get_visit(session, parts.links, token)


Visited = Annotated[Visit, Depends(visit_of)]


def household(request: Request, parts: Intake) -> str:
    """Whom a visitor without a key is counted as."""
    return network_of(address_of(request, parts.settings.trusted_proxies))
