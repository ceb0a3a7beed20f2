"""Administration pages for bans of addresses, domains and networks."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Request, Response

from services.assignment.deps import State
from services.assignment.web.admin.intake.admin_client import ask, every, instant_in
from services.assignment.web.admin.sections import IntakePageCaller
from services.assignment.web.admin.submitted_form import (
    AdminForm,
    FormRefused,
    FormView,
    fresh_form,
    refusals,
    refused_form,
)
from services.assignment.web.page_base import DeskPageRoute, TheDesk
from shared.kit.clock import utc_now
from shared.kit.http.routers import HttpRouter
from shared.kit.http.sibling_service import in_path
from shared.kit.i18n.messages import gettext

PATH = "/admin/bans"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)


@router.get("")
async def show_bans(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: IntakePageCaller,
    q: Annotated[str, Query(max_length=254)] = "",
) -> Response:
    """Lists bans, optionally filtered by address, network or reason, with a form for a new one."""
    return await _page(request, desk, context, caller, fresh_form(), q)


@router.post("/new")
async def post_ban(
    request: Request, desk: TheDesk, context: State, caller: IntakePageCaller, form: AdminForm
) -> Response:
    """Adds a ban, or shows the form again. An existing ban gets the new reason and end."""
    sent = {name: form.text(name) for name in ("pattern", "reason")}
    try:
        async with refusals():
            key = form.keyed(caller, PATH).key
            until = {"expires_at": instant_in(form.text("expires_at"))}
            made = (await ask(context, caller, "POST", "/bans", sent | until, key=key)).body
    except FormRefused as refused:
        return await _page(request, desk, context, caller, refused_form(form, refused, form.typed), "")
    return desk.redirect(PATH, ("success", gettext("%(pattern)s is banned.", pattern=made["pattern"])))


@router.post("/lift")
async def post_lift(desk: TheDesk, context: State, caller: IntakePageCaller, form: AdminForm) -> Response:
    """Lifts a ban."""
    pattern = form.text("pattern")
    await ask(context, caller, "DELETE", f"/bans/{in_path(pattern)}")
    return desk.redirect(PATH, ("success", gettext("%(pattern)s may write again.", pattern=pattern)))


async def _page(request: Request, desk: Any, context: Any, caller: Any, view: FormView, words: str) -> Response:
    now, wanted = utc_now(), words.strip().casefold()
    rows = []
    for ban in await every(context, caller, "/bans"):
        ends_at = datetime.fromisoformat(ban["expires_at"]) if ban["expires_at"] else None
        made_at = datetime.fromisoformat(ban["created_at"])
        if wanted in f"{ban['pattern']} {ban['reason']}".casefold():
            rows.append(
                ban | {"expires_at": ends_at, "created_at": made_at, "is_over": bool(ends_at and ends_at <= now)}
            )
    response: Response = desk.render(
        request, "admin/bans.html", caller, view.status, notices=view.notices, bans=rows, view=view, words=words
    )
    return response
