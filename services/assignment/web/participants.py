"""The forms of the ticket page's card of people in copy: each decides about one person, then shows the ticket."""

from typing import Annotated

from fastapi import Depends, Path, Request, Response
from pydantic import ValidationError

from services.assignment.app_state import AppState
from services.assignment.commands.conversation import participants
from services.assignment.commands.execution.command_request import CommandRequest
from services.assignment.deps import State
from services.assignment.schemas.participants import ParticipantInput
from services.assignment.web.forms import errors_of, plain_values
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk
from services.assignment.web.refusal_texts import refusal_text
from services.assignment.web.ticket import PageState, UnsentForm, ticket_page
from services.assignment.web.ticket_actions import onwards
from shared.domain.errors import Refusal
from shared.kit.http.error_handlers import from_exception
from shared.kit.http.form_tokens import check_form_token
from shared.kit.http.idempotency import fingerprint
from shared.kit.http.problems import Problem
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

router = HttpRouter(route_class=DeskPageRoute)

Decision = Annotated[str, Path(pattern="^(add|confirm|remove)$")]
ASKED = _("They are asked by mail whether they want to take part.")
SAID = {"add": ASKED, "confirm": ASKED, "remove": _("Removed. Their links stop working, and they get no more mails.")}


async def get_values(request: Request) -> dict[str, str]:
    """The form's text fields, of a form that the desk itself gave out."""
    form = await request.form()
    token = form.get("csrf_token")
    check_form_token(request, token if isinstance(token, str) else "")
    return plain_values(form)


Values = Annotated[dict[str, str], Depends(get_values)]


@router.post("/tickets/{number}/participants/{decision}")
async def post_decision(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str, decision: Decision, values: Values
) -> Response:
    """Carries out what the form says; refused, the page comes back with the reason and what was typed."""
    draft = UnsentForm(f"participants-{decision}", values)
    email = values.get("email", "").strip()
    try:
        await _decide(context, _call(caller, number, decision, values, email), decision, email)
    except ValidationError as error:
        draft = UnsentForm(draft.action, values, errors_of(error))
        return await ticket_page(request, desk, context, caller, number, PageState(422, draft))
    except (Refusal, Problem) as error:
        problem = from_exception(error)
        state = PageState(problem.status, draft, [("danger", refusal_text(problem.detail))])
        return await ticket_page(request, desk, context, caller, number, state)
    return await onwards(desk, context, caller, number, ("success", gettext(SAID[decision])))


async def _decide(context: AppState, call: CommandRequest, decision: str, email: str) -> None:
    match decision:
        case "add":
            await participants.add_participant(context, call, ParticipantInput(email=email))
        case "confirm":
            await participants.confirm_participant(context, call, email)
        case _:
            await participants.remove_participant(context, call.caller, call.reference, email)


def _call(caller: DeskAgent, number: str, decision: str, values: dict[str, str], email: str) -> CommandRequest:
    """All forms of a page have one id: the address tells them apart."""
    form_id = values.get("form_id", "")
    return CommandRequest(
        caller=caller,
        reference=number,
        route=f"participants/{decision}",
        key=f"{form_id}-{fingerprint(email).hex()[:16]}" if form_id else None,
        expected_revision=None,
        request_hash=fingerprint(email),
    )
