"""Pages for setting up and removing second factors. Agents whose role requires one are redirected here until done."""

from typing import Annotated
from uuid import UUID

import segno
from fastapi import Form, Request, Response
from markupsafe import Markup

from services.assignment.access import enrolment, totp
from services.assignment.access.passkeys import MAX_CREDENTIAL
from services.assignment.app_state import AppState
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.web.account.relying_party import party_of
from services.assignment.web.page_base import ENROLMENT, DeskPageRoute, DeskPages, FreshAgent, TheDesk
from services.assignment.web.refusal_texts import refusal_text
from services.assignment.web.sign_in import desk_visit
from shared.kit.http.form_tokens import check_form_token
from shared.kit.http.problems import Problem
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext

router = HttpRouter(prefix=ENROLMENT, route_class=DeskPageRoute)
Token = Annotated[str, Form()]
ACCOUNT = "/account"


@router.get("")
async def show_second_factor(request: Request, desk: TheDesk, context: State, caller: FreshAgent) -> Response:
    """The TOTP secret as QR code and text, and the button for a passkey."""
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
    """Enrols the app after checking its code."""
    check_form_token(request, csrf_token)
    try:
        done = await enrolment.add_app(context, caller, code, desk_visit(request, desk, context.settings))
    except Problem as problem:
        return await _page(request, desk, context, caller, {"code": refusal_text(problem.detail)}, problem.status)
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
    """Stores the passkey that the browser has created."""
    check_form_token(request, csrf_token)
    visit, party = desk_visit(request, desk, context.settings), party_of(request, context.settings)
    made = enrolment.NewPasskey(party, "".join(filter(str.isprintable, name)).strip(), credential)
    try:
        done = await enrolment.add_passkey(context, caller, made, visit)
    except Problem as problem:
        return await _page(request, desk, context, caller, {"credential": refusal_text(problem.detail)}, problem.status)
    return _done(request, desk, caller, done)


@router.post("/app/remove")
async def post_remove_app(
    request: Request, desk: TheDesk, context: State, caller: FreshAgent, csrf_token: Token = ""
) -> Response:
    """Removes the app."""
    check_form_token(request, csrf_token)
    await enrolment.remove_app(context, caller)
    return desk.redirect(ACCOUNT, ("success", gettext("The authenticator app was removed.")))


@router.post("/passkeys/{passkey_id}/remove")
async def post_remove_passkey(
    request: Request, desk: TheDesk, context: State, caller: FreshAgent, passkey_id: UUID, csrf_token: Token = ""
) -> Response:
    """Removes a passkey."""
    check_form_token(request, csrf_token)
    await enrolment.remove_passkey(context, caller, passkey_id)
    return desk.redirect(ACCOUNT, ("success", gettext("The passkey was removed.")))


@router.post("/recovery-codes")
async def post_recovery_codes(
    request: Request, desk: TheDesk, context: State, caller: FreshAgent, csrf_token: Token = ""
) -> Response:
    """Replaces the recovery codes and shows the new ones once."""
    check_form_token(request, csrf_token)
    codes = await enrolment.renew_recovery_codes(context, caller)
    return desk.render(request, "account/recovery_codes.html", caller, codes=codes)


def _done(request: Request, desk: DeskPages, caller: Caller, done: enrolment.Enrolled) -> Response:
    """Sets the new session token; shows recovery codes after the first factor."""
    if not done.recovery_codes:
        response: Response = desk.redirect(ACCOUNT, ("success", gettext("The second factor was added.")))
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
    """A QR code as SVG without inline styles, which the content security policy blocks."""
    code = segno.make(text, error="m", micro=False)
    svg = code.svg_inline(scale=5, border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None)
    return Markup(svg)  # noqa: S704 - made of squares, of nothing that anybody wrote
