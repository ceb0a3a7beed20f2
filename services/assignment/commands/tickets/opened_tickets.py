"""Tickets that agents open for requesters; validated and created by intake, which owns submissions."""

from fastapi import Response
from starlette.status import HTTP_201_CREATED

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import Keyed
from services.assignment.intake_client import IntakeAway
from services.assignment.schemas.editing import NewTicketInput, OpenedTicketView
from shared.kit.http.problems import Problem


async def open_ticket(context: AppState, call: Keyed, body: NewTicketInput, repeated: str = "") -> Response:
    """Has intake open the ticket; answers its id and number, or what intake found wrong.

    `repeated` is for a page's form: whether words that came a moment ago are `asked` about, or `taken`.
    Raises Problem 503 while intake is away.
    """
    try:
        sent = body.model_dump_json(exclude_none=True).encode()
        status, answer = await context.intake.open_ticket(call.caller.agent_id, call.key, sent, repeated)
    except IntakeAway:
        raise Problem(
            503, "intake_unavailable", "no ticket can be opened just now; try again", headers={"Retry-After": "5"}
        ) from None
    if status != HTTP_201_CREATED:
        return Response(answer, status, media_type="application/problem+json")
    opened = OpenedTicketView.model_validate_json(answer)
    return Response(
        opened.model_dump_json(),
        status,
        {"Location": f"/v1/tickets/{opened.id}"},
        media_type="application/json",
    )
