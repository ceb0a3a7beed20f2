"""Administration page of the installation: the organisation's name."""

from fastapi import Request, Response

from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.schemas.installation import InstallationPatch
from services.assignment.setup.naming import change_installation, get_installation
from services.assignment.web.admin.sections import AgentsPageCaller
from services.assignment.web.admin.submitted_form import (
    AdminForm,
    FormRefused,
    FormView,
    fresh_form,
    refusals,
    refused_form,
)
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext

PATH = "/admin/installation"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)


@router.get("")
async def show_installation(request: Request, desk: TheDesk, context: State, caller: AgentsPageCaller) -> Response:
    """The form."""
    async with context.database.begin() as session:
        now = await get_installation(session)
    return _page(request, desk, caller, fresh_form({"organisation": now.organisation, "version": str(now.version)}))


@router.post("")
async def post_installation(
    request: Request, desk: TheDesk, context: State, caller: AgentsPageCaller, form: AdminForm
) -> Response:
    """Saves the name, or shows the form again."""
    try:
        async with refusals():
            body = InstallationPatch.model_validate({"organisation": form.text("organisation")})
            saved = await change_installation(context, caller, body, form.number("version"))
    except FormRefused as refused:
        return _page(request, desk, caller, refused_form(form, refused, form.typed))
    desk.organisation.set(saved.organisation)
    return desk.redirect(PATH, ("success", gettext("The name was saved. All pages show it within a minute.")))


def _page(request: Request, desk: DeskPages, caller: Caller, view: FormView) -> Response:
    return desk.render(request, "admin/installation.html", caller, view.status, notices=view.notices, view=view)
