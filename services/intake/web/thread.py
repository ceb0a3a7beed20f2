"""One request as its requester sees it: where it stands, what was written, and what to do about it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from services.intake.commands.change_status import change_status
from services.intake.commands.post_message import Post, post_message
from services.intake.deps import Intake, Parts
from services.intake.models import Ticket
from services.intake.queries import all_messages, find_ticket_of
from services.intake.web.forms import Closing, NotValid, Reply, Values, check, form_id_of, key_of, read_form
from services.intake.web.questions import requesters_answers
from services.intake.web.route import PageRoute
from services.intake.web.words import NOTICES, can, standing_of
from shared.contracts.base import TicketId
from shared.contracts.commands import CloseTicket, ReopenTicket
from shared.contracts.tickets import Actor
from shared.contracts.vocabulary import Action, ActorKind, BodyFormat, Channel
from shared.kit.clock import utc_now
from shared.kit.http.answers import guard
from shared.kit.http.problems import not_found
from shared.kit.tickets import command_id

REQUESTER = Actor(kind=ActorKind.REQUESTER)
router = APIRouter(prefix="/t", route_class=PageRoute, include_in_schema=False)


async def ticket_of(token: str, parts: Parts) -> Ticket:
    """The ticket the link in the address stands for. Raises Problem 404."""
    link = parts.links.read(token)
    if link is None:
        raise not_found("request")
    async with parts.database.begin() as session:
        ticket = await find_ticket_of(session, link)
    if ticket is None:
        raise not_found("request")
    return ticket


Linked = Annotated[Ticket, Depends(ticket_of)]


@router.get("/{token}")
async def show(
    request: Request, token: str, ticket: Linked, parts: Parts, done: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    """The thread."""
    notices = [NOTICES[done]] if done in NOTICES else []
    return await _thread(request, parts, token, ticket, {}, {}, 200, notices)


@router.post("/{token}/reply")
async def reply(request: Request, token: str, ticket: Linked, parts: Parts) -> Response:
    """Adds what the requester wrote."""
    values = await read_form(request, parts)
    try:
        form = check(Reply, values)
    except NotValid as wrong:
        return await _thread(request, parts, token, ticket, values, wrong.errors, 422, [])
    async with guard(parts.database, f"portal:reply:{ticket.id}", key_of(values, form), b"") as guarded:
        if not guarded.stored:
            await post_message(
                guarded.session,
                ticket,
                Post(body=form.body, body_format=BodyFormat.TEXT, channel=Channel.PORTAL, received_at=utc_now()),
            )
            await guarded.store(b"")
    parts.relay.wake()
    return _back(token, "replied")


@router.get("/{token}/close")
async def ask_to_close(request: Request, token: str, ticket: Linked, parts: Parts) -> Response:
    """Asks before closing."""
    return parts.pages.render(
        request, "close.html", ticket=ticket, token=token, form_id=form_id_of({}), page_class="narrow"
    )


@router.post("/{token}/close")
async def close(request: Request, token: str, ticket: Linked, parts: Parts) -> Response:
    """Closes the request, if it can be closed; reopening undoes it."""
    values = await read_form(request, parts)
    form = check(Closing, values)
    command = CloseTicket(command_id=_command_id("close", ticket, values), actor=REQUESTER, reason=form.reason)
    await change_status(parts.database, parts.tickets, ticket.id, command)
    return _back(token, "closed")


@router.post("/{token}/reopen")
async def reopen(request: Request, token: str, ticket: Linked, parts: Parts) -> Response:
    """Takes the request up again."""
    values = await read_form(request, parts)
    command = ReopenTicket(command_id=_command_id("reopen", ticket, values), actor=REQUESTER)
    await change_status(parts.database, parts.tickets, ticket.id, command)
    return _back(token, "reopened")


def _command_id(route: str, ticket: Ticket, values: Values) -> str:
    return command_id("portal", route, TicketId(ticket.id), form_id_of(values))


def _back(token: str, done: str) -> Response:
    return RedirectResponse(f"/t/{token}?done={done}", 303)


async def _thread(
    request: Request,
    parts: Intake,
    token: str,
    ticket: Ticket,
    values: Values,
    errors: Values,
    status: int,
    notices: list[tuple[str, str]],
) -> Response:
    async with parts.database.begin() as session:
        messages = await all_messages(session, ticket.id)
    topic = await parts.topics.of_ticket(ticket.topic_id)
    return parts.pages.render(
        request,
        "thread.html",
        status,
        ticket=ticket,
        topic=topic,
        answers=requesters_answers(topic, ticket.fields),
        messages=messages,
        standing=standing_of(ticket),
        can_close=can(ticket, Action.CLOSE),
        can_reopen=can(ticket, Action.REOPEN),
        token=token,
        values=values,
        errors=errors,
        form_id=form_id_of(values),
        notices=notices,
    )
