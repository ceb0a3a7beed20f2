"""Forms of the ticket page's card of conversations with third parties."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from pydantic import ValidationError

from services.assignment.app_state import AppState
from services.assignment.commands.conversation.side_conversations import (
    reply_in_side_conversation,
    start_side_conversation,
)
from services.assignment.deps import State
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.schemas.side_conversations import SideConversationInput, SideReplyInput
from services.assignment.web.forms import errors_of
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk
from services.assignment.web.refusal_texts import refusal_sentence
from services.assignment.web.ticket import PageState, UnsentForm, ticket_page
from services.assignment.web.ticket_actions import form_call, onwards
from services.assignment.web.ticket_writing import checked_form
from shared.contracts.vocabulary import Permission
from shared.domain.errors import Refusal
from shared.kit.http.error_handlers import from_exception
from shared.kit.http.problems import Problem
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

router = HttpRouter(route_class=DeskPageRoute)
SENT = _("The mail is on its way. The answer will stand here.")


@router.post("/tickets/{number}/side-conversations")
async def post_conversation(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str
) -> Response:
    """Writes to a third party, or shows the form again with the reason why not."""
    values = await checked_form(request)
    await _check_permission(context, caller, number)

    async def send() -> None:
        fields = _fields(values) | {"to": values.get("side_to", "").strip(), "subject": values.get("side_subject", "")}
        call = form_call(caller, number, "side-conversations", values)
        await start_side_conversation(context, call, SideConversationInput.model_validate(fields))

    if not (errors := await _errors(send)):
        return await onwards(desk, context, caller, number, ("success", gettext(SENT)))
    state = PageState(422, UnsentForm("side", values, errors))
    return await ticket_page(request, desk, context, caller, number, state)


@router.post("/tickets/{number}/side-conversations/{conversation_id}")
async def post_reply(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str, conversation_id: UUID
) -> Response:
    """Writes to the third party again, or shows the form again with the reason why not."""
    values = await checked_form(request)
    await _check_permission(context, caller, number)

    async def send() -> None:
        call = form_call(caller, number, "side-conversations", values)
        body = SideReplyInput.model_validate(_fields(values))
        await reply_in_side_conversation(context, call, conversation_id, body)

    if not (errors := await _errors(send)):
        return await onwards(desk, context, caller, number, ("success", gettext(SENT)))
    state = PageState(422, UnsentForm(f"side-{conversation_id}", values, errors))
    return await ticket_page(request, desk, context, caller, number, state)


async def _check_permission(context: AppState, caller: DeskAgent, number: str) -> None:
    async with context.database.begin() as session:
        (await get_ticket(session, caller, number)).require(Permission.TICKET_REPLY)


def _fields(values: dict[str, str]) -> dict[str, Any]:
    return {"body": values.get("side_body", ""), "hold": values.get("side_hold") == "1"}


async def _errors(send: Callable[[], Awaitable[None]]) -> tuple[tuple[str, str], ...]:
    """Returns what keeps a form from being sent, by field. Raises Problem 403 and 404."""
    try:
        await send()
    except ValidationError as error:
        return tuple((f"side_{field}", text) for field, text in errors_of(error))
    except (Refusal, Problem) as error:
        problem = from_exception(error)
        if problem.status in {403, 404}:
            raise
        field = problem.errors[0]["pointer"].strip("/") if problem.errors else "body"
        return ((f"side_{field}", f"{refusal_sentence(problem.detail)}."),)
    return ()
