"""Administration page of event tokens: for programs that read the change feed or keep webhooks."""

from typing import Any
from uuid import UUID

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
    fresh_form,
    refusals,
    refuse_field,
    refused_form,
)
from services.assignment.web.admin.webhook_client import ask, with_instants
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, translated_options
from shared.kit.i18n.messages import marked as _

PATH = "/admin/event-tokens"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)
SCOPES = {
    "events": _("Read the change feed, but no notes"),
    "notes": _("Read the change feed, and notes among agents"),
    "webhooks": _("Add, change and remove webhooks"),
}


@router.get("")
async def show_tokens(request: Request, desk: TheDesk, context: State, caller: NotificationPageCaller) -> Response:
    """Lists all tokens without their secrets. Raises Problem 503 while notification is away."""
    return await _page(request, desk, context, caller, fresh_form({"scopes": ["events"]}))


@router.post("")
async def post_token(
    request: Request, desk: TheDesk, context: State, caller: NotificationPageCaller, form: AdminForm
) -> Response:
    """Makes a token and shows it, or the form again with what is wrong."""
    key = form.keyed(caller, PATH).key
    try:
        async with refusals():
            if not form.all("scopes"):
                raise refuse_field("scopes", gettext("Choose what the program may do."))
            last = instant_in(f"{day}T23:59" if (day := form.text("expires_at")) else "")
            body = {"name": form.text("name"), "scopes": form.all("scopes"), "expires_at": last}
            headers = {"Idempotency-Key": key} if key else {}
            made = await ask(context, caller, "POST", "/event-tokens", body, headers=headers)
    except FormRefused as refused:
        view = refused_form(form, refused, form.typed | {"scopes": form.all("scopes")})
        return await _page(request, desk, context, caller, view)
    return await _page(request, desk, context, caller, fresh_form({"scopes": ["events"]}), made=made)


@router.post("/{token_id}/revoke")
async def post_revocation(
    desk: TheDesk, context: State, caller: NotificationPageCaller, token_id: UUID, _: AdminForm
) -> Response:
    """Ends a token for good."""
    await ask(context, caller, "DELETE", f"/event-tokens/{token_id}")
    return desk.redirect(PATH, ("success", gettext("The token is refused from its next request on.")))


async def _page(
    request: Request,
    desk: DeskPages,
    context: AppState,
    caller: Caller,
    view: FormView,
    made: dict[str, Any] | None = None,
) -> Response:
    found = (await ask(context, caller, "GET", "/event-tokens"))["items"]
    return desk.render(
        request,
        "admin/event_tokens.html",
        caller,
        view.status,
        notices=view.notices,
        view=view,
        made=made,
        tokens=[with_instants(one) for one in found],
        scopes=dict(translated_options(SCOPES.items())),
    )
