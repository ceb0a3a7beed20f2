"""Form handlers of the ticket page: each runs one action and redirects to the ticket."""

from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from pydantic import ValidationError
from starlette.datastructures import FormData

from services.assignment.app_state import AppState
from services.assignment.commands.action_registry import ACTIONS, do
from services.assignment.commands.execution.command_request import CommandRequest
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_page.thread import list_thread, thread_seen_by
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.schemas.actions import MessageInput
from services.assignment.web.forms import SAID, body_of_form, errors_of, plain_values, revision_in
from services.assignment.web.labels import format_event
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, DeskPages, Notice, TheDesk
from services.assignment.web.refusal_texts import refusal_text
from services.assignment.web.sending import FOLLOWING, send_written
from services.assignment.web.ticket import PageState, UnsentForm, ticket_page
from shared.domain.errors import Refusal, VersionConflict
from shared.kit.http.app import canonical
from shared.kit.http.error_handlers import from_exception
from shared.kit.http.form_tokens import check_form_token
from shared.kit.http.idempotency import fingerprint
from shared.kit.http.problems import Problem, not_found
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext
from shared.kit.ticket_errors import TicketsUnavailable

router = HttpRouter(route_class=DeskPageRoute)

MOST_CHANGES = 50
"""Lines looked through for what changed under an open page."""


@router.post("/tickets/{number}/{action}")
async def post_action(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str, action: str
) -> Response:
    """Runs the form's action; if refused, shows the page again with draft and reason."""
    form = await request.form()
    check_form_token(request, _text(form, "csrf_token"))
    doing = ACTIONS.get(action)
    if doing is None:
        raise not_found("page")
    values = plain_values(form)
    draft = UnsentForm(action, values)
    try:
        body = doing.body.model_validate(body_of_form(action, values))
        if isinstance(body, MessageInput):
            sent = await send_written(context, _call(caller, number, action, values), body, values)
            if sent is not None:
                return await onwards(desk, context, caller, number, sent)
        else:
            await do(context, _call(caller, number, action, values), body)
    except ValidationError as error:
        told = UnsentForm(action, values, errors_of(error))
        return await ticket_page(request, desk, context, caller, number, PageState(422, told))
    except VersionConflict:
        changed = await _what_changed(context, caller, number, revision_in(values))
        state = PageState(412, draft, [("warning", changed)])
        return await ticket_page(request, desk, context, caller, number, state)
    except (Refusal, TicketsUnavailable, Problem) as error:
        problem = from_exception(error)
        if problem.status == 404 and action != "merge":
            raise
        notices: list[Notice] = [("danger", refusal_text(problem.detail))]
        return await ticket_page(request, desk, context, caller, number, PageState(problem.status, draft, notices))
    notice = await _then(context, caller, number, action, values)
    return await onwards(desk, context, caller, number, notice)


async def _then(context: AppState, caller: Caller, number: str, action: str, values: dict[str, str]) -> Notice:
    """Runs the action that follows a reply, if any (resolve or pend), and returns the message to show."""
    following = values.get("then", "")
    if action != "replies" or following not in FOLLOWING:
        return "success", gettext(SAID[action])
    try:
        await do(context, _call(caller, number, following, values | {"revision": ""}), ACTIONS[following].body())
    except (Refusal, TicketsUnavailable, Problem) as error:
        return "warning", gettext(
            "Reply sent, but the next step did not work: %(detail)s.",
            detail=refusal_text(from_exception(error).detail),
        )
    return "success", f"{gettext(SAID[action])} {gettext(SAID[following])}"


async def onwards(desk: DeskPages, context: AppState, caller: Caller, number: str, notice: Notice) -> Response:
    """Redirects to the ticket, or to the queue if the caller cannot see the ticket any more."""
    async with context.database.begin() as session:
        try:
            await get_ticket(session, caller, number)
        except Problem:
            return desk.redirect("/queue", notice)
    return desk.redirect(f"/tickets/{quote(number, safe='')}", notice)


async def _what_changed(context: AppState, caller: Caller, number: str, seen: int | None) -> str:
    """The changes since the page was loaded, for a version conflict message."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, number)
        thread = await list_thread(session, context.file_links, found.ticket.id, MOST_CHANGES)
        page = await thread_seen_by(session, caller, thread)
    events = [line.event for line in reversed(page.lines) if line.event is not None]
    newer = [event for event in events if seen is None or event.revision > seen]
    lines = [words for event in newer if (words := format_event(event, {}))]
    if not lines:
        return gettext(
            "The ticket changed after you opened this page, so nothing was done. Look again and send it again."
        )
    return gettext(
        "The ticket changed after you opened this page, so nothing was done. Meanwhile: %(changes)s."
        " Look again and send it again.",
        changes="; ".join(lines[-5:]),
    )


def _call(caller: Caller, number: str, action: str, values: dict[str, str]) -> CommandRequest:
    return CommandRequest(
        caller=caller,
        reference=number,
        route=action,
        key=values.get("form_id") or None,
        expected_revision=revision_in(values),
        request_hash=fingerprint(canonical(values)),
        following=values.get("then", ""),
    )


def form_call(caller: Caller, number: str, route: str, values: dict[str, str]) -> CommandRequest:
    """A command request for a form of its own: the form's id is the idempotency key."""
    return _call(caller, number, route, values)


def bare_call(caller: Caller, number: str, route: str) -> CommandRequest:
    """A command request for a form without an idempotency key, for actions that are safe to repeat."""
    return _call(caller, number, route, {})


def _text(form: FormData, name: str) -> str:
    value: Any = form.get(name)
    return value if isinstance(value, str) else ""
