"""Account page of an agent's notification preferences: channels per event, mail hours, digests."""

from typing import Any

from fastapi import Request, Response

from services.assignment.app_state import AppState
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.web.admin.intake.admin_client import administrator
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
from services.assignment.web.notification_labels import EVENT_LABELS
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, DeskPages, TheDesk
from services.assignment.web.settings_page import ZONES
from services.assignment.web.weekdays import DAYS
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

PATH = "/account/notifications"
API = "/v1/preferences"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)
CHANNELS = (("mail", _("Mail")), ("inbox", _("Inbox")))
CHOICES = (("", _("By the rules")), ("yes", _("Always")), ("no", _("Never")))
FOR_REQUESTERS = frozenset({"reminder", "merged"})
"""Events that no agent is told of."""
EVENTS = tuple((name, label) for name, label in EVENT_LABELS.items() if name not in FOR_REQUESTERS)


@router.get("")
async def show_preferences(request: Request, desk: TheDesk, context: State, caller: DeskAgent) -> Response:
    """Shows the preferences. Raises Problem 503 while the notification service is away."""
    found = await _ask(context, caller, "GET")
    view = fresh_form(_values(found["settings"], caller) | {"version": str(found["version"])})
    return _page(request, desk, caller, view)


@router.post("")
async def post_preferences(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, form: AdminForm
) -> Response:
    """Saves the preferences, or shows the form again with what is wrong."""
    try:
        settings = _settings(form)
        async with refusals(_field_of):
            await _ask(context, caller, "PUT", settings, form.number("version"))
    except FormRefused as refused:
        typed = form.typed | {"days": form.all("days"), "urgent_at_any_time": form.is_ticked("urgent_at_any_time")}
        return _page(request, desk, caller, refused_form(form, refused, typed))
    return desk.redirect(PATH, ("success", gettext("Your notification preferences are saved.")))


async def _ask(
    context: AppState, caller: Caller, method: str, body: Any = None, version: int | None = None
) -> dict[str, Any]:
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    call = context.siblings.notification.call
    found: dict[str, Any] = (await call(administrator(caller), method, API, body, headers=headers)).body
    return found


def _field_of(place: tuple[Any, ...]) -> str:
    return "from" if place[:1] == ("mail_hours",) else str(place[0])


def _settings(form: SubmittedForm) -> dict[str, Any]:
    """Returns the preferences that a form stands for. Raises FormRefused."""
    events: dict[str, dict[str, bool]] = {}
    for event, _text in EVENTS:
        for channel, _text in CHANNELS:
            if (choice := form.text(f"{event}.{channel}")) in ("yes", "no"):
                events.setdefault(event, {})[channel] = choice == "yes"
    return {
        "events": events,
        "mail_hours": _mail_hours(form),
        "urgent_at_any_time": form.is_ticked("urgent_at_any_time"),
        "digest": form.text("digest") or "off",
    }


def _mail_hours(form: SubmittedForm) -> dict[str, Any] | None:
    starts, ends = form.text("from"), form.text("until")
    if not starts and not ends:
        return None
    if not (starts and ends):
        raise refuse_field("until" if starts else "from", gettext("Give both times, or neither"))
    days = [day for day in form.all("days") if day in DAYS]
    if not days:
        raise refuse_field("days", gettext("Choose at least one day"))
    end = "24:00" if ends == "00:00" else ends
    return {"timezone": form.text("timezone") or "UTC", "weekly": {day: [[starts, end]] for day in days}}


def _values(settings: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """Returns the form's values for stored preferences; hours that the form cannot show are shown by their first."""
    values: dict[str, Any] = {
        f"{event}.{channel}": {True: "yes", False: "no", None: ""}[choice]
        for event, choices in settings["events"].items()
        for channel, choice in choices.items()
    }
    hours = settings["mail_hours"]
    weekly = {day: windows for day, windows in (hours["weekly"] if hours else {}).items() if windows}
    first = next(iter(weekly.values()), None)
    return values | {
        "digest": settings["digest"],
        "urgent_at_any_time": settings["urgent_at_any_time"],
        "timezone": hours["timezone"] if hours else caller.preferences.time_zone or "",
        "days": list(weekly) if hours else list(DAYS)[:5],
        "from": first[0][0] if first else "",
        "until": first[0][1].replace("24:00", "00:00") if first else "",
    }


def _page(request: Request, desk: DeskPages, caller: Caller, view: FormView) -> Response:
    return desk.render(
        request,
        "account/notifications.html",
        caller,
        view.status,
        notices=view.notices,
        view=view,
        events=EVENTS,
        channels=CHANNELS,
        choices=CHOICES,
        days=DAYS.items(),
        zones=[(zone, zone) for zone in ZONES],
    )
