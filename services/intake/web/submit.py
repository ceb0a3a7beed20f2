"""Asking for help by form."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from services.intake.commands.submit_ticket import Answer, Submission, submit_ticket_once
from services.intake.deps import Intake, Parts
from services.intake.queries import find_ticket_of
from services.intake.web.forms import TRAP, WORDS, NewRequest, NotValid, Values, check, form_id_of, key_of, read_form
from services.intake.web.route import PageRoute
from shared.contracts.events import Person
from shared.contracts.vocabulary import BodyFormat, Channel
from shared.kit.auth import TicketLink
from shared.kit.clock import utc_now
from shared.kit.http.answers import Claim
from shared.kit.http.problems import not_found

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/tickets/new")
async def blank_form(request: Request, parts: Parts, topic: Annotated[str, Query(max_length=64)] = "") -> Response:
    """The empty form; a link may choose the topic."""
    return await _form(request, parts, {"topic": topic}, {}, 200)


@router.post("/tickets/new")
async def send_form(request: Request, parts: Parts) -> Response:
    """Accepts the request, or shows the form again with what to correct."""
    values = await read_form(request, parts)
    if values.get(TRAP):
        return RedirectResponse("/tickets/thanks", 303)
    try:
        form = check(NewRequest, values)
        token = await _accept(parts, form, key_of(values, form))
    except NotValid as wrong:
        return await _form(request, parts, values, wrong.errors, 422)
    return RedirectResponse(f"/tickets/thanks/{token}", 303)


@router.get("/tickets/thanks")
async def thanks(request: Request, parts: Parts) -> Response:
    """What a robot gets to see."""
    return parts.pages.render(request, "thanks.html", ticket=None, link="")


@router.get("/tickets/thanks/{token}")
async def thanks_for(request: Request, token: str, parts: Parts) -> Response:
    """The number, and the link to the request."""
    link = parts.links.read(token)
    if link is None:
        raise not_found("request")
    async with parts.database.begin() as session:
        ticket = await find_ticket_of(session, link)
    if ticket is None:
        raise not_found("request")
    return parts.pages.render(request, "thanks.html", ticket=ticket, link=f"/t/{token}")


async def _form(request: Request, parts: Intake, values: Values, errors: Values, status: int) -> Response:
    return parts.pages.render(
        request,
        "new.html",
        status,
        options=[(topic.slug, topic.name) for topic in await parts.topics.active()],
        values=values,
        errors=errors,
        form_id=form_id_of(values),
        page_class="narrow",
    )


async def _accept(parts: Intake, form: NewRequest, key: str) -> str:
    """Records the request once per key, and returns the token of its link."""
    topic = await parts.topics.find(form.topic)
    if topic is None:
        raise NotValid({"topic": WORDS["topic"]})
    submission = Submission(
        requester=Person(email=form.email, name=form.name, phone=form.phone),
        subject=form.subject,
        body=form.body,
        body_format=BodyFormat.TEXT,
        channel=Channel.PORTAL,
        received_at=utc_now(),
        topic_id=topic.id,
    )
    token = parts.links.token(TicketLink(submission.ticket_id, form.email))
    claim = Claim("portal:submit", key, b"")
    await submit_ticket_once(parts.database, claim, submission, Answer(token, 200))
    if claim.stored:
        return bytes(claim.stored.body).decode()
    parts.relay.wake()
    return token
