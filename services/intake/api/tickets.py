"""Submitting a request, and reading what became of it."""

import json
from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.intake.abuse.admission_control import EntryPoint
from services.intake.access.api_key_cache import KnownKey
from services.intake.api.attachments import owner_of
from services.intake.api.authentication import Creator, Reader
from services.intake.api.route import ApiRoute, answer
from services.intake.app_state import AppState
from services.intake.attachments.attaching import ChosenFiles
from services.intake.commands.submit_ticket import (
    Submission,
    SubmissionAnswer,
    submit_ticket_once,
    submit_ticket_with_files,
)
from services.intake.deps import State
from services.intake.errors import lists_without_form, unknown_topic, wrong_fields
from services.intake.forms import Audience, check_answers
from services.intake.forms.answers import files_in
from services.intake.forms.unstructured import FieldValue
from services.intake.live.timeline_queries import follow_ups_of
from services.intake.queries.tickets import get_ticket, list_tickets
from services.intake.schemas import RequesterView, SubmittedTicket, SubmitTicket, TicketFilters, TicketView
from services.intake.topic_cache import TopicEntry
from shared.contracts.events import Person
from shared.contracts.vocabulary import Channel, Priority, Status
from shared.kit.auth import TicketLink
from shared.kit.clock import utc_now
from shared.kit.http.app import canonical
from shared.kit.http.body_check import check_body
from shared.kit.http.etags import IfNoneMatch, etag_of, is_known
from shared.kit.http.idempotency import IdempotencyClaim, IdempotencyKey, fingerprint
from shared.kit.http.paging import Page

FIRST_REVISION = 0
router = APIRouter(prefix="/v1", route_class=ApiRoute, tags=["tickets"])


@router.post("/tickets", status_code=201, response_model=SubmittedTicket)
async def submit(request: SubmitTicket, key: Creator, state: State, idempotency_key: IdempotencyKey = None) -> Response:
    """Ask for help. The ticket is safe once this answers, whatever else is down."""
    await check_body(state.renderer, request.body, request.body_format)
    topic = await find_topic(state, request.topic)
    submission = _submission(request, topic, key)
    content = fingerprint(canonical(request.model_dump(mode="json"))) if idempotency_key else b""
    draft = _answer(state, submission, topic).model_dump_json()
    etag = etag_of(FIRST_REVISION)
    claim = IdempotencyClaim(f"{key.key_id}:submit", idempotency_key, content)
    prepared, chosen = SubmissionAnswer(draft, 201, etag), _files(request, submission, topic, key)
    if chosen.files or submission.cc:
        await state.admission.admit(EntryPoint.CLIENT, request.requester.email, claim=claim)
        number = await submit_ticket_with_files(state.database, claim, submission, prepared, chosen, state.invitations)
    else:
        max_open = await state.admission.screen(EntryPoint.CLIENT, request.requester.email)
        number = await submit_ticket_once(state.database, claim, submission, prepared, max_open)
    if claim.stored:
        return _located(claim.stored)
    body = draft.replace(submission.number, number).encode()
    return answer(body, 201, etag=etag, location=f"/v1/tickets/{submission.ticket_id}")


@router.get("/tickets")
async def list_all(filters: Annotated[TicketFilters, Query()], key: Reader, state: State) -> Page[TicketView]:
    """The tickets this key created, newest first."""
    topic = await find_topic(state, filters.topic)
    async with state.database.begin() as session:
        tickets, next_cursor = await list_tickets(session, key.key_id, filters, topic.id if topic else None)
    items = [TicketView.of(ticket, await state.topics.slug_of(ticket.topic_id)) for ticket in tickets]
    return Page(items=items, next_cursor=next_cursor)


@router.get("/tickets/{ticket_id}", response_model=TicketView)
async def read(ticket_id: UUID, key: Reader, state: State, if_none_match: IfNoneMatch = None) -> Response:
    """A ticket as it stands now."""
    async with state.database.begin() as session:
        ticket = await get_ticket(session, ticket_id, key.key_id)
        after = await follow_ups_of(session, ticket_id) if ticket.is_archived else ()
    onward = [each.id for each in after if each.api_key_id == ticket.api_key_id]
    view = TicketView.of(ticket, await state.topics.slug_of(ticket.topic_id), onward)
    body = view.model_dump_json().encode()
    etag = etag_of(ticket.revision, body)
    return (
        Response(status_code=304, headers={"ETag": etag}) if is_known(if_none_match, etag) else answer(body, etag=etag)
    )


async def find_topic(state: AppState, name: str | None) -> TopicEntry | None:
    """The topic of that slug or id, None where none is named. Raises Problem 422 for one there is not."""
    if name is None:
        return None
    topic = await state.topics.find(name)
    if topic is None:
        raise unknown_topic()
    return topic


def _submission(request: SubmitTicket, topic: TopicEntry | None, key: KnownKey) -> Submission:
    return Submission(
        requester=Person(**request.requester.model_dump()),
        subject=request.subject,
        body=request.body,
        body_format=request.body_format,
        channel=Channel.API,
        received_at=utc_now(),
        topic_id=topic.id if topic else None,
        priority=request.priority or (topic.priority if topic else None),
        fields=checked_fields(request, topic),
        cc=tuple(request.cc),
        api_key_id=key.key_id,
    )


def _files(request: SubmitTicket, submission: Submission, topic: TopicEntry | None, key: KnownKey) -> ChosenFiles:
    answers = files_in(topic.form, submission.fields) if topic else {}
    return ChosenFiles.of(owner_of(key.key_id), request.attachments, answers)


def checked_fields(request: SubmitTicket, topic: TopicEntry | None) -> Mapping[str, FieldValue]:
    """The answers to the topic's form, or the program's own data where there is none. Raises Problem 422."""
    if topic is None or not topic.form:
        if any(isinstance(value, list) for value in request.fields.values()):
            raise lists_without_form()
        return request.fields
    checked = check_answers(topic.form, request.fields, Audience.AGENTS)
    if refused := checked.wrong | checked.surplus:
        raise wrong_fields(refused)
    return checked.values


def _answer(state: AppState, submission: Submission, topic: TopicEntry | None) -> SubmittedTicket:
    requester = submission.requester
    return SubmittedTicket(
        id=submission.ticket_id,
        number=submission.number,
        status=Status.NEW,
        subject=submission.subject,
        topic=topic.slug if topic else None,
        priority=submission.priority or Priority.NORMAL,
        requester=RequesterView(**requester.model_dump()),
        created_at=submission.received_at,
        access_url=state.links.url(TicketLink(submission.ticket_id, requester.email)),
    )


def _located(stored: Response) -> Response:
    """A repeated answer tells again where the ticket is."""
    stored.headers["Location"] = f"/v1/tickets/{json.loads(bytes(stored.body))['id']}"
    return stored
