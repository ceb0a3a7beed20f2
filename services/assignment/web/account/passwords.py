"""Pages for requesting a password reset, and for setting a password through a mailed link."""

from typing import Annotated

from fastapi import Form, Path, Request, Response
from pydantic import SecretStr, ValidationError

from services.assignment.access.account_links import get_link_owner, request_reset, set_password
from services.assignment.app_state import AppState
from services.assignment.deps import State
from services.assignment.schemas.people import PasswordInput
from services.assignment.web.forms import errors_of
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from services.assignment.web.refusal_texts import refusal_text
from shared.kit.http.client_address import address_of
from shared.kit.http.form_tokens import check_form_token
from shared.kit.http.problems import Problem
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

router = HttpRouter(route_class=DeskPageRoute)
LinkToken = Annotated[str, Path(max_length=256)]
SENT = _("If an account has this address, a mail with a link is on its way. Look into your inbox.")


@router.get("/forgot-password")
async def show_forgot_password(request: Request, desk: TheDesk) -> Response:
    """The form for the address."""
    return desk.render(request, "account/forgot_password.html", None, email="", error="")


@router.post("/forgot-password")
async def post_forgot_password(
    request: Request,
    desk: TheDesk,
    context: State,
    email: Annotated[str, Form(max_length=254)] = "",
    csrf_token: Annotated[str, Form()] = "",
) -> Response:
    """Gives the same answer whether or not the account exists."""
    check_form_token(request, csrf_token)
    try:
        await request_reset(context, email.strip(), address_of(request, context.settings.trusted_proxies))
    except Problem as problem:
        values = {"email": email, "error": refusal_text(problem.detail)}
        page = desk.render(request, "account/forgot_password.html", None, problem.status, **values)
        page.headers.update(problem.headers)
        return page
    return desk.redirect("/", ("success", gettext(SENT)))


@router.get("/set-password/{token}")
async def show_set_password(request: Request, desk: TheDesk, context: State, token: LinkToken) -> Response:
    """The form; opening it does not consume the link. Raises Problem 410."""
    return await _page(request, desk, context, token)


@router.post("/set-password/{token}")
async def post_set_password(
    request: Request,
    desk: TheDesk,
    context: State,
    token: LinkToken,
    password: Annotated[SecretStr, Form(max_length=1024)] = SecretStr(""),
    csrf_token: Annotated[str, Form()] = "",
) -> Response:
    """Sets the password. The agent then signs in with it, and with the second factor if there is one."""
    check_form_token(request, csrf_token)
    try:
        new = PasswordInput(password=password).password.get_secret_value()
        await set_password(context, token, new, address_of(request, context.settings.trusted_proxies))
    except ValidationError as error:
        return await _page(request, desk, context, token, errors_of(error)[0][1], 422)
    except Problem as problem:
        if problem.status != 422:
            raise
        return await _page(request, desk, context, token, refusal_text(problem.errors[0]["detail"]), 422)
    return desk.redirect("/", ("success", gettext("Your password is set. Sign in with it.")))


async def _page(
    request: Request, desk: DeskPages, context: AppState, token: str, error: str = "", status: int = 200
) -> Response:
    owner = await get_link_owner(context, token)
    return desk.render(request, "account/set_password.html", None, status, owner=owner, error=error)
