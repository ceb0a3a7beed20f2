"""Administration pages for API keys of client programs; a secret is shown once."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Request, Response

from services.assignment.app_state import AppState
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.web.admin.intake.admin_client import ask, every, instant_in
from services.assignment.web.admin.sections import IntakePageCaller
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
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, translated_options
from shared.kit.i18n.messages import marked as _

PATH = "/admin/api-keys"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)

KeyId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]
SCOPES = {
    "create": _("Submit tickets"),
    "read": _("Read the tickets it submitted"),
    "reply": _("Write in them"),
    "alert": _("Report alerts of a monitoring system"),
    "admin": _("Set up topics, announcements, bans and keys"),
}
OVERLAPS = [
    ("86400", _("24 hours")),
    ("3600", _("1 hour")),
    ("604800", _("7 days")),
    ("0", _("Not at all: stop it at once")),
]
STATES = {"active": _("Active"), "expired": _("Expired"), "revoked": _("Revoked")}
ONCE = _("Copy it now: it is not shown again, and nobody can look it up.")


@router.get("")
async def show_keys(request: Request, desk: TheDesk, context: State, caller: IntakePageCaller) -> Response:
    """Lists all keys without their secrets."""
    keys = [_with_instants(key) for key in await every(context, caller, "/api-keys")]
    return desk.render(request, "admin/api_keys.html", caller, keys=keys, states=STATES)


@router.get("/new")
async def show_new_key(request: Request, desk: TheDesk, caller: IntakePageCaller) -> Response:
    """An empty form."""
    return _form_page(request, desk, caller, fresh_form({"scopes": ["create", "read", "reply"]}))


@router.post("/new")
async def post_key(
    request: Request, desk: TheDesk, context: State, caller: IntakePageCaller, form: AdminForm
) -> Response:
    """Creates a key and shows its secret, or shows the form again with errors."""
    try:
        async with refusals():
            key = form.keyed(caller, PATH).key
            made = (await ask(context, caller, "POST", "/api-keys", _fields(form), key=key)).body
    except FormRefused as refused:
        values = form.typed | {"scopes": form.all("scopes")}
        return _form_page(request, desk, caller, refused_form(form, refused, values))
    return desk.render(request, "admin/api_key.html", caller, key=_with_instants(made), **_words(made.get("key")))


@router.get("/{key_id}")
async def show_key(
    request: Request, desk: TheDesk, context: State, caller: IntakePageCaller, key_id: KeyId
) -> Response:
    """One key with its actions. Raises Problem 404."""
    return desk.render(request, "admin/api_key.html", caller, key=await _get(context, caller, key_id), **_words())


@router.post("/{key_id}/rotate")
async def post_rotation(
    request: Request, desk: TheDesk, context: State, caller: IntakePageCaller, key_id: KeyId, form: AdminForm
) -> Response:
    """Rotates the key's secret and shows the new one."""
    body, key = {"overlap_seconds": form.number("overlap_seconds") or 0}, form.keyed(caller, PATH).key
    made = (await ask(context, caller, "POST", f"/api-keys/{key_id}/rotate", body, key=key)).body
    return desk.render(request, "admin/api_key.html", caller, key=_with_instants(made), **_words(made.get("key")))


@router.post("/{key_id}/revoke")
async def post_revocation(
    desk: TheDesk, context: State, caller: IntakePageCaller, key_id: KeyId, _: AdminForm
) -> Response:
    """Revokes the key permanently."""
    name = (await ask(context, caller, "POST", f"/api-keys/{key_id}/revoke")).body["name"]
    return desk.redirect(PATH, ("success", gettext("The key %(name)s stops working within seconds.", name=name)))


async def _get(context: AppState, caller: Caller, key_id: str) -> dict[str, Any]:
    return _with_instants((await ask(context, caller, "GET", f"/api-keys/{key_id}")).body)


def _form_page(request: Request, desk: DeskPages, caller: Caller, view: FormView) -> Response:
    return desk.render(
        request,
        "admin/api_key_new.html",
        caller,
        view.status,
        notices=view.notices,
        view=view,
        scopes=dict(translated_options(SCOPES.items())),
    )


def _words(secret: str | None = "") -> dict[str, Any]:
    """Template values; `secret` is empty if none was created, None if this repeats an earlier creation."""
    return {"secret": secret, "once": gettext(ONCE), "states": STATES, "overlaps": translated_options(OVERLAPS)}


def _fields(form: SubmittedForm) -> dict[str, Any]:
    limit = form.text("per_minute")
    if limit and form.number("per_minute") is None:
        raise refuse_field("per_minute", gettext("Write a whole number, such as 600, or leave it empty."))
    fields = {"name": form.text("name"), "scopes": form.all("scopes"), "cidrs": form.text("cidrs").split()}
    expires_at = instant_in(f"{day}T23:59" if (day := form.text("expires_at")) else "")
    return fields | {"per_minute": form.number("per_minute"), "expires_at": expires_at}


def _with_instants(key: dict[str, Any]) -> dict[str, Any]:
    times = ("created_at", "expires_at", "last_used_at", "previous_until")
    return key | {name: datetime.fromisoformat(key[name]) if key[name] else None for name in times}
