"""Administration page that sends deliveries again: a range is chosen, counted, and then sent."""

from typing import Any

from fastapi import Request, Response

from services.assignment.app_state import AppState
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.web.admin.intake.admin_client import instant_in
from services.assignment.web.admin.sections import NotificationPageCaller
from services.assignment.web.admin.submitted_form import (
    AdminForm,
    FormRefused,
    FormView,
    SubmittedForm,
    fresh_form,
    refusals,
    refused_form,
)
from services.assignment.web.admin.webhook_client import ask
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, translated_options
from shared.kit.i18n.messages import marked as _

PATH = "/admin/notification/replay"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)
REASONS = frozenset(
    {
        _("sent: what it said is not kept"),
        _("dropped: what it said is not kept"),
        _("replaced by a delivery to each person"),
        _("its recipient is not known yet: it is sent by itself"),
        _("being sent"),
        _("there is no such delivery"),
        _("mail to this address comes back: clear that first"),
        _("its chat room or on-call service is removed or switched off"),
    }
)
"""Why notification does not send something again, in its own words."""
STATES = [("failed", _("Failed: given up, or refused for good")), ("queued", _("Waiting for the next attempt"))]
CHANNELS = [("mail", _("Mail")), ("chat", _("Chat")), ("on_call", _("On-call"))]


@router.get("")
async def show_replay(request: Request, desk: TheDesk, context: State, caller: NotificationPageCaller) -> Response:
    """The form. Raises Problem 503 while the notification service is away."""
    return await _page(request, desk, context, caller, fresh_form({"status": "failed"}))


@router.post("")
async def post_replay(
    request: Request, desk: TheDesk, context: State, caller: NotificationPageCaller, form: AdminForm
) -> Response:
    """Counts what was chosen, or sends it again once that was confirmed."""
    is_confirmed = form.text("do") == "send"
    key = form.keyed(caller, PATH).key if is_confirmed else None
    body = _wanted(form) | {"dry_run": not is_confirmed}
    try:
        async with refusals():
            headers = {"Idempotency-Key": key} if key else {}
            found = await ask(context, caller, "POST", "/deliveries/replay", body, headers=headers)
    except FormRefused as refused:
        return await _page(request, desk, context, caller, refused_form(form, refused, form.typed))
    if is_confirmed:
        return desk.redirect(
            "/admin/notification", ("success", gettext("Deliveries sent again: %(count)s.", count=found["count"]))
        )
    return await _page(request, desk, context, caller, fresh_form(form.typed), found)


def _wanted(form: SubmittedForm) -> dict[str, Any]:
    chosen: dict[str, Any] = {"status": form.text("status") or "failed"}
    optional = {name: form.optional(name) for name in ("channel", "target_id")}
    optional |= {name: instant_in(form.text(name)) for name in ("since", "until")}
    return chosen | {name: value for name, value in optional.items() if value is not None}


async def _page(
    request: Request,
    desk: DeskPages,
    context: AppState,
    caller: Caller,
    view: FormView,
    found: dict[str, Any] | None = None,
) -> Response:
    targets = (await ask(context, caller, "GET", "/targets"))["items"]
    return desk.render(
        request,
        "admin/delivery_replay.html",
        caller,
        view.status,
        notices=view.notices,
        view=view,
        found=found,
        states=translated_options(STATES),
        channels=translated_options(CHANNELS),
        targets=[(one["id"], one["name"]) for one in targets],
    )
