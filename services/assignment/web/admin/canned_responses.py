"""Administration pages of canned responses, with a preview for a ticket."""

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Query, Request, Response
from markupsafe import Markup

from services.assignment.app_state import AppState
from services.assignment.canned_variables import EXAMPLES, VARIABLES, fill_in
from services.assignment.commands.configuration.administration import create
from services.assignment.commands.configuration.canned_responses import (
    change_canned_response,
    create_canned_response,
    delete_canned_response,
)
from services.assignment.deps import State
from services.assignment.models import CannedResponse
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.administration.canned_responses import page_of_responses, values_for, view_of
from services.assignment.queries.people.people import list_teams
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.schemas.canned_responses import (
    CannedResponseInput,
    CannedResponsePatch,
    CannedResponseView,
)
from services.assignment.web.admin.sections import CannedPageCaller
from services.assignment.web.admin.submitted_form import (
    AdminForm,
    FormRefused,
    FormView,
    SubmittedForm,
    check_unchanged,
    fresh_form,
    refusals,
    refuse_field,
    refused_form,
)
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from shared.kit.http.problems import Problem, not_found
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext

PATH = "/admin/canned-responses"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)


@router.get("")
async def show_responses(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: CannedPageCaller,
    q: Annotated[str, Query(max_length=254)] = "",
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> Response:
    """A page of canned responses by title and whom they are for, or of those with some words in them."""
    words = q.strip() if q.isprintable() else ""
    async with context.database.begin() as session:
        found, has_more = await page_of_responses(session, caller, words, page)
        teams = {team.id: team.name for team in await list_teams(session)}
    following = {"q": words, "page": str(page + 1)}
    return desk.render(
        request,
        "admin/canned_responses.html",
        caller,
        responses=found,
        teams=teams,
        words=words,
        total=len(found) or bool(words) or page > 1,
        next_url=f"{PATH}?{urlencode(following)}" if has_more else None,
    )


@router.get("/new")
async def show_new_response(request: Request, desk: TheDesk, context: State, caller: CannedPageCaller) -> Response:
    """An empty form."""
    return await _form_page(request, desk, context, caller, None, fresh_form())


@router.post("/new")
async def post_response(
    request: Request, desk: TheDesk, context: State, caller: CannedPageCaller, form: AdminForm
) -> Response:
    """Adds the canned response, or shows the form again, also to preview it."""
    try:
        async with refusals():
            body = CannedResponseInput.model_validate(_fields(form))
            if form.is_ticked("preview"):
                return await _preview_page(request, desk, context, caller, None, form)
            await create(
                context, form.keyed(caller, PATH), lambda session: create_canned_response(context, session, body)
            )
    except FormRefused as refused:
        return await _form_page(request, desk, context, caller, None, refused_form(form, refused, form.typed))
    return desk.redirect(PATH, ("success", gettext("%(title)s was added.", title=body.title)))


@router.get("/{response_id}")
async def show_response(
    request: Request, desk: TheDesk, context: State, caller: CannedPageCaller, response_id: UUID
) -> Response:
    """The form of one canned response. Raises Problem 404."""
    response = await _get_response(context, response_id)
    values = response.model_dump(include={"title", "body", "version"}) | {"team_id": response.team_id or ""}
    return await _form_page(request, desk, context, caller, response, fresh_form(values))


@router.post("/{response_id}")
async def post_changes(
    request: Request, desk: TheDesk, context: State, caller: CannedPageCaller, response_id: UUID, form: AdminForm
) -> Response:
    """Saves the form, or shows it again, also to preview it."""
    response = await _get_response(context, response_id)
    try:
        async with refusals():
            body = CannedResponsePatch.model_validate(_fields(form))
            if form.is_ticked("preview"):
                return await _preview_page(request, desk, context, caller, response, form)
            check_unchanged(form, response.version)
            await change_canned_response(context, caller, response_id, body)
    except FormRefused as refused:
        return await _form_page(request, desk, context, caller, response, refused_form(form, refused, form.typed))
    return desk.redirect(PATH, ("success", gettext("%(title)s was saved.", title=body.title)))


@router.post("/{response_id}/remove")
async def post_removal(
    desk: TheDesk, context: State, caller: CannedPageCaller, response_id: UUID, _: AdminForm
) -> Response:
    """Removes the canned response."""
    response = await _get_response(context, response_id)
    await delete_canned_response(context, caller, response_id)
    return desk.redirect(
        PATH, ("success", gettext("%(title)s was removed. The audit log keeps what it said.", title=response.title))
    )


async def _get_response(context: AppState, response_id: UUID) -> CannedResponseView:
    async with context.database.begin() as session:
        stored = await session.get(CannedResponse, response_id)
    if stored is None:
        raise not_found("canned response")
    return view_of(stored)


async def _preview_page(
    request: Request,
    desk: DeskPages,
    context: AppState,
    caller: Caller,
    response: CannedResponseView | None,
    form: SubmittedForm,
) -> Response:
    """The form as it was typed, with what a requester would read below it. Saves nothing."""
    values = await _preview_values(context, caller, form.text("ticket"))
    body = form.raw("body")
    shown = (await context.renderer.prose([filled := fill_in(body, values)]))[filled]
    view = FormView(form.typed, form_id=form.text("form_id"))
    return await _form_page(request, desk, context, caller, response, view, shown)


async def _preview_values(context: AppState, caller: Caller, reference: str) -> dict[str, str]:
    """What the variables stand for. Raises FormRefused for a ticket that the caller does not see."""
    if not reference:
        return dict(EXAMPLES)
    async with context.database.begin() as session:
        try:
            ticket = (await get_ticket(session, caller, reference)).ticket
        except Problem as problem:
            raise refuse_field("ticket", gettext("There is no such ticket, or you may not see it.")) from problem
        return await values_for(session, caller, ticket)


async def _form_page(
    request: Request,
    desk: DeskPages,
    context: AppState,
    caller: Caller,
    response: CannedResponseView | None,
    view: FormView,
    preview: Markup | None = None,
) -> Response:
    async with context.database.begin() as session:
        teams = await list_teams(session)
    chosen = view.value("team_id")
    return desk.render(
        request,
        "admin/canned_response.html",
        caller,
        view.status,
        notices=view.notices,
        response=response,
        view=view,
        teams=[(str(team.id), team.name) for team in teams if team.is_active or str(team.id) == str(chosen)],
        variables=VARIABLES,
        preview=preview,
    )


def _fields(form: SubmittedForm) -> dict[str, Any]:
    return {"title": form.text("title"), "body": form.raw("body").strip(), "team_id": form.optional("team_id")}
