"""What people may have of themselves: everything, by a link that is mailed for it and works once."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.status import HTTP_303_SEE_OTHER

from services.intake.access.link_access import LinkAccess, link_not_valid
from services.intake.commands.request_access_link import request_export_link
from services.intake.deps import AppState, Parts
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
async def ask(request: Request, token: Token, visit: VerifiedLink, parts: Parts) -> Response:
    """Offers to mail the link. Raises Problem 403 for links that were not mailed."""
    _only_mailed(visit)
    return parts.pages.render(
        request,
        "everything.html",
        action=f"/t/{token}/everything",
        email=visit.link.email,
        is_sent=False,
        is_ready=False,
    )


@router.post("/t/{token}/everything")
async def send(request: Request, visit: VerifiedLink, parts: Parts) -> Response:
    """Has the link mailed to the address of the visitor's link: a link to one ticket gives no more than its ticket."""
    await read_form(request, parts)
    _only_mailed(visit)
    async with parts.database.begin() as session:
        await request_export_link(session, visit, utc_now())
    return parts.pages.render(request, "everything.html", email=visit.link.email, is_sent=True, is_ready=False)


async def export_of(token: Token, parts: Parts) -> ExportLink:
    """The one-time link of the address. Raises Problem 404."""
    link = parts.exports.read(token)
    if link is None:
        raise link_not_valid()
    return link


Exported = Annotated[ExportLink, Depends(export_of)]


@router.get("/everything/{token}")
async def offer(request: Request, token: Token, link: Exported, parts: Parts) -> Response:
    """Asks before handing out: programs that look through mails follow links, and would use this one up."""
    return parts.pages.render(
        request, "everything.html", action=f"/everything/{token}", email=link.email, is_sent=False, is_ready=True
    )


@router.post("/everything/{token}")
async def hand_out(request: Request, link: Exported, parts: Parts) -> Response:
    """All that is held of the address, once."""
    await read_form(request, parts)
    await parts.form_limiter.check(None, rate_limit_key(request, parts))
    await _use(parts, link)
    async with parts.database.begin() as session:
        found = await find_subject_data(session, RequesterIds(parts.settings), link.email)
    return export_response(parts.exporter, found)


async def _use(parts: AppState, link: ExportLink) -> None:
    async with idempotent_transaction(parts.database, USED, link.key, b"") as guarded:
        if guarded.stored:
            raise link_not_valid()
        await guarded.store(b"", HTTP_303_SEE_OTHER)


def _only_mailed(visit: LinkAccess) -> None:
    if not visit.link.is_mailed:
        raise Problem(
            403,
            "address_not_proved",
            "this link did not come by mail; have one mailed to you under “Check ticket status” and use that",
        )
