"""Asking for help by form: what it is about first, then what the topic asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.status import HTTP_409_CONFLICT, HTTP_429_TOO_MANY_REQUESTS

from services.intake.abuse.admission_control import EntryPoint
from services.intake.access.link_access import link_not_valid
from services.intake.app_state import AppState
from services.intake.attachments.attaching import ChosenFiles
from services.intake.commands.duplicate_submission import DuplicateSubmission, SubmittedContent
from services.intake.commands.submit_ticket import Submission, SubmissionAnswer, submit_ticket_with_files
from services.intake.deps import State
from services.intake.forms import Answer as FieldAnswer
from services.intake.forms import Audience
from services.intake.forms.answers import files_in
from services.intake.models import Ticket
from services.intake.topic_cache import TopicEntry
from services.intake.web.files import ATTACHMENT, chosen_files, files_by_input
from services.intake.web.form_questions import MORE_QUESTIONS, PHONE_PATTERN, FormQuestion, answers_from, questions_of
from services.intake.web.forms import (
    TRAP,
    FormNotValid,
    NewRequest,
    PortalForm,
    Values,
    check,
    correction_of,
    form_id_of,
    key_of,
    read_form,
)
from services.intake.web.link_deps import Token
from services.intake.web.route import PortalPageRoute
from services.intake.web.similar import similar_to
from shared.contracts.base import TicketId
from shared.contracts.events import Person
from shared.contracts.vocabulary import BodyFormat, Channel
from shared.kit.clock import utc_now
from shared.kit.http.app import canonical
from shared.kit.http.client_address import address_of
from shared.kit.http.idempotency import IdempotencyClaim
from shared.kit.i18n.languages import current_language
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

SEND_ANYWAY = "send_anyway"
"""The value of the button that sends the same once more."""
TOPIC_GONE = _("The topic you came for is not offered any more. Please choose what comes closest.")
CHANGE_TOPIC = "change_topic"
"""The value of the button that asks for another topic's questions."""
ABOUT_THE_REQUESTER = ("email", "name", "phone")
"""Asked last, after the topic's questions."""
router = APIRouter(route_class=PortalPageRoute, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class RequestedForm:
    """A request that can be accepted."""

    form: NewRequest
    topic: TopicEntry
    answers: Mapping[str, FieldAnswer]
    files: ChosenFiles

    @property
    def words(self) -> dict[str, FieldAnswer]:
        """The answers without files, which get new ids each time they are sent."""
        named = set(self.files.files.values())
        return {name: answer for name, answer in self.answers.items() if name not in named}


@router.get("/tickets/new")
async def blank_form(request: Request, state: State, topic: Annotated[str, Query(max_length=64)] = "") -> Response:
    """What it is about, then the form with the questions of that topic.

    A link kept from before may name a topic that was switched off since: the page says so and offers the others.
    """
    if await state.topics.find_public(topic) is None:
        topics = await state.topics.public()
        notices = [("info", gettext(TOPIC_GONE))] if topic and topics else []
        return state.pages.render(request, "topics.html", topics=topics, notices=notices)
    return await _form(request, state, PortalForm([("topic", topic)]))


@router.post("/tickets/new")
async def send_form(request: Request, state: State) -> Response:
    """Accepts the request, or shows the form again with what to correct or to add."""
    sent = await read_form(request, state)
    if sent.get(TRAP):
        return RedirectResponse("/tickets/thanks", 303)
    topic = await state.topics.find_public(sent.get("topic", "").strip())
    if sent.get("do") == CHANGE_TOPIC:
        return await _form(request, state, sent)
    if topic and _was_not_asked(topic, sent):
        return await _form(request, state, sent, status=422, notice=MORE_QUESTIONS)
    address = address_of(request, state.settings.trusted_proxies)
    try:
        wanted = _checked(sent, topic)
        key = key_of(sent, wanted.form, canonical(wanted.words), sent.get("do", "").encode())
        if not state.form_guard.allows(sent, form_id_of(sent), address):
            return await _stopped(request, state, sent)
        await state.admission.admit(EntryPoint.PEOPLE, wanted.form.email, address, _claim(key))
        token = await _accept(state, wanted, key, is_wanted=sent.get("do") == SEND_ANYWAY)
    except FormNotValid as wrong:
        is_gone = topic is None and bool(sent.get("topic", "").strip())
        return await _form(request, state, sent, wrong.errors, 422, TOPIC_GONE if is_gone else "")
    except DuplicateSubmission as repeated:
        return await _form(request, state, sent, status=HTTP_409_CONFLICT, earlier=repeated.ticket_id)
    return RedirectResponse(f"/tickets/thanks/{token}" if token else "/tickets/thanks", 303)


@router.get("/tickets/thanks")
async def thanks(request: Request, state: State) -> Response:
    """What a robot gets to see."""
    return state.pages.render(request, "thanks.html", ticket=None, link="", said="")


@router.get("/tickets/thanks/{token}")
async def thanks_for(request: Request, token: Token, state: State) -> Response:
    """The number and what the topic has to say; the link only where this browser has shown to read that mail.

    Whoever sends a form may have typed anybody's address: the link is mailed there, and shown to nobody.
    Raises Problem 404 for a receipt that is none of ours, or old.
    """
    ticket_id = state.receipts.read(token)
    async with state.database.begin() as session:
        ticket = await session.get(Ticket, ticket_id) if ticket_id else None
    if ticket is None or ticket.erased_at is not None:
        raise link_not_valid()
    proof = state.email_verification.find(request, ticket.requester_email)
    link = f"/t/{state.links.token(proof.link_to(TicketId(ticket.id)))}" if proof else ""
    topic = await state.topics.of_ticket(ticket.topic_id)
    thanks = topic.thanks if topic else ""
    said = (await state.renderer.prose([thanks]))[thanks] if thanks else ""
    return state.pages.render(request, "thanks.html", ticket=ticket, link=link, said=said)


def _was_not_asked(topic: TopicEntry, sent: PortalForm) -> bool:
    """Whether the form was sent for a topic whose questions the page did not show."""
    return sent.get("asked", topic.slug) != topic.slug and any(topic.form.fields_for(Audience.EVERYONE))


def _checked(sent: PortalForm, topic: TopicEntry | None) -> RequestedForm:
    """The request and the answers to its topic's questions. Raises NotValid with everything that is wrong."""
    errors: dict[str, str] = {} if topic else {"topic": correction_of("topic")}
    errors |= sent.refused
    form, answers = None, None
    try:
        form = check(NewRequest, sent)
    except FormNotValid as wrong:
        errors |= wrong.errors
    try:
        answers = answers_from(topic.form, sent) if topic else None
    except FormNotValid as wrong:
        errors |= wrong.errors
    if errors or form is None or topic is None or answers is None:
        raise FormNotValid(errors)
    return RequestedForm(form, topic, answers, chosen_files(sent, files_in(topic.form, answers)))


async def _stopped(request: Request, state: AppState, sent: PortalForm) -> Response:
    """The form again, with all that was written: it passes once it was on a page for some seconds."""
    page = await _form(request, state, sent, status=HTTP_429_TOO_MANY_REQUESTS)
    page.headers["Retry-After"] = "60"
    return page


async def _form(
    request: Request,
    state: AppState,
    sent: PortalForm,
    errors: Values | None = None,
    status: int = 200,
    notice: str = "",
    earlier: UUID | None = None,
) -> Response:
    topic = await state.topics.find_public(sent.get("topic", "").strip())
    errors = errors or {}
    questions = questions_of(topic.form, sent, errors) if topic else []
    form_id = form_id_of(sent)
    return state.pages.render(
        request,
        "new.html",
        status,
        options=[(each.slug, each.name) for each in await state.topics.public()],
        topic=topic,
        questions=questions,
        files=await files_by_input(state, sent),
        values=sent | {"topic": topic.slug} if topic else sent,
        errors=_in_page_order(errors, questions),
        wrong={name: correction_of(name) for name in ABOUT_THE_REQUESTER},
        phone_pattern=PHONE_PATTERN,
        similar=await similar_to(request, state, sent.get("subject", ""), sent.get("email", "")),
        form_id=form_id,
        made=state.form_guard.issue_stamp(form_id),
        is_stopped=status == HTTP_429_TOO_MANY_REQUESTS,
        earlier=await _named(request, state, earlier) if earlier else None,
        notices=[("info", gettext(notice))] if notice else [],
        page_class="narrow",
    )


def _in_page_order(errors: Values, questions: list[FormQuestion]) -> dict[str, str]:
    order = ["topic", "subject", "body", ATTACHMENT, *(question.name for question in questions), *ABOUT_THE_REQUESTER]
    return {name: errors[name] for name in order if name in errors}


async def _named(request: Request, state: AppState, ticket_id: UUID) -> dict[str, str]:
    """The number of the ticket that was opened before; its link only for whoever has shown to read that mail."""
    async with state.database.begin() as session:
        ticket = await session.get_one(Ticket, ticket_id)
    proof = state.email_verification.find(request, ticket.requester_email)
    link = f"/t/{state.links.token(proof.link_to(TicketId(ticket.id)))}" if proof else ""
    return {"number": ticket.number, "link": link}


async def _accept(state: AppState, wanted: RequestedForm, key: str, *, is_wanted: bool) -> str:
    """Records the request once per key, and returns the token of its receipt. Raises Repeated."""
    form = wanted.form
    submission = Submission(
        requester=Person(email=form.email, name=form.name, phone=form.phone, language=current_language().tag),
        subject=form.subject,
        body=form.body,
        body_format=BodyFormat.TEXT,
        channel=Channel.PORTAL,
        received_at=utc_now(),
        topic_id=wanted.topic.id,
        priority=wanted.topic.priority,
        fields=wanted.answers,
    )
    token = state.receipts.token(submission.ticket_id)
    claim, prepared = _claim(key), SubmissionAnswer(token, 200)
    words = (wanted.topic.slug, form.subject, form.body)
    content = SubmittedContent("portal:same", form.email, words, state.settings.repeat_window, is_wanted)
    await submit_ticket_with_files(state.database, claim, submission, prepared, wanted.files, content=content)
    if claim.stored:
        return bytes(claim.stored.body).decode()
    return token


def _claim(key: str) -> IdempotencyClaim:
    return IdempotencyClaim("portal:submit", key, b"")
