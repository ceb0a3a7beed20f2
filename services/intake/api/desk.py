"""Internal routes for the desk: agents' file uploads, and tickets opened for requesters."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from services.intake.api.attachments import received
from services.intake.api.route import ApiRoute, answer
from services.intake.api.tickets import checked_fields, find_topic
from services.intake.api.topics import topic_view
from services.intake.app_state import AppState
from services.intake.attachments.attaching import ChosenFiles, owner_of_agent
from services.intake.commands.duplicate_submission import DuplicateSubmission, SubmittedContent
from services.intake.commands.submit_ticket import (
    Submission,
    SubmissionAnswer,
    submit_ticket_once,
    submit_ticket_with_files,
)
from services.intake.deps import State
from services.intake.errors import unknown_key
from services.intake.forms.answers import files_in
from services.intake.models import Ticket
from services.intake.schemas import SubmitTicket, TopicView, UploadedFile
from services.intake.topic_cache import TopicEntry
from shared.contracts.events import Person
from shared.contracts.vocabulary import Channel
from shared.kit.auth import AgentProofs
from shared.kit.clock import utc_now
from shared.kit.http.app import canonical
from shared.kit.http.body_check import check_body
from shared.kit.http.idempotency import IdempotencyClaim, IdempotencyKey, fingerprint
from shared.kit.http.paging import Page
from shared.kit.http.problems import Problem

PROOF = "X-Everdesk-Agent"
router = APIRouter(prefix="/internal", route_class=ApiRoute, include_in_schema=False)


class DeskTicket(SubmitTicket):
    """A ticket that an agent opens for somebody."""

    channel: Channel = Channel.PHONE


class Repeated(StrEnum):
    """What becomes of the same words for the same requester within minutes."""

    ASKED = "asked"
    TAKEN = "taken"


class OpenedTicket(BaseModel):
    """What the desk needs of it. The requester's own link is not among it."""

    id: UUID
    number: str


async def get_agent(request: Request, state: State) -> UUID:
    """The agent whom the desk speaks for. Raises Problem 401 for a statement that is not the desk's."""
    agent = AgentProofs(state.settings).read(request.headers.get(PROOF, ""))
    if agent is None:
        raise unknown_key()
    return agent


DeskAgentId = Annotated[UUID, Depends(get_agent)]


@router.post("/attachments", status_code=201)
async def upload(request: Request, agent: DeskAgentId, state: State) -> Response:
    """One file, written to storage as it arrives."""
    attachment = await received(request, state, owner_of_agent(agent))
    async with state.database.begin() as session:
        session.add(attachment)
        await session.flush()
        uploaded = UploadedFile.of(attachment, state.settings.unattached_hours)
    return answer(uploaded, 201)


@router.get("/topics")
async def list_topics(_: DeskAgentId, state: State) -> Page[TopicView]:
    """The topics to choose from, each with its form, questions for agents among them."""
    return Page(items=[topic_view(entry) for entry in await state.topics.active()])


@router.post("/tickets", status_code=201)
async def open_ticket(
    request: DeskTicket,
    agent: DeskAgentId,
    state: State,
    idempotency_key: IdempotencyKey = None,
    repeated: Repeated | None = None,
) -> Response:
    """Opens a ticket with the same checks as everywhere; no limit of a requester's keeps an agent from it.

    `repeated` says what is wanted of a page's form whose words came a moment ago: it is asked about (Problem 409), or
    taken all the same.
    """
    await check_body(state.renderer, request.body, request.body_format)
    topic = await find_topic(state, request.topic)
    submission = _submission(request, topic)
    draft = OpenedTicket(id=submission.ticket_id, number=submission.number).model_dump_json()
    content = fingerprint(canonical(request.model_dump(mode="json"))) if idempotency_key else b""
    claim = IdempotencyClaim(f"agent:{agent.hex}:submit", idempotency_key, content)
    chosen, prepared = _files(request, submission, topic, agent), SubmissionAnswer(draft, 201)
    words = None if repeated is None else _content(state, submission, is_wanted=repeated is Repeated.TAKEN)
    try:
        number = await _submit(state, claim, submission, prepared, chosen, words)
    except DuplicateSubmission as duplicate:
        raise await _sent_already(state, duplicate) from None
    return claim.stored or answer(draft.replace(submission.number, number).encode(), 201)


async def _submit(
    state: AppState,
    claim: IdempotencyClaim,
    submission: Submission,
    prepared: SubmissionAnswer,
    chosen: ChosenFiles,
    content: SubmittedContent | None,
) -> str:
    if chosen.files or submission.cc or content:
        return await submit_ticket_with_files(
            state.database, claim, submission, prepared, chosen, state.invitations, content
        )
    return await submit_ticket_once(state.database, claim, submission, prepared)


def _content(state: AppState, submission: Submission, *, is_wanted: bool) -> SubmittedContent:
    """What is the same again: the requester, the topic and the words, whichever agent writes them down."""
    words = (str(submission.topic_id), submission.subject, submission.body)
    return SubmittedContent("desk:same", submission.requester.email, words, state.settings.repeat_window, is_wanted)


async def _sent_already(state: AppState, duplicate: DuplicateSubmission) -> Problem:
    async with state.database.begin() as session:
        ticket = await session.get_one(Ticket, duplicate.ticket_id)
    return Problem(409, "sent_already", f"the same was opened a moment ago as ticket {ticket.number}")


def _submission(request: DeskTicket, topic: TopicEntry | None) -> Submission:
    return Submission(
        requester=Person(**request.requester.model_dump()),
        subject=request.subject,
        body=request.body,
        body_format=request.body_format,
        channel=request.channel,
        received_at=utc_now(),
        topic_id=topic.id if topic else None,
        priority=request.priority or (topic.priority if topic else None),
        fields=checked_fields(request, topic),
        cc=tuple(request.cc),
    )


def _files(request: DeskTicket, submission: Submission, topic: TopicEntry | None, agent: UUID) -> ChosenFiles:
    answers = files_in(topic.form, submission.fields) if topic else {}
    return ChosenFiles.of(owner_of_agent(agent), request.attachments, answers)
