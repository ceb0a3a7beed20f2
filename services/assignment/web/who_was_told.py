"""Page of a ticket that shows who was told what, when, by which channel, and what the provider answered."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from services.assignment.deps import State
from services.assignment.queries.tickets import get_ticket
from services.assignment.web.admin.intake.admin_client import administrator
from services.assignment.web.notification_labels import AUDIENCE_LABELS, CHANNEL_LABELS, words_of
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk

router = APIRouter(route_class=DeskPageRoute)
SHOWN = 100
STATUSES = {
    "waiting": ("Waits for details", "neutral"),
    "queued": ("Queued", "info"),
    "sending": ("Being sent", "info"),
    "sent": ("Delivered", "ok"),
    "failed": ("Failed", "danger"),
    "dropped": ("Not sent", "neutral"),
}


@router.get("/tickets/{number}/notifications")
async def show_notifications(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: DeskAgent,
    number: str,
    cursor: Annotated[str | None, Query(max_length=1024)] = None,
) -> Response:
    """Lists the deliveries of a ticket, newest first. Raises Problem 503 while the notification service is away."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, number)
    query = {"ticket_id": str(found.ticket.id), "limit": str(SHOWN)} | ({"cursor": cursor} if cursor else {})
    call = context.siblings.notification.call
    page: dict[str, Any] = (await call(administrator(caller), "GET", "/v1/deliveries", query=query)).body
    more = page["next_cursor"]
    return desk.render(
        request,
        "ticket/notifications.html",
        caller,
        number=number,
        rows=[_row(one) for one in page["items"] if one["status"] != "expanded"],
        next_url=f"/tickets/{number}/notifications?cursor={more}" if more else None,
    )


def _row(delivery: dict[str, Any]) -> dict[str, Any]:
    status, tone = STATUSES.get(delivery["status"], (delivery["status"], "neutral"))
    is_entry = delivery["channel"] == "inbox"
    at = delivery["sent_at"] or delivery["created_at"]
    return {
        "who": delivery["name"] or delivery["address"] or _role(delivery["recipient"]),
        "address": delivery["address"] if delivery["name"] else "",
        "what": words_of({"template": delivery["template"], "facts": {}}),
        "why": AUDIENCE_LABELS.get(delivery["audience"] or "", ""),
        "channel": CHANNEL_LABELS.get(delivery["channel"], delivery["channel"]),
        "status": "Read" if is_entry and delivery["read_at"] else status,
        "tone": tone,
        "at": datetime.fromisoformat(at),
        "attempts": delivery["attempts"],
        "answer": delivery["answer"] or delivery["last_error"] or "",
    }


def _role(recipient: str) -> str:
    """Returns the recipient by role where no name is known."""
    kind = recipient.partition(":")[0]
    return {
        "requester": "Requester",
        "participant": "Participant",
        "target": "Chat or on-call",
        "side": "Third party",
    }.get(kind, "Agent")
