"""The second step of signing in: a TOTP code, a recovery code, or a passkey."""

from typing import Annotated

from fastapi import Form, Query, Request, Response
from pydantic import SecretStr

from services.assignment.access.passkeys import MAX_CREDENTIAL
from services.assignment.access.second_step import finish_with_code, finish_with_passkey, view_second_step
from services.assignment.access.sessions import SignedIn
from services.assignment.app_state import AppState
from services.assignment.deps import State
from services.assignment.web.account.relying_party import party_of
from services.assignment.web.page_base import PENDING_COOKIE, SECOND_STEP, DeskPageRoute, DeskPages, TheDesk
from services.assignment.web.refusal_texts import refusal_sentence, refusal_text
from services.assignment.web.sign_in import QUEUE, desk_visit, enter, safe_path
from shared.kit.http.form_tokens import check_form_token
from shared.kit.http.problems import Problem
from shared.kit.http.routers import HttpRouter

router = HttpRouter(route_class=DeskPageRoute)
OVER = frozenset({"sign_in_expired", "wrong_credentials"})
"""Problem codes after which the sign-in starts again."""
Following = Annotated[str | None, Query(alias="next")]


@router.get(SECOND_STEP)
async def show_second_step(request: Request, desk: TheDesk, context: State, following: Following = None) -> Response:
    """The form for the second factor."""
    return await _page(request, desk, context, safe_path(following))


@router.post(SECOND_STEP)
async def post_second_step(
    request: Request,
    desk: TheDesk,
    context: State,
    code: Annotated[SecretStr, Form(max_length=64)] = SecretStr(""),
    credential: Annotated[str, Form(max_length=MAX_CREDENTIAL)] = "",
    following: Annotated[str, Form(alias="next")] = QUEUE,
    csrf_token: Annotated[str, Form()] = "",
) -> Response:
    """Opens the session, or shows the form with the error."""
    check_form_token(request, csrf_token)
    try:
        signed_in = await _finish(request, desk, context, code.get_secret_value(), credential)
    except Problem as problem:
        return await _page(request, desk, context, safe_path(following), problem)
    return enter(desk, signed_in, safe_path(following))


async def _finish(request: Request, desk: DeskPages, context: AppState, code: str, credential: str) -> SignedIn:
    token = desk.pages.cookie(request, PENDING_COOKIE) or ""
    visit, party = desk_visit(request, desk, context.settings), party_of(request, context.settings)
    if credential and party is not None:
        return await finish_with_passkey(context, token, credential, party, visit)
    return await finish_with_code(context, token, code, visit)


async def _page(
    request: Request, desk: DeskPages, context: AppState, following: str, problem: Problem | None = None
) -> Response:
    """The form with an error, or the sign-in page where no sign-in is pending."""
    token = desk.pages.cookie(request, PENDING_COOKIE) or ""
    try:
        if problem is not None and problem.code in OVER:
            raise problem
        view = await view_second_step(context, token, party_of(request, context.settings))
    except Problem as over:
        response = desk.redirect("/", ("danger", f"{refusal_sentence(over.detail)}."))
        desk.pages.delete_cookie(response, PENDING_COOKIE)
        return response
    status, error = (problem.status, refusal_text(problem.detail)) if problem else (200, "")
    page = desk.render(request, "account/second_step.html", None, status, view=view, following=following, error=error)
    if problem is not None:
        page.headers.update(problem.headers)
    return page
