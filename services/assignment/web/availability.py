"""The availability menu in the header of every desk page."""

from typing import Annotated

from fastapi import Form, Request, Response

from services.assignment.commands.people.availability import set_availability
from services.assignment.deps import State
from services.assignment.schemas.routing import AvailabilityInput
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk
from services.assignment.web.sign_in import safe_path
from shared.contracts.vocabulary import Availability
from shared.kit.http.form_tokens import check_form_token
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

router = HttpRouter(route_class=DeskPageRoute)

SAID = {
    Availability.ONLINE: _("You are online: tickets can be given to you."),
    Availability.AWAY: _("You are away: you are given no new tickets."),
    Availability.OFFLINE: _("You are offline: you are given no new tickets."),
}


@router.post("/availability")
async def post_availability(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: DeskAgent,
    availability: Annotated[Availability, Form()],
    following: Annotated[str, Form(alias="next", max_length=2048)] = "/queue",
    csrf_token: Annotated[str, Form()] = "",
) -> Response:
    """Sets it, and shows the page again on which it was set."""
    check_form_token(request, csrf_token)
    await set_availability(context, caller, AvailabilityInput(availability=availability))
    return desk.redirect(safe_path(following), ("success", gettext(SAID[availability])))
