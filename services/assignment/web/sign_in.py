"""Signing in to the desk and out of it."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import SecretStr

from services.assignment.access.sessions import sign_out, sign_out_everywhere
from services.assignment.access.sign_in import sign_in
from services.assignment.access.visits import visit_of
from services.assignment.deps import State
from services.assignment.web.page_base import SESSION_COOKIE, DeskPageRoute, MaybeAgent, TheDesk
from shared.contracts.vocabulary import Channel
from shared.kit.http.form_tokens import check_form_token
from shared.kit.http.problems import Problem

router = APIRouter(route_class=DeskPageRoute)

QUEUE = "/queue"


def safe_path(path: str | None) -> str:
    """Where to go after signing in: a path of this site, never somebody else's."""
    is_ours = path and path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_ours and path else QUEUE


@router.get("/")
async def show_sign_in(
    request: Request, desk: TheDesk, caller: MaybeAgent, following: Annotated[str | None, Query(alias="next")] = None
) -> Response:
    """The sign-in page. An agent who is signed in is redirected to where they were going."""
    if caller is not None:
        return desk.redirect(safe_path(following))
    return desk.render(request, "sign_in.html", None, following=safe_path(following), email="", error="")


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
    """Sets the session cookie, or says what is wrong."""
    check_form_token(request, csrf_token)
    visit = visit_of(request, context.settings, Channel.DESK, request.cookies.get(SESSION_COOKIE))
    try:
        signed_in = await sign_in(context, email.strip(), password.get_secret_value(), visit)
    except Problem as problem:
        said = {"following": safe_path(following), "email": email, "error": problem.detail}
        page = desk.render(request, "sign_in.html", None, problem.status, **said)
        page.headers.update(problem.headers)
        return page
    response = desk.redirect(safe_path(following))
    lifetime = context.settings.session_hours * 3600
    desk.pages.set_cookie(response, SESSION_COOKIE, signed_in.token, max_age=lifetime)
    return response


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
    if caller is not None and everywhere:
        await sign_out_everywhere(context, caller.agent_id)
    elif caller is not None:
        await sign_out(context, caller.session_digest)
    said = "You are signed out everywhere." if everywhere else "You are signed out."
    response = desk.redirect("/", ("success", said))
    response.delete_cookie(SESSION_COOKIE, path="/")
    return response
