"""What people may have of themselves: everything, by a link that is mailed for it and works once."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.status import HTTP_303_SEE_OTHER

from services.intake.access.link_access import LinkAccess, link_not_valid
from services.intake.app_state import AppState
from services.intake.commands.request_access_link import request_export_link
from services.intake.deps import State
from services.intake.privacy.export_response import export_response
from services.intake.privacy.subject_data import find_subject_data
from services.intake.web.forms import read_form
from services.intake.web.link_deps import Token, VerifiedLink, rate_limit_key
from services.intake.web.route import PortalPageRoute
from shared.kit.clock import utc_now
from shared.kit.http.idempotency import idempotent_transaction
from shared.kit.http.problems import Problem
from shared.kit.one_time_links import ExportLink
from shared.kit.requester_ids import RequesterIds

USED = "portal:everything"
router = APIRouter(route_class=PortalPageRoute, include_in_schema=False)


@router.get("/t/{token}/everything")
async def show_request(request: Request, token: Token, visit: VerifiedLink, state: State) -> Response:
    """Offers to mail the link. Raises Problem 403 for links that were not mailed."""
    _only_mailed(visit)
    return state.pages.render(
        request,
        "everything.html",
        action=f"/t/{token}/everything",
        email=visit.link.email,
        is_sent=False,
        is_ready=False,
    )


@router.post("/t/{token}/everything")
async def request_export(request: Request, visit: VerifiedLink, state: State) -> Response:
    """Has the link mailed to the address of the visitor's link: a link to one ticket gives no more than its ticket."""
    await read_form(request, state)
    _only_mailed(visit)
    async with state.database.begin() as session:
        await request_export_link(session, visit, utc_now())
    return state.pages.render(request, "everything.html", email=visit.link.email, is_sent=True, is_ready=False)


async def export_of(token: Token, state: State) -> ExportLink:
    """The one-time link of the address. Raises Problem 404."""
    link = state.export_links.read(token)
    if link is None:
        raise link_not_valid()
    return link


VerifiedExportLink = Annotated[ExportLink, Depends(export_of)]


@router.get("/everything/{token}")
async def show_offer(request: Request, token: Token, link: VerifiedExportLink, state: State) -> Response:
    """Asks before handing out: programs that look through mails follow links, and would use this one up."""
    return state.pages.render(
        request, "everything.html", action=f"/everything/{token}", email=link.email, is_sent=False, is_ready=True
    )


@router.post("/everything/{token}")
async def download_export(request: Request, link: VerifiedExportLink, state: State) -> Response:
    """All that is held of the address, once."""
    await read_form(request, state)
    await state.form_limiter.check(None, rate_limit_key(request, state))
    await _use(state, link)
    async with state.database.begin() as session:
        found = await find_subject_data(session, RequesterIds(state.settings), link.email)
    return export_response(state.exporter, found)


async def _use(state: AppState, link: ExportLink) -> None:
    async with idempotent_transaction(state.database, USED, link.key, b"") as guarded:
        if guarded.stored:
            raise link_not_valid()
        await guarded.store(b"", HTTP_303_SEE_OTHER)


def _only_mailed(visit: LinkAccess) -> None:
    if not visit.link.is_mailed or visit.is_colleague:
        raise Problem(
            403,
            "address_not_proved",
            "this link did not come by mail; have one mailed to you under “Check ticket status” and use that",
        )
