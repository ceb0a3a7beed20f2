"""Setting up and removing second factors. Who owes one comes here first, and can go nowhere else until it is done."""

from typing import Annotated
from uuid import UUID

import segno
from fastapi import APIRouter, Form, Request, Response
from markupsafe import Markup

from services.assignment.access import enrolment, totp
from services.assignment.access.passkeys import MAX_CREDENTIAL
from services.assignment.app_state import AppState
from services.assignment.deps import State
from services.assignment.queries.callers import Caller
from services.assignment.web.account.relying_party import party_of
from services.assignment.web.page_base import ENROLMENT, DeskPageRoute, DeskPages, FreshAgent, TheDesk
from services.assignment.web.sign_in import desk_visit
from shared.kit.http.form_tokens import check_form_token
from shared.kit.http.problems import Problem

router = APIRouter(prefix=ENROLMENT, route_class=DeskPageRoute)
Token = Annotated[str, Form()]
ACCOUNT = "/account"


@router.get("")
async def show_second_factor(request: Request, desk: TheDesk, context: State, caller: FreshAgent) -> Response:
    """The app's secret as a picture and in letters, and the passkey button."""
    return await _page(request, desk, context, caller)


@router.post("/app")
async def post_app(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: FreshAgent,
    code: Annotated[str, Form(max_length=64)] = "",
    csrf_token: Token = "",
) -> Response:
    """Takes the app into use once it shows the right code."""
    check_form_token(request, csrf_token)
    try:
        done = await enrolment.add_app(context, caller, code, desk_visit(request, desk, context.settings))
    except Problem as problem:
        return await _page(request, desk, context, caller, {"code": problem.detail}, problem.status)
    return _done(request, desk, caller, done)


@router.post("/passkey")
async def post_passkey(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: FreshAgent,
    name: Annotated[str, Form(max_length=64)] = "",
    credential: Annotated[str, Form(max_length=MAX_CREDENTIAL)] = "",
    csrf_token: Token = "",
) -> Response:
    """Keeps the passkey that the browser has made."""
    check_form_token(request, csrf_token)
    visit, party = desk_visit(request, desk, context.settings), party_of(request, context.settings)
    made = enrolment.NewPasskey(party, "".join(filter(str.isprintable, name)).strip(), credential)
    try:
        done = await enrolment.add_passkey(context, caller, made, visit)
    except Problem as problem:
        return await _page(request, desk, context, caller, {"credential": problem.detail}, problem.status)
    return _done(request, desk, caller, done)


@router.post("/app/remove")
async def post_remove_app(
    request: Request, desk: TheDesk, context: State, caller: FreshAgent, csrf_token: Token = ""
) -> Response:
    """Takes the app out of use."""
    check_form_token(request, csrf_token)
    await enrolment.remove_app(context, caller)
    return desk.redirect(ACCOUNT, ("success", "The authenticator app was removed."))


@router.post("/passkeys/{passkey_id}/remove")
async def post_remove_passkey(
    request: Request, desk: TheDesk, context: State, caller: FreshAgent, passkey_id: UUID, csrf_token: Token = ""
) -> Response:
    """Takes a passkey out of use."""
    check_form_token(request, csrf_token)
    await enrolment.remove_passkey(context, caller, passkey_id)
    return desk.redirect(ACCOUNT, ("success", "The passkey was removed."))


@router.post("/recovery-codes")
async def post_recovery_codes(
    request: Request, desk: TheDesk, context: State, caller: FreshAgent, csrf_token: Token = ""
) -> Response:
    """Makes new recovery codes and shows them, this once."""
    check_form_token(request, csrf_token)
    codes = await enrolment.renew_recovery_codes(context, caller)
    return desk.render(request, "account/recovery_codes.html", caller, codes=codes)


def _done(request: Request, desk: DeskPages, caller: Caller, done: enrolment.Enrolled) -> Response:
    """The session goes on under a new token; recovery codes are shown with the first factor."""
    if not done.recovery_codes:
        response: Response = desk.redirect(ACCOUNT, ("success", "The second factor was added."))
    else:
        desk.take_over(request, done.signed_in)
        response = desk.render(request, "account/recovery_codes.html", caller, codes=done.recovery_codes)
    desk.open_session(response, done.signed_in)
    return response


async def _page(
    request: Request,
    desk: DeskPages,
    context: AppState,
    caller: Caller,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    party = party_of(request, context.settings)
    offer = await enrolment.offer(context, caller, party)
    return desk.render(
        request,
        "account/second_factor.html",
        caller,
        status,
        offer=offer,
        secret=totp.as_text(offer.secret) if offer.secret else "",
        picture=_picture(totp.uri_of(offer.secret, caller.email, "Everdesk")) if offer.secret else "",
        is_owed=caller.needs_second_factor,
        errors=errors or {},
    )


def _picture(text: str) -> Markup:
    """A QR code as SVG without styles, which the pages' policy would refuse."""
    code = segno.make(text, error="m", micro=False)
    svg = code.svg_inline(scale=5, border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None)
    return Markup(svg)  # noqa: S704 - made of squares, of nothing that anybody wrote
