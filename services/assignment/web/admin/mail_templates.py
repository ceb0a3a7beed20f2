"""Administration pages of mail templates: edit, preview with a ticket, versions, reset."""

from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from fastapi import Request, Response
from markupsafe import Markup

from services.assignment.app_state import AppState
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.web.admin.sections import NotificationPageCaller
from services.assignment.web.admin.submitted_form import (
    AdminForm,
    FormRefused,
    FormView,
    SubmittedForm,
    fresh_form,
    refusals,
    refuse_field,
    refused_form,
)
from services.assignment.web.admin.template_diff import with_differences
from services.assignment.web.admin.webhook_client import ask
from services.assignment.web.notification_labels import label_of_template
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from shared.contracts.vocabulary import BodyFormat
from shared.kit.http.problems import Problem
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.languages import LANGUAGES
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

PATH = "/admin/notification/templates"
AUDIENCES = {
    "requester": _("Requesters"),
    "guest": _("People in copy"),
    "agent": _("Agents"),
    "third_party": _("Third parties"),
    "account": _("Accounts"),
}
PARTS = ("subject", "html", "text")
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)


@router.get("")
async def show_templates(request: Request, desk: TheDesk, context: State, caller: NotificationPageCaller) -> Response:
    """Lists every kind of mail. Raises Problem 503 while the notification service is away."""
    items = (await ask(context, caller, "GET", "/templates"))["items"]
    return desk.render(
        request,
        "admin/mail_templates.html",
        caller,
        languages=_languages(context),
        label_of=label_of_template,
        audiences=[
            (gettext(label), [one for one in items if one["audience"] == kind]) for kind, label in AUDIENCES.items()
        ],
    )


@router.get("/{name}/{language}")
async def show_template(
    request: Request, desk: TheDesk, context: State, caller: NotificationPageCaller, name: str, language: str
) -> Response:
    """Shows the form with what is in force. Raises Problem 404."""
    current = await ask(context, caller, "GET", _api(name, language))
    view = fresh_form({part: current[part] for part in PARTS} | {"version": str(current["version"])})
    return await _page(request, desk, context, caller, current, view)


@router.post("/{name}/{language}")
async def post_template(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: NotificationPageCaller,
    name: str,
    language: str,
    form: AdminForm,
) -> Response:
    """Saves a version, or shows the form again: with what is wrong, or with a preview."""
    current = await ask(context, caller, "GET", _api(name, language))
    parts = {part: form.raw(part) for part in PARTS}
    try:
        async with refusals():
            if form.is_ticked("preview"):
                shown = await _preview(context, caller, _api(name, language), form, parts)
                view = FormView(form.typed | parts, form_id=form.text("form_id"))
                return await _page(request, desk, context, caller, current, view, shown)
            await ask(context, caller, "PUT", _api(name, language), parts, headers=_if_match(form))
    except FormRefused as refused:
        view = refused_form(form, _stale(refused, current), form.typed | parts)
        return await _page(request, desk, context, caller, current, view)
    return desk.redirect(
        _path(name, language), ("success", gettext("The template is saved. The next mail is written with it."))
    )


@router.post("/{name}/{language}/reset")
async def post_reset(
    desk: TheDesk, context: State, caller: NotificationPageCaller, name: str, language: str, _: AdminForm
) -> Response:
    """Goes back to the shipped default."""
    await ask(context, caller, "DELETE", _api(name, language))
    return desk.redirect(_path(name, language), ("success", gettext("The shipped default is in force again.")))


@router.post("/{name}/{language}/versions/{version}/restore")
async def post_restore(
    desk: TheDesk,
    context: State,
    caller: NotificationPageCaller,
    name: str,
    language: str,
    version: int,
    _: AdminForm,
) -> Response:
    """Makes an earlier version the newest."""
    await ask(context, caller, "POST", f"{_api(name, language)}/versions/{version}/restore")
    return desk.redirect(
        _path(name, language), ("success", gettext("Version %(version)s is in force again.", version=version))
    )


async def _preview(
    context: AppState, caller: Caller, path: str, form: SubmittedForm, parts: dict[str, str]
) -> dict[str, Any]:
    """Returns the mail as it would be sent. Raises FormRefused for a ticket that the caller does not see."""
    ticket_id: UUID | None = None
    if form.text("ticket"):
        async with context.database.begin() as session:
            try:
                ticket_id = (await get_ticket(session, caller, form.text("ticket"))).ticket.id
            except Problem as problem:
                raise refuse_field("ticket", gettext("There is no such ticket, or you may not see it.")) from problem
    body = parts | {"ticket_id": str(ticket_id) if ticket_id else None}
    shown = await ask(context, caller, "POST", f"{path}/preview", body)
    words = shown["html"].partition("<body>")[2] or shown["html"]
    found: dict[str, Any] = shown | {"page": Markup((await context.renderer.show(words, BodyFormat.HTML)).html)}  # noqa: S704
    return found


def _stale(refused: FormRefused, current: dict[str, Any]) -> FormRefused:
    """Returns the refusal of a form that is older than what is in force, so that it can be sent once more."""
    if refused.status != 412:
        return refused
    notice = gettext("Somebody else saved a version after you opened the page. Compare it below, then save once more.")
    return FormRefused(412, (), notice, current["version"])


def _if_match(form: SubmittedForm) -> dict[str, str]:
    version = form.number("version")
    return {} if version is None else {"If-Match": f'"{version}"'}


def _api(name: str, language: str) -> str:
    return f"/templates/{quote(name, safe='')}/{quote(language, safe='')}"


def _path(name: str, language: str) -> str:
    return f"{PATH}/{quote(name, safe='')}/{quote(language, safe='')}"


def _languages(context: AppState) -> list[tuple[str, str]]:
    return [(tag, LANGUAGES[tag].name) for tag in context.settings.offered_languages]


async def _page(
    request: Request,
    desk: DeskPages,
    context: AppState,
    caller: Caller,
    current: dict[str, Any],
    view: FormView,
    preview: dict[str, Any] | None = None,
) -> Response:
    versions = (await ask(context, caller, "GET", f"{_api(current['name'], current['language'])}/versions"))["items"]
    for one in versions:
        one["at"] = datetime.fromisoformat(one["created_at"])
    return desk.render(
        request,
        "admin/mail_template.html",
        caller,
        view.status,
        notices=view.notices,
        view=view,
        current=current,
        label=label_of_template(current["name"]),
        path=_path(current["name"], current["language"]),
        languages=_languages(context),
        versions=with_differences(versions),
        preview=preview,
    )
