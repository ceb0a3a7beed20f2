"""Administration pages for webhooks: endpoints, their secret shown once, and what became of their deliveries."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Query, Request, Response

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
    refuse_field,
    refused_form,
)
from services.assignment.web.admin.webhook_client import STATES, STATUSES, ask, event_choices, with_instants
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, translated_options
from shared.kit.i18n.messages import marked as _

PATH = "/admin/webhooks"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)
OVERLAPS = [
    ("86400", _("24 hours")),
    ("3600", _("1 hour")),
    ("604800", _("7 days")),
    ("0", _("Not at all: stop it at once")),
]
WHICH = [("undelivered", _("What was not delivered")), ("all", _("Everything, also what was delivered"))]
SHOWN = "50"


@router.get("")
async def show_webhooks(request: Request, desk: TheDesk, context: State, caller: NotificationPageCaller) -> Response:
    """Lists all endpoints. Raises Problem 503 while notification is away."""
    found = (await ask(context, caller, "GET", "/webhooks"))["items"]
    return desk.render(
        request, "admin/webhooks.html", caller, webhooks=[with_instants(one) for one in found], states=STATES
    )


@router.get("/new")
async def show_new_webhook(request: Request, desk: TheDesk, caller: NotificationPageCaller) -> Response:
    """An empty form."""
    return _form_page(request, desk, caller, fresh_form({"types": ["ticket.*"]}))


@router.post("/new")
async def post_webhook(
    request: Request, desk: TheDesk, context: State, caller: NotificationPageCaller, form: AdminForm
) -> Response:
    """Adds an endpoint and shows its secret, or the form again with what is wrong."""
    key = form.keyed(caller, PATH).key
    try:
        async with refusals():
            made = await ask(context, caller, "POST", "/webhooks", _fields(form), headers=_keyed(key))
    except FormRefused as refused:
        values = form.typed | {"types": form.all("types")}
        return _form_page(request, desk, caller, refused_form(form, refused, values))
    return await WebhookPage(request, desk, context, caller, made["id"]).render(secret=made["secret"])


@router.get("/{webhook_id}")
async def show_webhook(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: NotificationPageCaller,
    webhook_id: UUID,
    status: Annotated[str, Query(max_length=16)] = "",
    cursor: Annotated[str | None, Query(max_length=1024)] = None,
) -> Response:
    """An endpoint with its deliveries, newest first. Raises Problem 404."""
    return await WebhookPage(request, desk, context, caller, webhook_id).render(status=status, cursor=cursor)


@router.post("/{webhook_id}")
async def post_changes(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: NotificationPageCaller,
    webhook_id: UUID,
    form: AdminForm,
) -> Response:
    """Saves name, address and events, unless somebody else has changed them since."""
    headers = {"If-Match": f'"{form.number("version")}"'} if form.number("version") is not None else {}
    try:
        async with refusals():
            await ask(context, caller, "PATCH", f"/webhooks/{webhook_id}", _fields(form), headers=headers)
    except FormRefused as refused:
        view = refused_form(form, refused, form.typed | {"types": form.all("types")})
        return await WebhookPage(request, desk, context, caller, webhook_id).render(view=view)
    return desk.redirect(f"{PATH}/{webhook_id}", ("success", gettext("The webhook is saved.")))


@router.post("/{webhook_id}/test")
async def post_test(
    request: Request, desk: TheDesk, context: State, caller: NotificationPageCaller, webhook_id: UUID, _: AdminForm
) -> Response:
    """Sends a test event, and shows what was answered."""
    result = await ask(context, caller, "POST", f"/webhooks/{webhook_id}/test")
    return await WebhookPage(request, desk, context, caller, webhook_id).render(result=result)


@router.post("/{webhook_id}/pause")
async def post_pause(
    desk: TheDesk, context: State, caller: NotificationPageCaller, webhook_id: UUID, _: AdminForm
) -> Response:
    """Stops sending; events wait."""
    await ask(context, caller, "POST", f"/webhooks/{webhook_id}/pause")
    return desk.redirect(f"{PATH}/{webhook_id}", ("success", gettext("The webhook is paused: events wait for it.")))


@router.post("/{webhook_id}/enable")
async def post_enable(
    desk: TheDesk, context: State, caller: NotificationPageCaller, webhook_id: UUID, _: AdminForm
) -> Response:
    """Sends again."""
    await ask(context, caller, "POST", f"/webhooks/{webhook_id}/enable")
    return desk.redirect(f"{PATH}/{webhook_id}", ("success", gettext("The webhook is active.")))


@router.post("/{webhook_id}/rotate")
async def post_rotation(
    request: Request, desk: TheDesk, context: State, caller: NotificationPageCaller, webhook_id: UUID, form: AdminForm
) -> Response:
    """Gives it a new secret and shows it."""
    body, key = {"overlap_seconds": form.number("overlap_seconds") or 0}, form.keyed(caller, PATH).key
    path = f"/webhooks/{webhook_id}/rotate-secret"
    made = await ask(context, caller, "POST", path, body, headers=_keyed(key))
    return await WebhookPage(request, desk, context, caller, webhook_id).render(secret=made["secret"])


@router.post("/{webhook_id}/remove")
async def post_removal(
    desk: TheDesk, context: State, caller: NotificationPageCaller, webhook_id: UUID, _: AdminForm
) -> Response:
    """Removes an endpoint with its deliveries."""
    await ask(context, caller, "DELETE", f"/webhooks/{webhook_id}")
    return desk.redirect(PATH, ("success", gettext("The webhook is removed.")))


@router.post("/{webhook_id}/replay")
async def post_replay(
    request: Request, desk: TheDesk, context: State, caller: NotificationPageCaller, webhook_id: UUID, form: AdminForm
) -> Response:
    """Counts a range of events, or sends it again once that was confirmed."""
    body = {
        "since": instant_in(form.text("since")),
        "until": instant_in(form.text("until")),
        "which": form.text("which") or "undelivered",
        "dry_run": form.text("do") != "send",
    }
    key = None if body["dry_run"] else form.keyed(caller, PATH).key
    try:
        async with refusals():
            path = f"/webhooks/{webhook_id}/replay"
            count = (await ask(context, caller, "POST", path, body, headers=_keyed(key)))["count"]
    except FormRefused as refused:
        again = refused_form(form, refused, form.typed)
        return await WebhookPage(request, desk, context, caller, webhook_id).render(replay=again)
    if body["dry_run"]:
        counted = fresh_form(form.typed | {"count": count})
        return await WebhookPage(request, desk, context, caller, webhook_id).render(replay=counted)
    told = (
        gettext("No event had to be sent again.")
        if count == 0
        else gettext("Events sent again: %(count)s.", count=count)
    )
    return desk.redirect(f"{PATH}/{webhook_id}", ("success", told))


@router.post("/{webhook_id}/deliveries/{delivery_id}/replay")
async def post_delivery_replay(
    desk: TheDesk, context: State, caller: NotificationPageCaller, webhook_id: UUID, delivery_id: UUID, _: AdminForm
) -> Response:
    """Sends one event again."""
    await ask(context, caller, "POST", f"/webhooks/{webhook_id}/deliveries/{delivery_id}/replay")
    return desk.redirect(f"{PATH}/{webhook_id}", ("success", gettext("The event is sent again.")))


@dataclass(frozen=True, slots=True)
class WebhookPage:
    """The page of one endpoint."""

    request: Request
    desk: DeskPages
    context: AppState
    caller: Caller
    webhook_id: UUID | str

    async def render(
        self,
        *,
        view: FormView | None = None,
        replay: FormView | None = None,
        secret: str | None = "",
        result: dict[str, Any] | None = None,
        status: str = "",
        cursor: str | None = None,
    ) -> Response:
        """`secret` is empty if none was made, None if this repeats the making of one."""
        path = f"/webhooks/{self.webhook_id}"
        webhook = with_instants(await ask(self.context, self.caller, "GET", path))
        chosen = status if status in STATUSES else ""
        wanted = {name: text for name, text in (("status", chosen), ("cursor", cursor)) if text}
        found = await ask(self.context, self.caller, "GET", f"{path}/deliveries", query={"limit": SHOWN, **wanted})
        following = wanted | {"cursor": found["next_cursor"] or ""}
        shown, again = view or fresh_form(webhook), replay or fresh_form({"which": "undelivered"})
        return self.desk.render(
            self.request,
            "admin/webhook.html",
            self.caller,
            max(shown.status, again.status),
            notices=[*shown.notices, *again.notices],
            view=shown,
            replay=again,
            webhook=webhook,
            secret=secret,
            result=result,
            deliveries=[with_instants(one) for one in found["items"]],
            next_url=f"{PATH}/{self.webhook_id}?{urlencode(following)}" if found["next_cursor"] else None,
            status_chosen=chosen,
            statuses=STATUSES,
            states=STATES,
            choices=event_choices(),
            overlaps=translated_options(OVERLAPS),
            which=translated_options(WHICH),
        )


def _form_page(request: Request, desk: DeskPages, caller: Caller, view: FormView) -> Response:
    return desk.render(
        request,
        "admin/webhook_new.html",
        caller,
        view.status,
        notices=view.notices,
        view=view,
        choices=event_choices(),
    )


def _fields(form: SubmittedForm) -> dict[str, Any]:
    types = form.all("types")
    if not types:
        raise refuse_field("types", gettext("Choose at least one event."))
    return {"name": form.text("name"), "url": form.text("url"), "types": types}


def _keyed(key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": key} if key else {}
