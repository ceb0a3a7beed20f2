"""Administration pages of organisations: their domains and the SLA policy of their tickets."""

from typing import Any
from uuid import UUID

from fastapi import Request, Response

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import create
from services.assignment.commands.requesters.organisations import (
    change_organisation,
    create_organisation,
    delete_organisation,
)
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.administration.configuration import list_policies
from services.assignment.queries.people.organisations import get_organisation, list_organisations
from services.assignment.schemas.organisations import OrganisationInput, OrganisationPatch, OrganisationView
from services.assignment.web.admin.sections import SlaPageCaller
from services.assignment.web.admin.submitted_form import (
    AdminForm,
    FormRefused,
    FormView,
    SubmittedForm,
    check_unchanged,
    fresh_form,
    refusals,
    refused_form,
)
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, translated_options
from shared.kit.i18n.messages import marked as _

PATH = "/admin/organisations"
SHARING = [
    ("nobody", _("Nobody: everybody sees their own")),
    ("managers", _("Its managers")),
    ("members", _("All its people")),
]
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)


@router.get("")
async def show_organisations(request: Request, desk: TheDesk, context: State, caller: SlaPageCaller) -> Response:
    """All of them by name."""
    async with context.database.begin() as session:
        organisations = await list_organisations(session)
        policies = {policy.id: policy.name for policy in await list_policies(session)}
    return desk.render(request, "admin/organisations.html", caller, organisations=organisations, policies=policies)


@router.get("/new")
async def show_new(request: Request, desk: TheDesk, context: State, caller: SlaPageCaller) -> Response:
    """An empty form."""
    return await _form_page(request, desk, context, caller, None, fresh_form())


@router.post("/new")
async def post_new(request: Request, desk: TheDesk, context: State, caller: SlaPageCaller, form: AdminForm) -> Response:
    """Adds the organisation, or shows the form again."""
    try:
        async with refusals():
            body = OrganisationInput.model_validate(_fields(form))
            await create(context, form.keyed(caller, PATH), lambda session: create_organisation(session, body))
    except FormRefused as refused:
        return await _form_page(request, desk, context, caller, None, refused_form(form, refused, form.typed))
    return desk.redirect(PATH, ("success", gettext("%(name)s was added.", name=body.name)))


@router.get("/{organisation_id}")
async def show_one(
    request: Request, desk: TheDesk, context: State, caller: SlaPageCaller, organisation_id: UUID
) -> Response:
    """The form of one organisation. Raises Problem 404."""
    found = await _get(context, organisation_id)
    return await _form_page(request, desk, context, caller, found, fresh_form(_values_of(found)))


@router.post("/{organisation_id}")
async def post_changes(
    request: Request, desk: TheDesk, context: State, caller: SlaPageCaller, organisation_id: UUID, form: AdminForm
) -> Response:
    """Saves the form, or shows it again."""
    found = await _get(context, organisation_id)
    try:
        async with refusals():
            check_unchanged(form, found.version)
            body = OrganisationPatch.model_validate(_fields(form))
            await change_organisation(context, caller, organisation_id, body)
    except FormRefused as refused:
        return await _form_page(request, desk, context, caller, found, refused_form(form, refused, form.typed))
    return desk.redirect(
        PATH, ("success", gettext("%(name)s was saved. It counts for tickets to come.", name=form.text("name")))
    )


@router.post("/{organisation_id}/remove")
async def post_removal(
    desk: TheDesk, context: State, caller: SlaPageCaller, organisation_id: UUID, __: AdminForm
) -> Response:
    """Removes the organisation."""
    await delete_organisation(context, caller, organisation_id)
    return desk.redirect(PATH, ("success", gettext("The organisation was removed. Its tickets keep their SLA policy.")))


async def _get(context: AppState, organisation_id: UUID) -> OrganisationView:
    async with context.database.begin() as session:
        return await get_organisation(session, organisation_id)


async def _form_page(
    request: Request,
    desk: DeskPages,
    context: AppState,
    caller: Caller,
    organisation: OrganisationView | None,
    view: FormView,
) -> Response:
    async with context.database.begin() as session:
        policies = await list_policies(session)
    return desk.render(
        request,
        "admin/organisation.html",
        caller,
        view.status,
        notices=view.notices,
        organisation=organisation,
        view=view,
        sharing=translated_options(SHARING),
        policies=[(str(policy.id), policy.name) for policy in policies if policy.is_active],
    )


def _fields(form: SubmittedForm) -> dict[str, Any]:
    return {
        "name": form.text("name"),
        "domains": tuple(form.text("domains").replace(",", " ").split()),
        "policy_id": form.optional("policy_id"),
        "ticket_sharing": form.text("ticket_sharing") or "nobody",
    }


def _values_of(organisation: OrganisationView) -> dict[str, Any]:
    return {
        "name": organisation.name,
        "domains": ", ".join(organisation.domains),
        "policy_id": organisation.policy_id or "",
        "ticket_sharing": organisation.ticket_sharing,
        "version": organisation.version,
    }
