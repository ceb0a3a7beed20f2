"""The agent's inbox of notifications, and the number of unread ones for the bell."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.datastructures import URL

from services.assignment.app_state import AppState
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.web.admin.intake.admin_client import administrator
from services.assignment.web.admin.submitted_form import AdminForm
from services.assignment.web.notification_labels import words_of
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext

PATH = "/inbox"
router = HttpRouter(route_class=DeskPageRoute)
SHOWN = 50
MOST_COUNTED = 100
Cursor = Annotated[str | None, Query(max_length=1024)]


@router.get(PATH)
async def show_inbox(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: DeskAgent,
    *,
    unread: Annotated[bool, Query()] = False,
    cursor: Cursor = None,
) -> Response:
    """Lists the agent's notifications, newest first. Raises Problem 503 while the notification service is away."""
    query = {"limit": str(SHOWN), "unread": str(unread).lower()} | ({"cursor": cursor} if cursor else {})
    page = await _ask(context, caller, "GET", "/v1/inbox", query=query)
    entries = [one | {"at": datetime.fromisoformat(one["created_at"]), "words": words_of(one)} for one in page["items"]]
    more = page["next_cursor"]
    return desk.render(
        request,
        "inbox.html",
        caller,
        entries=entries,
        unread=page["unread"],
        only_unread=unread,
        next_url=str(URL(PATH).include_query_params(unread=str(unread).lower(), cursor=more)) if more else None,
        is_first_page=cursor is None,
    )


@router.get(f"{PATH}/unread")
async def get_unread(context: State, caller: DeskAgent) -> Response:
    """Returns the number of unread notifications."""
    found = await _ask(context, caller, "GET", "/v1/inbox/unread")
    shown = f"{MOST_COUNTED - 1}+" if found["unread"] >= MOST_COUNTED else str(found["unread"])
    return JSONResponse({"unread": found["unread"], "shown": shown}, headers={"Cache-Control": "no-store"})


@router.post(f"{PATH}/read")
async def post_read(desk: TheDesk, context: State, caller: DeskAgent, _: AdminForm) -> Response:
    """Marks all notifications as read."""
    await _ask(context, caller, "POST", "/v1/inbox/read", {"ids": None})
    return desk.redirect(PATH, ("success", gettext("Everything is marked as read.")))


@router.post(f"{PATH}/{{entry_id}}/read")
async def post_one_read(desk: TheDesk, context: State, caller: DeskAgent, entry_id: UUID, form: AdminForm) -> Response:
    """Marks one notification as read or unread; opens its ticket if that is asked for."""
    is_read = form.text("read") != "no"
    await _ask(context, caller, "POST", "/v1/inbox/read", {"ids": [str(entry_id)], "read": is_read})
    number = form.text("open")
    is_number = number.isalnum() and number.isascii()
    return desk.redirect(f"/tickets/{number}" if is_number else PATH)


async def _ask(
    context: AppState,
    caller: Caller,
    method: str,
    path: str,
    body: Any = None,
    query: dict[str, str] | None = None,
) -> dict[str, Any]:
    call = context.siblings.notification.call
    found: dict[str, Any] = (await call(administrator(caller), method, path, body, query=query)).body
    return found
