"""Administration pages of announcements."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Request, Response

from services.assignment.app_state import AppState
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.web.admin.intake.admin_client import as_local, ask, every, instant_in
from services.assignment.web.admin.sections import IntakePageCaller
from services.assignment.web.admin.submitted_form import (
    AdminForm,
    FormRefused,
    FormView,
    SubmittedForm,
    fresh_form,
    refusals,
    refused_form,
)
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from shared.kit.clock import utc_now
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext

PATH = "/admin/announcements"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)


@router.get("")
async def show_announcements(request: Request, desk: TheDesk, context: State, caller: IntakePageCaller) -> Response:
    """Lists all announcements, latest start first."""
    found = await every(context, caller, "/announcements")
    now = utc_now()
    rows = [(one, _state_of(one, now)) for one in map(_with_instants, found)]
    return desk.render(request, "admin/announcements.html", caller, rows=rows)


@router.get("/new")
async def show_new_announcement(request: Request, desk: TheDesk, context: State, caller: IntakePageCaller) -> Response:
    """An empty form."""
    return await _form_page(request, desk, context, caller, None, fresh_form())


@router.post("/new")
async def post_announcement(
    request: Request, desk: TheDesk, context: State, caller: IntakePageCaller, form: AdminForm
) -> Response:
    """Creates the announcement, or shows the form again with errors or a preview."""
    if form.is_ticked("preview"):
        return await _form_page(request, desk, context, caller, None, _typed(form))
    try:
        async with refusals():
            key = form.keyed(caller, PATH).key
            await ask(context, caller, "POST", "/announcements", _fields(form), key=key)
    except FormRefused as refused:
        return await _form_page(request, desk, context, caller, None, refused_form(form, refused, form.typed))
    return desk.redirect(PATH, ("success", gettext("%(title)s was put up.", title=form.text("title"))))


@router.get("/{announcement_id}")
async def show_announcement(
    request: Request, desk: TheDesk, context: State, caller: IntakePageCaller, announcement_id: UUID
) -> Response:
    """The form of one announcement. Raises Problem 404."""
    found = (await ask(context, caller, "GET", f"/announcements/{announcement_id}")).body
    return await _form_page(request, desk, context, caller, found, fresh_form(_values_of(found)))


@router.post("/{announcement_id}")
async def post_changes(
    request: Request, desk: TheDesk, context: State, caller: IntakePageCaller, announcement_id: UUID, form: AdminForm
) -> Response:
    """Saves the announcement, or shows the form again with errors or a preview."""
    path = f"/announcements/{announcement_id}"
    found = (await ask(context, caller, "GET", path)).body
    if form.is_ticked("preview"):
        return await _form_page(request, desk, context, caller, found, _typed(form))
    try:
        async with refusals():
            _check_unchanged(form, found)
            await ask(context, caller, "PUT", path, _fields(form))
    except FormRefused as refused:
        view = refused_form(form, refused, form.typed | {"seen": found["updated_at"]})
        return await _form_page(request, desk, context, caller, found, view)
    return desk.redirect(PATH, ("success", gettext("%(title)s was saved.", title=form.text("title"))))


@router.post("/{announcement_id}/remove")
async def post_removal(
    desk: TheDesk, context: State, caller: IntakePageCaller, announcement_id: UUID, _: AdminForm
) -> Response:
    """Deletes the announcement."""
    await ask(context, caller, "DELETE", f"/announcements/{announcement_id}")
    return desk.redirect(
        PATH, ("success", gettext("The announcement was taken down. The audit log keeps what it said."))
    )


async def _form_page(
    request: Request,
    desk: DeskPages,
    context: AppState,
    caller: Caller,
    found: dict[str, Any] | None,
    view: FormView,
) -> Response:
    body = str(view.value("body"))
    preview = (await context.renderer.prose([body]))[body] if view.value("preview") and body.strip() else None
    return desk.render(
        request,
        "admin/announcement.html",
        caller,
        view.status,
        notices=view.notices,
        found=found,
        view=view,
        preview=preview,
    )


def _typed(form: SubmittedForm) -> FormView:
    return FormView(form.typed | {"body": form.raw("body")}, form_id=form.text("form_id"))


def _check_unchanged(form: SubmittedForm, found: dict[str, Any]) -> None:
    """Detects concurrent changes by the time of the last change: announcements have no version number."""
    if form.text("seen") != found["updated_at"]:
        text = gettext(
            "Somebody else changed this after you opened the page. Compare in another tab, then save once more."
        )
        raise FormRefused(412, (), text)


def _fields(form: SubmittedForm) -> dict[str, Any]:
    return {
        "title": form.text("title"),
        "body": form.raw("body").strip(),
        "is_urgent": form.is_ticked("is_urgent"),
        "starts_at": instant_in(form.text("starts_at")),
        "ends_at": instant_in(form.text("ends_at")),
    }


def _values_of(found: dict[str, Any]) -> dict[str, Any]:
    times = {name: as_local(found[name]) for name in ("starts_at", "ends_at")}
    return {name: found[name] for name in ("title", "body", "is_urgent")} | times | {"seen": found["updated_at"]}


def _with_instants(found: dict[str, Any]) -> dict[str, Any]:
    return found | {
        name: datetime.fromisoformat(found[name]) if found[name] else None for name in ("starts_at", "ends_at")
    }


def _state_of(found: dict[str, Any], now: datetime) -> tuple[str, str]:
    if found["ends_at"] and found["ends_at"] <= now:
        return (gettext("Over"), "neutral")
    return (gettext("Coming"), "info") if found["starts_at"] > now else (gettext("Shown now"), "ok")
