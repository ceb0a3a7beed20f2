"""While a ticket is written: "you already asked something like this", for those who have proved their address."""

from typing import Annotated
from urllib.parse import unquote

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel

from services.intake.app_state import AppState
from services.intake.deps import State
from services.intake.similar_tickets import similar_tickets
from services.intake.web.labels import status_text
from services.intake.web.link_deps import rate_limit_key
from services.intake.web.route import PortalPageRoute

LONG_ENOUGH = 4
"""Letters of a subject from which on it is worth looking."""
router = APIRouter(route_class=PortalPageRoute, include_in_schema=False)


class SimilarTicket(BaseModel):
    """A ticket as the form offers it."""

    number: str
    subject: str
    standing: str
    url: str


class SimilarTickets(BaseModel):
    """What the form's script is told."""

    items: list[SimilarTicket]


@router.get("/tickets/similar")
async def find_similar(
    request: Request,
    state: State,
    subject: Annotated[str, Query(max_length=255)] = "",
    requester_email: Annotated[str, Header(max_length=1000)] = "",
) -> Response:
    """Similar tickets of the address in the form. It comes in a header, so that no log of addresses keeps it."""
    await state.similar_limiter.check(None, rate_limit_key(request, state))
    found = SimilarTickets(items=await similar_to(request, state, subject, unquote(requester_email)))
    return Response(found.model_dump_json(), media_type="application/json", headers={"Cache-Control": "no-store"})


async def similar_to(request: Request, state: AppState, subject: str, email: str) -> list[SimilarTicket]:
    """Nothing for whoever only types an address, without a look into the database."""
    proof = state.email_verification.find(request, email)
    if proof is None or len(subject.strip()) < LONG_ENOUGH:
        return []
    async with state.database.begin() as session:
        found = await similar_tickets(session, proof, subject)
    return [
        SimilarTicket(
            number=one.ticket.number,
            subject=one.ticket.subject,
            standing=status_text(one.ticket).label,
            url=f"/t/{state.links.token(one.link)}",
        )
        for one in found
    ]
