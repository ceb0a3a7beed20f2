"""Sign-in routes for the organisation's identity provider."""

from typing import Annotated

from fastapi import Depends, Form, Query, Request, Response
from starlette.responses import JSONResponse, RedirectResponse
from starlette.status import HTTP_303_SEE_OTHER

from services.assignment.access.single_sign_on.back_channel import end_as_told
from services.assignment.access.single_sign_on.connection import find_connection
from services.assignment.access.single_sign_on.flow import ProviderAnswer, begin_sign_on, finish_sign_on
from services.assignment.access.single_sign_on.keys import LASTS_SECONDS
from services.assignment.app_state import AppState
from services.assignment.deps import State
from services.assignment.identity_provider.refusal import SignOnRefused
from services.assignment.schemas.single_sign_on import FIRST
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from services.assignment.web.provider_sign_out import SIGNED_OUT_COOKIE, read_hint
from services.assignment.web.refusal_texts import refusal_text
from services.assignment.web.sign_in import desk_visit, enter, safe_path
from shared.kit.http.client_address import address_of, network_of
from shared.kit.http.problems import Problem, not_found
from shared.kit.http.rate_limits import RateLimiter
from shared.kit.http.routers import HttpRouter
from shared.kit.telemetry import log

PATH = "/sign-in/sso"
COOKIE = "everdesk_sign_on"
router = HttpRouter(route_class=DeskPageRoute)

Text = Annotated[str, Query(max_length=8192)]


def provider_number(request: Request) -> int:
    """The provider of a path; without one it is the first. Raises Problem 404."""
    text = request.path_params.get("provider", str(FIRST))
    if not (text.isascii() and text.isdecimal() and len(text) <= 4):
        raise not_found("provider")
    return int(text)


ProviderNumber = Annotated[int, Depends(provider_number)]


@router.get(f"{PATH}/{{provider}}/callback")
@router.get(f"{PATH}/callback")
async def show_arrival(
    request: Request,
    desk: TheDesk,
    context: State,
    number: ProviderNumber,
    state: Text = "",
    code: Text = "",
    iss: Annotated[str | None, Query(max_length=2000)] = None,
    error: Text = "",
) -> Response:
    """Where the provider sends the browser back to."""
    await _count(request, context)
    visit = desk_visit(request, desk, context.settings)
    answer = ProviderAnswer(desk.pages.cookie(request, COOKIE) or "", state, code, iss, error)
    try:
        arrival = await finish_sign_on(context, number, answer, visit)
    except SignOnRefused as refused:
        return _refused(request, desk, number, refused)
    except Problem as problem:
        return _page(request, desk, number, problem.status, refusal_text(problem.detail))
    response = enter(desk, arrival.outcome, safe_path(arrival.following))
    desk.pages.delete_cookie(response, COOKIE)
    return response


@router.get(f"{PATH}/sign-out")
async def show_sign_out(request: Request, desk: TheDesk, context: State) -> Response:
    """Ends the session at the provider too, after the one here: else the next click signs in again."""
    await _count(request, context)
    number, hint = read_hint(request, desk, context.settings)
    async with context.database.begin() as session:
        connection = await find_connection(session, context.settings, number)
    if connection is None or not connection.is_usable:
        return desk.redirect("/")
    try:
        provider = await context.provider.get(context.http_client, connection.view.issuer)
    except SignOnRefused:
        return desk.redirect("/")
    if provider.end_session_endpoint is None:
        return desk.redirect("/")
    place = provider.end_session_url(connection.view.client_id, context.settings.desk_url, hint)
    response = RedirectResponse(place, HTTP_303_SEE_OTHER, headers={"Cache-Control": "no-store"})
    desk.pages.delete_cookie(response, SIGNED_OUT_COOKIE)
    return response


@router.get(f"{PATH}/{{provider}}")
@router.get(PATH)
async def show_provider(
    request: Request,
    desk: TheDesk,
    context: State,
    number: ProviderNumber,
    following: Annotated[str | None, Query(alias="next")] = None,
) -> Response:
    """Sends the browser to a provider."""
    await _count(request, context)
    try:
        trip = await begin_sign_on(context, number, safe_path(following))
    except SignOnRefused as refused:
        return _refused(request, desk, number, refused)
    response = RedirectResponse(trip.url, HTTP_303_SEE_OTHER, headers={"Cache-Control": "no-store"})
    desk.pages.set_cookie(response, COOKIE, trip.cookie, max_age=LASTS_SECONDS)
    return response


@router.post(f"{PATH}/{{provider}}/back-channel-logout")
@router.post(f"{PATH}/back-channel-logout")
async def post_back_channel_logout(
    request: Request, context: State, number: ProviderNumber, logout_token: Annotated[str, Form()] = ""
) -> Response:
    """The provider says that a session there has ended (OpenID Connect Back-Channel Logout 1.0).

    The token proves itself, so neither session nor form token are asked for. Answers 200 once no session is left, and
    400 for a token that does not hold.
    """
    limiter: RateLimiter = request.app.state.back_channel_limiter
    address = address_of(request, context.settings.trusted_proxies)
    await limiter.check(None, network_of(address))
    headers = {"Cache-Control": "no-store"}
    try:
        await end_as_told(context, number, logout_token, address)
    except SignOnRefused as refused:
        log.warning("single_sign_on.logout_refused", reason=refused.reason, detail=refused.detail[:200])
        body = {"error": "invalid_request", "error_description": f"the logout token is not accepted: {refused.reason}"}
        return JSONResponse(body, 400, headers)
    return Response(status_code=200, headers=headers)


async def _count(request: Request, context: AppState) -> None:
    """Raises Problem 429."""
    limiter: RateLimiter = request.app.state.sign_on_limiter
    await limiter.check(None, network_of(address_of(request, context.settings.trusted_proxies)))


def _refused(request: Request, desk: DeskPages, number: int, refused: SignOnRefused) -> Response:
    """The sign-in page once more; why, only the log says."""
    log.warning("single_sign_on.refused", reason=refused.reason, detail=refused.detail[:200])
    return _page(request, desk, number, 503 if refused.reason == "away" else 403, refused.words)


def _page(request: Request, desk: DeskPages, number: int, status: int, words: str) -> Response:
    again = PATH if number == FIRST else f"{PATH}/{number}"
    page = desk.render(request, "sign_in_refused.html", None, status, words=words, again=again)
    desk.pages.delete_cookie(page, COOKIE)
    return page
