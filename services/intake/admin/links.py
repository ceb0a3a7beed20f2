"""Administration of requesters' links: when one has fallen into the wrong hands."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel
from sqlalchemy import select

from services.intake.admin.administrators import Admin
from services.intake.admin.idempotent_commands import KeyedCall, run_once
from services.intake.api.route import ApiRoute
from services.intake.commands.revoke_links import revoke_links
from services.intake.deps import State
from services.intake.models import Ticket
from services.intake.schemas import NoContent
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.http.idempotent_commands import CreatedResource
from shared.kit.http.problems import not_found

Number = Annotated[str, Path(max_length=40, description="The ticket's number", examples=["100042"])]
router = APIRouter(prefix="/v1/admin/tickets", route_class=ApiRoute, tags=["personal data"])


class RevokedLinks(BaseModel):
    """Links to a ticket that do not work any more."""

    ticket_id: UUID
    number: str
    made_before: datetime
    """Every link made before this instant is useless, whoever holds it."""


@router.post("/{number}/revoke-links", response_model=RevokedLinks)
async def revoke(
    _: Admin,
    call: KeyedCall,
    state: State,
    number: Number,
    request: NoContent | None = None,  # noqa: ARG001 - only checked
) -> Response:
    """Make every link to a ticket useless that was made so far, and have a new one mailed to its requester."""

    async def make(session: Session) -> CreatedResource:
        ticket = await session.scalar(select(Ticket).where(Ticket.number == number))
        if ticket is None:
            raise not_found()
        now = utc_now()
        await revoke_links(session, ticket, now, removes=False)
        return CreatedResource(RevokedLinks(ticket_id=ticket.id, number=number, made_before=now))

    return await run_once(state, call, 200, make)
