"""Forms for a new requester and for a person's details and addresses."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request, Response

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import create
from services.assignment.commands.requesters.requesters import change_requester, create_requester
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.organisations import list_organisations
from services.assignment.queries.people.requesters import get_profile, may_join_addresses
from services.assignment.schemas.requesters import NewRequester, RequesterPatch, RequesterProfile
from services.assignment.web.admin.sections import AllowedAgent
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
from shared.contracts.vocabulary import Permission
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext
from shared.kit.requester_ids import RequesterIds

Creator = Annotated[Caller, Depends(AllowedAgent(Permission.TICKET_CREATE))]
Editor = Annotated[Caller, Depends(AllowedAgent(Permission.TICKET_EDIT))]
router = HttpRouter(prefix="/requesters", route_class=DeskPageRoute)


@router.get("/new")
async def show_new(request: Request, desk: TheDesk, context: State, caller: Creator) -> Response:
    """An empty form."""
    return await _form_page(request, desk, context, caller, None, fresh_form())


@router.post("/new")
async def post_new(request: Request, desk: TheDesk, context: State, caller: Creator, form: AdminForm) -> Response:
    """Adds the person, or shows the form again."""
    ids = RequesterIds(context.settings)
    try:
        async with refusals():
            body = NewRequester.model_validate(_fields(form))
            keyed = form.keyed(caller, "/requesters/new")
            answer = await create(context, keyed, lambda session: create_requester(session, ids, caller, body))
    except FormRefused as refused:
        return await _form_page(request, desk, context, caller, None, refused_form(form, refused, form.typed))
    made = RequesterProfile.model_validate_json(bytes(answer.body))
    return desk.redirect(f"/requesters/{made.id}", ("success", gettext("%(name)s was added.", name=made.name)))


@router.get("/{requester_id}/edit")
async def show_edit(request: Request, desk: TheDesk, context: State, caller: Editor, requester_id: UUID) -> Response:
    """The form of one person. Raises Problem 404."""
    person = await _get(context, caller, requester_id)
    return await _form_page(request, desk, context, caller, person, fresh_form(_values_of(person)))


@router.post("/{requester_id}/edit")
async def post_edit(
    request: Request, desk: TheDesk, context: State, caller: Editor, requester_id: UUID, form: AdminForm
) -> Response:
    """Saves the form, or shows it again."""
    person = await _get(context, caller, requester_id)
    try:
        async with refusals():
            check_unchanged(form, person.version)
            sent = _fields(form)
            if not may_join_addresses(caller.principal):
                sent = {name: sent[name] for name in ("name", "phone")}
            await change_requester(context, caller, requester_id, RequesterPatch.model_validate(sent))
    except FormRefused as refused:
        return await _form_page(request, desk, context, caller, person, refused_form(form, refused, form.typed))
    return desk.redirect(f"/requesters/{requester_id}", ("success", gettext("Saved.")))


async def _get(context: AppState, caller: Caller, requester_id: UUID) -> RequesterProfile:
    async with context.database.begin() as session:
        return await get_profile(session, caller, requester_id)


async def _form_page(
    request: Request,
    desk: DeskPages,
    context: AppState,
    caller: Caller,
    person: RequesterProfile | None,
    view: FormView,
) -> Response:
    async with context.database.begin() as session:
        organisations = await list_organisations(session)
    return desk.render(
        request,
        "requesters/form.html",
        caller,
        view.status,
        notices=view.notices,
        person=person,
        view=view,
        organisations=[(str(one.id), one.name) for one in organisations],
        may_join=may_join_addresses(caller.principal),
    )


def _fields(form: SubmittedForm) -> dict[str, Any]:
    organisation_id = form.optional("organisation_id")
    return {
        "name": form.text("name"),
        "emails": tuple(form.text("emails").replace(",", " ").split()),
        "phone": form.optional("phone"),
        "organisation_id": organisation_id,
        "is_manager": organisation_id is not None and form.is_ticked("is_manager"),
    }


def _values_of(person: RequesterProfile) -> dict[str, Any]:
    organisation = person.organisation
    return {
        "name": person.name,
        "emails": "\n".join(person.emails),
        "phone": person.phone or "",
        "organisation_id": organisation.id if organisation and organisation.is_by_hand else "",
        "is_manager": "1" if person.is_manager else "",
        "version": person.version,
    }
