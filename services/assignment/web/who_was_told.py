"""Page of a ticket that shows who was told what, when, by which channel, and what the provider answered."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import Query, Request, Response

from services.assignment.deps import State
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.web.admin.intake.admin_client import administrator
from services.assignment.web.notification_labels import AUDIENCE_LABELS, CHANNEL_LABELS, words_of
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk
from services.assignment.web.refusal_texts import refusal_text
from services.assignment.web.ticket_writing import checked_form
from shared.contracts.vocabulary import Permission
from shared.kit.http.problems import invalid
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, marked

router = HttpRouter(route_class=DeskPageRoute)
SHOWN = 100
UNPROVED = "an unproved report"
"""How a row begins of which somebody claims, without proof, that its mail came back."""
CLEARED = marked("Mail goes to this address again.")
STATUSES = {
    "waiting": (marked("Waits for details"), "neutral"),
    "queued": (marked("Queued"), "info"),
    "sending": (marked("Being sent"), "info"),
    "sent": (marked("Delivered"), "ok"),
    "failed": (marked("Failed"), "danger"),
    "dropped": (marked("Not sent"), "neutral"),
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
        rows=[row_of(one) for one in page["items"] if one["status"] != "expanded"],
        next_url=f"/tickets/{number}/notifications?cursor={more}" if more else None,
    )


@router.post("/tickets/{number}/notifications/clear-bounce")
async def clear_bounce(request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str) -> Response:
    """Lets mail go again to an address to which it bounced."""
    values = await checked_form(request)
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, number)
        found.require(Permission.TICKET_REPLY)
    try:
        delivery_id = UUID(values.get("delivery_id", ""))
    except ValueError:
        raise invalid("/delivery_id", "choose a mail") from None
    path = f"/v1/deliveries/{delivery_id}/clear-bounce"
    query = {"ticket_id": str(found.ticket.id)}
    await context.siblings.notification.call(administrator(caller), "POST", path, query=query)
    return desk.redirect(f"/tickets/{quote(number, safe='')}/notifications", ("success", gettext(CLEARED)))


def row_of(delivery: dict[str, Any]) -> dict[str, Any]:
    """Returns what the page says of a delivery."""
    status, tone = STATUSES.get(delivery["status"], (delivery["status"], "neutral"))
    is_entry = delivery["channel"] == "inbox"
    came_back = delivery["status"] == "sent" and delivery["last_error"]
    if came_back and not came_back.startswith(UNPROVED):
        status, tone = marked("Came back"), "danger"
    at = delivery["sent_at"] or delivery["created_at"]
    return {
        "who": delivery["name"] or delivery["address"] or _role(delivery["recipient"]),
        "address": delivery["address"] if delivery["name"] else "",
        "what": words_of({"template": delivery["template"], "facts": {}}),
        "why": gettext(AUDIENCE_LABELS.get(delivery["audience"] or "", "")),
        "channel": gettext(CHANNEL_LABELS.get(delivery["channel"], delivery["channel"])),
        "status": gettext(marked("Read") if is_entry and delivery["read_at"] else status),
        "tone": tone,
        "at": datetime.fromisoformat(at),
        "attempts": delivery["attempts"],
        "answer": refusal_text(came_back or delivery["answer"] or delivery["last_error"] or ""),
        "bouncing_id": delivery["id"] if delivery["is_bouncing"] else None,
    }


def _role(recipient: str) -> str:
    """Returns the recipient by role where no name is known."""
    kind = recipient.partition(":")[0]
    return {
        "requester": gettext("Requester"),
        "participant": gettext("Participant"),
        "target": gettext("Chat or on-call"),
        "side": gettext("Third party"),
    }.get(kind, gettext("Agent"))
