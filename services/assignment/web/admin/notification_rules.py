"""Administration page of the notification rules: a matrix of events, audiences and channels."""

from collections.abc import Iterable
from typing import Any

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
from services.assignment.web.notification_labels import AUDIENCE_LABELS, CHANNEL_LABELS, EVENT_LABELS
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext

PATH = "/admin/notification/rules"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)
CELL = "cell"
"""The field of the ticked boxes, each `<event>.<audience>.<channel>`."""


@router.get("")
async def show_rules(request: Request, desk: TheDesk, context: State, caller: NotificationPageCaller) -> Response:
    """Shows who is told of what. Raises Problem 503 while the notification service is away."""
    return await _page(request, desk, context, caller, fresh_form())


@router.post("")
async def post_rules(
    request: Request, desk: TheDesk, context: State, caller: NotificationPageCaller, form: AdminForm
) -> Response:
    """Saves the matrix, or shows it again if somebody else changed it meanwhile."""
    current = await _read(context, caller)
    ticked = set(form.all(CELL))
    rules = [_of(one) | {"enabled": _name(one) in ticked} for one in current["rules"]]
    try:
        async with refusals():
            await _save(context, caller, rules, form.number("version"))
    except FormRefused as refused:
        view = refused_form(form, refused, {"ticked": ticked})
        return await _page(request, desk, context, caller, view)
    return desk.redirect(PATH, ("success", gettext("The rules are saved. They count for what happens from now on.")))


@router.post("/reset")
async def post_reset(desk: TheDesk, context: State, caller: NotificationPageCaller, _: AdminForm) -> Response:
    """Puts every rule back to its default."""
    await _save(context, caller, [], None)
    return desk.redirect(PATH, ("success", gettext("The rules are the defaults again.")))


async def _read(context: AppState, caller: Caller) -> dict[str, Any]:
    found = await context.siblings.notification.call(administrator(caller), "GET", "/v1/rules")
    body: dict[str, Any] = found.body
    return body


async def _save(context: AppState, caller: Caller, rules: Iterable[dict[str, Any]], version: int | None) -> None:
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    body = {"rules": list(rules)}
    await context.siblings.notification.call(administrator(caller), "PUT", "/v1/rules", body, headers=headers)


def _of(rule: dict[str, Any]) -> dict[str, Any]:
    return {name: rule[name] for name in ("event", "audience", "channel")}


def _name(rule: dict[str, Any]) -> str:
    return f"{rule['event']}.{rule['audience']}.{rule['channel']}"


async def _page(request: Request, desk: DeskPages, context: AppState, caller: Caller, view: FormView) -> Response:
    current = await _read(context, caller)
    ticked = view.values.get("ticked")
    if ticked is None:
        ticked = {_name(one) for one in current["rules"] if one["enabled"]}
    rows: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
    for one in current["rules"]:
        cell = {"name": _name(one), "is_on": _name(one) in ticked, "is_changed": one["enabled"] != one["default"]}
        rows.setdefault(one["event"], {}).setdefault(one["audience"], {})[one["channel"]] = cell
    return desk.render(
        request,
        "admin/notification_rules.html",
        caller,
        view.status,
        notices=view.notices,
        view=view,
        version=current["version"],
        rows=rows,
        is_changed=any(one["enabled"] != one["default"] for one in current["rules"]),
        events=EVENT_LABELS,
        audiences=AUDIENCE_LABELS,
        channels=CHANNEL_LABELS,
    )
