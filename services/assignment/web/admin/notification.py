"""Administration page of notification: outgoing mail settings, templates, failed mails."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Request, Response

from services.assignment.app_state import AppState
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.web.admin.intake.admin_client import administrator
from services.assignment.web.admin.sections import NotificationPageCaller
from services.assignment.web.admin.submitted_form import (
    AdminForm,
    FormRefused,
    FormView,
    fresh_form,
    refusals,
    refused_form,
)
from services.assignment.web.admin.webhook_client import with_instants
from services.assignment.web.notification_labels import label_of_template
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext

PATH = "/admin/notification"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)
SHOWN = 50


@router.get("")
async def show_notification(
    request: Request, desk: TheDesk, context: State, caller: NotificationPageCaller
) -> Response:
    """Raises Problem 503 while the notification service is away."""
    return await _page(request, desk, context, caller, fresh_form())


@router.post("/test")
async def post_test(
    request: Request, desk: TheDesk, context: State, caller: NotificationPageCaller, form: AdminForm
) -> Response:
    """Sends a test mail, and shows what the mail server said if it refused."""
    try:
        async with refusals():
            await _ask(context, caller, "POST", "/v1/test-mails", {"to": form.text("to")})
    except FormRefused as refused:
        return await _page(request, desk, context, caller, refused_form(form, refused, form.typed))
    return desk.redirect(PATH, ("success", gettext("The mail server took a test mail for %(to)s.", to=form.text("to"))))


@router.post("/deliveries/{delivery_id}/retry")
async def post_retry(
    desk: TheDesk, context: State, caller: NotificationPageCaller, delivery_id: UUID, _: AdminForm
) -> Response:
    """Sends a failed mail once more."""
    await _ask(context, caller, "POST", f"/v1/deliveries/{delivery_id}/retry")
    return desk.redirect(PATH, ("success", gettext("The mail is sent once more.")))


async def _ask(
    context: AppState, caller: Caller, method: str, path: str, body: Any = None, **query: str
) -> dict[str, Any]:
    call = context.siblings.notification.call
    found: dict[str, Any] = (await call(administrator(caller), method, path, body, query=query)).body
    return found


async def _page(request: Request, desk: DeskPages, context: AppState, caller: Caller, view: FormView) -> Response:
    failed = await _ask(context, caller, "GET", "/v1/deliveries", status="failed", limit=str(SHOWN))
    mail = await _ask(context, caller, "GET", "/v1/mail-settings")
    return desk.render(
        request,
        "admin/notification.html",
        caller,
        view.status,
        notices=view.notices,
        view=view,
        label_of=label_of_template,
        mail=mail | {"circuit": with_instants(mail["circuit"])},
        failed=[one | {"at": datetime.fromisoformat(one["created_at"])} for one in failed["items"]],
        has_more=failed["next_cursor"] is not None,
    )
