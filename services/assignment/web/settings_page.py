"""Page of an agent's settings: time zone, density, undo time, shortcuts."""

from typing import Any
from zoneinfo import available_timezones

from fastapi import Request, Response
from pydantic import ValidationError

from services.assignment.commands.people.agent_settings import change_settings
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.schemas.editing import AgentSettingsInput
from services.assignment.web.command_catalogue import BY_NAME, COMMANDS, SCOPES, conflicts, keys_of
from services.assignment.web.forms import plain_values
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, DeskPages, TheDesk
from services.assignment.web.refusal_texts import refusal_text
from shared.kit.http.form_tokens import check_form_token
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

router = HttpRouter(route_class=DeskPageRoute)

KEY_FIELD = "keys-"
SCOPE_WORDS = {
    "dialog": _("In a dialog"),
    "editor": _("While writing"),
    "page": _("On a page"),
    "global": _("Everywhere"),
}
ZONES = sorted(
    zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "posix/", "right/"))
)


@router.get("/settings")
async def show_settings(request: Request, desk: TheDesk, caller: DeskAgent) -> Response:
    """The form, with what is set."""
    chosen = caller.preferences
    values = {
        "time_zone": chosen.time_zone or "",
        "density": chosen.density or "",
        "language": chosen.language or "",
        "undo_seconds": "" if chosen.undo_seconds is None else str(chosen.undo_seconds),
    }
    values |= {f"{KEY_FIELD}{command.name}": keys_of(command.name, chosen.shortcuts) for command in COMMANDS}
    return _page(request, desk, caller, values)


@router.post("/settings")
async def post_settings(request: Request, desk: TheDesk, context: State, caller: DeskAgent) -> Response:
    """Keeps them; refused, the form comes back with the reason at the field."""
    form = await request.form()
    token = form.get("csrf_token")
    check_form_token(request, token if isinstance(token, str) else "")
    values = plain_values(form)
    own = _own_keys(values)
    try:
        body = AgentSettingsInput.model_validate(
            {
                "time_zone": values.get("time_zone") or None,
                "density": values.get("density") or None,
                "language": values.get("language") or None,
                "undo_seconds": int(given) if (given := values.get("undo_seconds", "")).isdigit() else None,
                "shortcuts": own,
            }
        )
    except ValidationError as error:
        return _page(request, desk, caller, values, _errors(error), 422)
    if clashing := conflicts(own):
        errors = [
            (
                f"{KEY_FIELD}{other}",
                gettext("%(keys)s is used for “%(command)s” as well", keys=keys, command=gettext(BY_NAME[one].label)),
            )
            for one, other, keys in clashing
        ]
        return _page(request, desk, caller, values, errors, 422)
    await change_settings(context, caller, body)
    return desk.redirect("/settings", ("success", gettext("Your settings are kept.")))


def _own_keys(values: dict[str, str]) -> dict[str, str]:
    """The keys that differ from the usual ones."""
    given = {
        name.removeprefix(KEY_FIELD): " ".join(keys.lower().split())
        for name, keys in values.items()
        if name.startswith(KEY_FIELD)
    }
    return {name: keys for name, keys in given.items() if name in BY_NAME and keys != BY_NAME[name].keys}


def _errors(error: ValidationError) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for one in error.errors(include_url=False):
        place = [str(part) for part in one["loc"]]
        is_key = place[:1] == ["shortcuts"] and len(place) > 1
        found.append(
            (f"{KEY_FIELD}{place[1]}" if is_key else place[0], refusal_text(one["msg"].removeprefix("Value error, ")))
        )
    return found


def _page(
    request: Request,
    desk: DeskPages,
    caller: Caller,
    values: dict[str, str],
    errors: list[tuple[str, str]] | None = None,
    status: int = 200,
) -> Response:
    groups: list[tuple[str, list[Any]]] = [
        (gettext(SCOPE_WORDS[scope]), [command for command in COMMANDS if command.scope == scope]) for scope in SCOPES
    ]
    return desk.render(
        request,
        "settings.html",
        caller,
        status,
        values=values,
        errors=errors or [],
        languages=[(one.tag, one.name) for one in desk.languages.offered.all],
        zones=[(zone, zone.replace("_", " ")) for zone in ZONES],
        groups=[group for group in groups if group[1]],
    )
