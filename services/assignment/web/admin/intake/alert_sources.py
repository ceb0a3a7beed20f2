"""Administration page for how the alerts of an API key are treated."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response

from services.assignment.app_state import AppState
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.web.admin.intake.admin_client import ask, every
from services.assignment.web.admin.intake.api_keys import PATH, KeyId
from services.assignment.web.admin.sections import IntakePageCaller
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
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, translated_options
from shared.kit.i18n.messages import marked as _

router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)
RECOVERIES = [
    ("resolve", _("Resolve the ticket")),
    ("note", _("Say so in a message")),
    ("nothing", _("Do nothing")),
]


@router.get("/{key_id}/alerts")
async def show_alert_source(
    request: Request, desk: TheDesk, context: State, caller: IntakePageCaller, key_id: KeyId
) -> Response:
    """How the key's alerts are treated. Raises Problem 404."""
    found = await _get(context, caller, key_id)
    values = found | {"topic": found["topic"] or "", "priorities": _as_lines(found["priorities"])}
    return await _page(request, desk, context, caller, found, fresh_form(values))


@router.post("/{key_id}/alerts")
async def post_alert_source(
    request: Request, desk: TheDesk, context: State, caller: IntakePageCaller, key_id: KeyId, form: AdminForm
) -> Response:
    """Saves it, or shows the page again with the unsaved input."""
    found = await _get(context, caller, key_id)
    try:
        async with refusals():
            check_unchanged(form, found["version"])
            path, content = f"/alert-sources/{key_id}", _content(form)
            await ask(context, caller, "PUT", path, content, version=found["version"])
    except FormRefused as refused:
        return await _page(request, desk, context, caller, found, refused_form(form, refused, form.typed))
    return desk.redirect(
        f"{PATH}/{key_id}/alerts", ("success", gettext("Alerts of %(name)s: saved.", name=found["name"]))
    )


async def _get(context: AppState, caller: Caller, key_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await ask(context, caller, "GET", f"/alert-sources/{key_id}")).body
    return found


async def _page(
    request: Request, desk: DeskPages, context: AppState, caller: Caller, found: Mapping[str, Any], view: FormView
) -> Response:
    topics = [
        (topic["slug"], topic["name"])
        for topic in await every(context, caller, "/topics")
        if topic["is_active"] or topic["slug"] == found["topic"]
    ]
    return desk.render(
        request,
        "admin/alert_source.html",
        caller,
        view.status,
        notices=view.notices,
        source=found,
        view=view,
        topics=topics,
        recoveries=translated_options(RECOVERIES),
    )


def _content(form: SubmittedForm) -> dict[str, Any]:
    limit = form.number("storm_limit")
    if limit is None:
        raise refuse_field("storm_limit", gettext("Write a whole number, such as 30."))
    return {
        "on_recovery": form.text("on_recovery"),
        "topic": form.optional("topic"),
        "priorities": _priorities(form.raw("priorities")),
        "storm_limit": limit,
    }


def _as_lines(priorities: Mapping[str, str]) -> str:
    return "\n".join(f"{severity} = {priority}" for severity, priority in sorted(priorities.items()))


def _priorities(text: str) -> dict[str, str]:
    """The priority for each severity, one to a line. Raises FormRefused."""
    found: dict[str, str] = {}
    for line in filter(None, (line.strip() for line in text.split("\n"))):
        severity, sign, priority = (part.strip() for part in line.rpartition("="))
        if not (severity and sign):
            raise refuse_field(
                "priorities", gettext("Write a severity and a priority on each line, such as sev1 = urgent.")
            )
        found[severity] = priority.lower()
    return found
