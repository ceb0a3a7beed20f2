"""Signing in to the desk and out of it."""

from typing import Annotated
from urllib.parse import quote

from fastapi import Form, Query, Request, Response
from pydantic import SecretStr

from services.assignment.access.provider_sessions import find_provider_session
from services.assignment.access.request_origin import visit_of
from services.assignment.access.second_step import LASTS, SecondStep
from services.assignment.access.sessions import SignedIn, Visit, sign_out, sign_out_everywhere
from services.assignment.access.sign_in import sign_in
from services.assignment.access.single_sign_on.connection import usable_providers
from services.assignment.deps import State
from services.assignment.settings import AssignmentSettings
from services.assignment.web.page_base import (
    BROWSER_COOKIE,
    PENDING_COOKIE,
    SECOND_STEP,
    SESSION_COOKIE,
    DeskPageRoute,
    DeskPages,
    MaybeAgent,
    TheDesk,
)
from services.assignment.web.provider_sign_out import keep_hint, read_provider
from services.assignment.web.refusal_texts import refusal_text
from shared.contracts.vocabulary import Channel
from shared.kit.http.form_tokens import check_form_token
from shared.kit.http.problems import Problem
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

router = HttpRouter(route_class=DeskPageRoute)

QUEUE = "/queue"
AGAIN = _("Sign in once more: changing how you sign in takes a sign-in of the last 15 minutes.")


def safe_path(path: str | None) -> str:
    """Where to go after signing in: a path of this site, never somebody else's."""
    is_ours = path and path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_ours and path else QUEUE


def enter(desk: DeskPages, signed_in: SignedIn | SecondStep, path: str) -> Response:
    """Goes on as an agent who is signed in, or asks for the second factor first."""
    if isinstance(signed_in, SecondStep):
        response = desk.redirect(f"{SECOND_STEP}?next={quote(path, safe='/')}")
        desk.pages.set_cookie(response, PENDING_COOKIE, signed_in.token, max_age=round(LASTS.total_seconds()))
        return response
    response = desk.redirect(path)
    desk.open_session(response, signed_in)
    return response


def desk_visit(request: Request, desk: DeskPages, settings: AssignmentSettings) -> Visit:
    """Where a sign-in in a browser comes from, and the session that it takes the place of."""
    pages = desk.pages
    old_token, browser = pages.cookie(request, SESSION_COOKIE), pages.cookie(request, BROWSER_COOKIE)
    return visit_of(request, settings, Channel.DESK, old_token, browser)


@router.get("/")
async def show_sign_in(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: MaybeAgent,
    following: Annotated[str | None, Query(alias="next")] = None,
    again: Annotated[str, Query(max_length=3)] = "",
) -> Response:
    """The sign-in page. An agent who is signed in goes on to where they were going, unless asked to sign in again."""
    if caller is not None and not again:
        return desk.redirect(safe_path(following))
    notices = [("info", gettext(AGAIN))] if caller is not None else []
    email = caller.email if caller is not None else ""
    return desk.render(
        request,
        "sign_in.html",
        None,
        following=safe_path(following),
        email=email,
        error="",
        notices=notices,
        providers=await usable_providers(context),
        left_provider=read_provider(request, desk),
    )


@router.post("/sign-in")
async def post_sign_in(
    request: Request,
    desk: TheDesk,
    context: State,
    email: Annotated[str, Form(max_length=254)] = "",
    password: Annotated[SecretStr, Form()] = SecretStr(""),
    following: Annotated[str, Form(alias="next")] = QUEUE,
    csrf_token: Annotated[str, Form()] = "",
) -> Response:
    """Sets the session cookie, asks for the second factor, or says what is wrong."""
    check_form_token(request, csrf_token)
    try:
        visit = desk_visit(request, desk, context.settings)
        signed_in = await sign_in(context, email.strip(), password.get_secret_value(), visit)
    except Problem as problem:
        said = {
            "following": safe_path(following),
            "email": email,
            "error": refusal_text(problem.detail),
            "providers": await usable_providers(context),
        }
        page = desk.render(request, "sign_in.html", None, problem.status, **said)
        page.headers.update(problem.headers)
        return page
    return enter(desk, signed_in, safe_path(following))


@router.post("/sign-out")
async def post_sign_out(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: MaybeAgent,
    csrf_token: Annotated[str, Form()] = "",
    everywhere: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Ends the session, here and on the server; with `everywhere`, all sessions of the agent."""
    check_form_token(request, csrf_token)
    ended = await find_provider_session(context, caller.session_digest) if caller is not None else None
    if caller is not None and everywhere:
        await sign_out_everywhere(context, caller.agent_id)
    elif caller is not None:
        await sign_out(context, caller.session_digest)
    said = gettext("You are signed out everywhere.") if everywhere else gettext("You are signed out.")
    response = desk.redirect("/", ("success", said))
    desk.pages.delete_cookie(response, SESSION_COOKIE)
    if ended is not None:
        for provider in await usable_providers(context):
            if provider.issuer == ended.issuer:
                keep_hint(response, desk, provider.provider, ended)
    return response
