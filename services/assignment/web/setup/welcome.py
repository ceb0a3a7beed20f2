"""Page of the one-time set-up link: creates the first administrator and signs them in."""

from typing import Annotated

from fastapi import Path, Request, Response

from services.assignment.access.request_origin import visit_of
from services.assignment.deps import State
from services.assignment.setup.first_administrator import FirstAdministrator, LinkNotValid, create_first_administrator
from services.assignment.setup.links import find_link
from services.assignment.web.admin.submitted_form import (
    AdminForm,
    FormRefused,
    FormView,
    fresh_form,
    refusals,
    refused_form,
)
from services.assignment.web.page_base import SESSION_COOKIE, DeskPageRoute, DeskPages, TheDesk
from shared.contracts.vocabulary import Channel
from shared.kit.clock import utc_now
from shared.kit.http.problems import Problem
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext

router = HttpRouter(prefix="/welcome", route_class=DeskPageRoute)
Token = Annotated[str, Path(max_length=128)]
FIELDS = ("organisation", "team", "name", "email")


@router.get("/{token}")
async def show_welcome(request: Request, desk: TheDesk, context: State, token: Token) -> Response:
    """The form. Raises Problem 404 for a link that was used, is too old, or never was one."""
    async with context.database.begin() as session:
        if await find_link(session, token, utc_now()) is None:
            raise link_used()
    return _page(request, desk, token, fresh_form({"team": gettext("Service desk")}))


@router.post("/{token}")
async def post_welcome(request: Request, desk: TheDesk, context: State, token: Token, form: AdminForm) -> Response:
    """Makes the administrator and leads them on, or shows the form again."""
    try:
        async with refusals():
            sent = {name: form.text(name) for name in FIELDS} | {"password": form.raw("password")}
            visit = visit_of(request, context.settings, Channel.DESK, desk.pages.cookie(request, SESSION_COOKIE))
            signed_in = await create_first_administrator(context, token, FirstAdministrator.model_validate(sent), visit)
    except LinkNotValid:
        raise link_used() from None
    except FormRefused as refused:
        return _page(request, desk, token, refused_form(form, refused, form.typed))
    desk.organisation.set(form.text("organisation"))
    response = desk.redirect("/setup")
    desk.open_session(response, signed_in)
    return response


def link_used() -> Problem:
    """The same for all links that do not work."""
    detail = "this link was used or is too old; `everdesk setup-link` prints a new one while nobody can sign in yet"
    return Problem(404, "link_not_valid", detail)


def _page(request: Request, desk: DeskPages, token: str, view: FormView) -> Response:
    page = desk.render(request, "setup/welcome.html", None, view.status, notices=view.notices, view=view, token=token)
    page.headers["Referrer-Policy"] = "same-origin"
    return page
