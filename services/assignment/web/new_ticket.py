"""Page to open a ticket for a requester who called or came in person."""

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response
from pydantic import ValidationError
from sqlalchemy import select
from starlette.datastructures import FormData
from starlette.status import HTTP_201_CREATED

from services.assignment.commands.configuration.administration import Keyed
from services.assignment.commands.tickets.opened_tickets import open_ticket
from services.assignment.deps import State
from services.assignment.errors import not_permitted
from services.assignment.intake_client import IntakeAway
from services.assignment.models import Ticket
from services.assignment.queries.access.callers import Caller
from services.assignment.schemas.editing import NewTicketInput
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, DeskPages, Notice, TheDesk
from services.assignment.web.refusal_texts import refusal_sentence, refusal_text
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import holds
from shared.kit.clock import new_id
from shared.kit.http.app import canonical
from shared.kit.http.form_tokens import check_form_token
from shared.kit.http.idempotency import fingerprint
from shared.kit.http.problems import Problem
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

router = HttpRouter(route_class=DeskPageRoute)

LOOKS, LOOK_SECONDS = 15, 0.2
SENT_ALREADY = "sent_already"
OPEN_ANYWAY = "open_anyway"
"""The value of the button that opens the same once more."""
ANSWER = "field-"
"""How the names of the topic's own questions begin."""
AWAY = _("The support centre does not answer just now. What you typed is still here; try again in a moment.")
FIELDS = {"/requester/email": "email", "/requester/name": "name", "/requester/phone": "phone", "/topic": "topic"}

Form = dict[str, list[str]]


def may_open_tickets(caller: Caller) -> bool:
    """Whether the caller may open tickets for requesters in any team."""
    return holds(caller.principal, Permission.TICKET_CREATE)


async def get_opener(caller: DeskAgent) -> Caller:
    """Who may open tickets. Raises Problem 403."""
    if not may_open_tickets(caller):
        raise not_permitted(Permission.TICKET_CREATE)
    return caller


Opener = Annotated[Caller, Depends(get_opener)]


@router.get("/tickets/new")
async def show_new(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: Opener,
    topic: Annotated[str, Query(max_length=64)] = "",
    email: Annotated[str, Query(max_length=254)] = "",
    name: Annotated[str, Query(max_length=255)] = "",
) -> Response:
    """The form; with a topic, its own questions too."""
    values: Form = {"topic": [topic], "email": [email], "name": [name], "form_id": [str(new_id())]}
    return await _page(request, desk, context, caller, values)


@router.post("/tickets/new")
async def post_new(request: Request, desk: TheDesk, context: State, caller: Opener) -> Response:
    """Opens the ticket and shows it; refused, the form comes back with the reason at the field."""
    form = await request.form()
    token = form.get("csrf_token")
    check_form_token(request, token if isinstance(token, str) else "")
    values = _values(form)
    if "choose" in values:
        return await _page(request, desk, context, caller, values)
    try:
        topics = await context.intake.list_topics(caller.agent_id)
        body = NewTicketInput.model_validate(_body(values, _form_of(topics, values)))
        keyed = Keyed(caller, "/tickets/new", _first(values, "form_id") or None, fingerprint(canonical(values)))
        answer = await open_ticket(context, keyed, body, "taken" if _first(values, "do") == OPEN_ANYWAY else "asked")
    except ValidationError as error:
        return await _page(request, desk, context, caller, values, _own_errors(error), 422)
    except IntakeAway:
        return await _page(request, desk, context, caller, values, [("form", gettext(AWAY))], 503)
    except Problem as problem:
        return await _page(
            request, desk, context, caller, values, [("form", refusal_text(problem.detail))], problem.status
        )
    told = json.loads(bytes(answer.body))
    if answer.status_code != HTTP_201_CREATED:
        return await _page(
            request, desk, context, caller, values, _errors(told), answer.status_code, told.get("code") == SENT_ALREADY
        )
    notice: Notice = ("success", gettext("Ticket %(number)s is opened.", number=told["number"]))
    if await _is_known(context, told["number"]):
        return desk.redirect(f"/tickets/{told['number']}", notice)
    return desk.redirect(f"/queue?view=all&q={told['number']}", notice)


async def _is_known(context: State, number: str) -> bool:
    """Whether the ticket has come here from intake, for which a moment is given."""
    for _look in range(LOOKS):
        async with context.database.begin() as session:
            if await session.scalar(select(Ticket.seq).where(Ticket.number == number)):
                return True
        await asyncio.sleep(LOOK_SECONDS)
    return False


async def _page(
    request: Request,
    desk: DeskPages,
    context: State,
    caller: Caller,
    values: Form,
    errors: list[tuple[str, str]] | None = None,
    status: int = 200,
    is_repeated: bool = False,  # noqa: FBT001, FBT002 - a fact about the page
) -> Response:
    try:
        topics = await context.intake.list_topics(caller.agent_id)
    except IntakeAway:
        topics, errors, status = [], errors or [("form", gettext(AWAY))], 503
    return desk.render(
        request,
        "new_ticket.html",
        caller,
        status,
        topics=[(topic["slug"], topic["name"]) for topic in topics],
        questions=_form_of(topics, values),
        values=values,
        errors=errors or [],
        is_repeated=is_repeated,
        prefix=ANSWER,
    )


def _form_of(topics: list[dict[str, Any]], values: Form) -> list[dict[str, Any]]:
    """The questions of the chosen topic that this page can ask; files are attached once the ticket is there."""
    chosen = _first(values, "topic")
    form: list[dict[str, Any]] = next((topic["form"] for topic in topics if topic["slug"] == chosen), [])
    return [
        field
        | {
            "options": [(choice["key"], choice["label"]) for choice in field.get("choices", ())],
            "is_needed": field["required"] and not field.get("shown_if"),
        }
        for field in form
        if field["kind"] != "file"
    ]


def _body(values: Form, questions: list[dict[str, Any]]) -> dict[str, Any]:
    requester = {name: text for name in ("email", "name", "phone") if (text := _first(values, name).strip())}
    body: dict[str, Any] = {
        "requester": {"email": "", "name": ""} | requester,
        "subject": _first(values, "subject"),
        "body": _first(values, "body").replace("\r\n", "\n"),
        "channel": _first(values, "channel") or "phone",
        "fields": {
            field["name"]: answer
            for field in questions
            if (answer := _answer(field, values.get(ANSWER + field["name"], []))) is not None
        },
    }
    for name in ("topic", "priority"):
        if text := _first(values, name):
            body[name] = text
    return body


def _answer(field: Mapping[str, Any], given: list[str]) -> Any:
    """An answer as the API takes it; None where none was given."""
    match field["kind"]:
        case "multi_choice":
            return given or None
        case "checkbox":
            return bool(given) or None
        case "number":
            return _number(given[0]) if given and given[0].strip() else None
        case _:
            return given[0] if given and given[0].strip() else None


def _number(text: str) -> float | int | str:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _values(form: FormData) -> Form:
    return {name: [one for one in form.getlist(name) if isinstance(one, str)] for name in form if name != "csrf_token"}


def _first(values: Form, name: str) -> str:
    return next(iter(values.get(name, [])), "")


def _own_errors(error: ValidationError) -> list[tuple[str, str]]:
    return [(str(one["loc"][-1]), refusal_sentence(one["msg"])) for one in error.errors(include_url=False)]


def _errors(problem: dict[str, Any]) -> list[tuple[str, str]]:
    """What intake found wrong, at the fields of this page."""
    found = []
    for one in problem.get("errors") or []:
        pointer = str(one.get("pointer", ""))
        name = FIELDS.get(pointer, pointer.rpartition("/")[2])
        if pointer.startswith("/fields/"):
            name = ANSWER + pointer.split("/")[2]
        found.append((name, refusal_sentence(str(one.get("detail", "")))))
    return found or [("form", refusal_sentence(str(problem.get("detail") or _("It was not taken."))))]
