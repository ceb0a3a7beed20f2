"""Opens the ticket of an osTicket client's request, by the same command as every other channel; answers its number."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from services.intake.abuse import refusals as abuse
from services.intake.abuse.admission_control import EntryPoint
from services.intake.access.api_key_cache import KnownKey
from services.intake.app_state import AppState
from services.intake.attachments.attaching import ChosenFiles
from services.intake.commands.submit_ticket import (
    Submission,
    SubmissionAnswer,
    submit_ticket_once,
    submit_ticket_with_files,
)
from services.intake.forms import NO_FORM, Form
from services.intake.osticket.fields import answers_in
from services.intake.osticket.files import keep_files
from services.intake.osticket.json_body import read_json_body
from services.intake.osticket.refusals import OldRequestNotValid, denied
from services.intake.osticket.request_model import OldRequest
from services.intake.osticket.ticket import OWN, OldTicket, translate, unnamed_sender
from services.intake.osticket.topic import choose_topic
from services.intake.osticket.xml_body import read_xml_body
from services.intake.queries.requester_names import find_known_name
from services.intake.topic_cache import TopicEntry
from shared.kit.clock import utc_now
from shared.kit.http.body_check import check_body, refusing
from shared.kit.http.idempotency import IdempotencyClaim, fingerprint
from shared.kit.http.problems import Problem
from shared.kit.telemetry import log

READERS: Mapping[str, Callable[[bytes], OldRequest]] = {"json": read_json_body, "xml": read_xml_body}
"""By the suffix of the address; what the request calls its body is not looked at."""
NAMES_LOGGED = 20
INVALID = 422
MAX_REMARKS = 64 * 1024
"""Characters of all remarks on one ticket."""
REMARKS = "Remarks of the help desk on what the client program sent:"


async def accept(state: AppState, key: KnownKey, suffix: str, raw: bytes, idempotency_key: str | None) -> str:
    """The number of the ticket, durable by then. Raises Problem 400, 403, 409, 422 or 429, and NotValid."""
    sent = await asyncio.to_thread(READERS[suffix], raw)
    if sent.message:
        await _refuse_what_takes_long(state, sent.message.body)
    choice = await choose_topic(state.topics, sent, state.settings.osticket_default_topic)
    topic = choice.topic
    ticket = translate(sent, topic, await _known_name(state, sent))
    form = topic.form if topic else NO_FORM
    await _refuse_indigestible(state, ticket)
    answers = answers_in(form, sent, is_binding=choice.is_named)
    _log_ignored(sent, form)
    claim = IdempotencyClaim(
        f"{key.key_id}:osticket", idempotency_key, fingerprint(suffix, raw) if idempotency_key else b""
    )
    await _admit(state, ticket, claim)
    chosen, remarks = await keep_files(state.uploader, state.database, key.key_id, sent.files)
    submission = _submission(sent, ticket, topic, key, (*choice.remarks, *answers.remarks, *remarks))
    number = await _record(state, claim, replace(submission, fields=answers.values), chosen)
    if claim.stored:
        return bytes(claim.stored.body).decode()
    return number


async def _known_name(state: AppState, sent: OldRequest) -> str:
    """The name that somebody who wrote before goes by here, for a request without one."""
    email = unnamed_sender(sent)
    if not email:
        return ""
    async with state.database.begin() as session:
        return await find_known_name(session, email)


async def _refuse_indigestible(state: AppState, ticket: OldTicket) -> None:
    async with _refusing():
        await check_body(state.renderer, ticket.message.body, ticket.message.body_format, "/message")


async def _refuse_what_takes_long(state: AppState, body: str) -> None:
    """Takes our links out of a long body, so that nobody waits for that afterwards."""
    async with _refusing(), refusing("/message"):
        await state.renderer.redact_ahead(body)


@asynccontextmanager
async def _refusing() -> AsyncIterator[None]:
    """Raises NotValid for what is told of a message."""
    try:
        yield
    except Problem as refused:
        if refused.status != INVALID:
            raise
        raise OldRequestNotValid({"message": refused.detail}) from None


async def _record(state: AppState, claim: IdempotencyClaim, submission: Submission, chosen: ChosenFiles) -> str:
    answer = SubmissionAnswer(submission.number, 201)
    if chosen.files:
        return await submit_ticket_with_files(state.database, claim, submission, answer, chosen)
    return await submit_ticket_once(state.database, claim, submission, answer)


async def _admit(state: AppState, ticket: OldTicket, claim: IdempotencyClaim) -> None:
    try:
        await state.admission.admit(EntryPoint.CLIENT, ticket.requester.email, ticket.address, claim)
    except Problem as refused:
        match refused.code:
            case abuse.BANNED:
                raise denied() from None
            case abuse.TOO_MANY_OPEN:
                raise OldRequestNotValid({"email": refused.detail}) from None
        raise


def _submission(
    sent: OldRequest, ticket: OldTicket, topic: TopicEntry | None, key: KnownKey, remarks: tuple[str, ...]
) -> Submission:
    told = (*ticket.remarks, *remarks)
    return Submission(
        requester=ticket.requester,
        subject=ticket.subject,
        body=ticket.message.body,
        body_format=ticket.message.body_format,
        quoted="\n".join([REMARKS, *told])[:MAX_REMARKS] if told else "",
        channel=ticket.channel,
        received_at=utc_now(),
        topic_id=topic.id if topic else None,
        priority=ticket.priority or (topic.priority if topic else None),
        api_key_id=key.key_id,
        alert=sent.alert,
        acknowledge=sent.acknowledge,
    )


def _log_ignored(sent: OldRequest, form: Form) -> None:
    """Names without a meaning set nothing: neither a status nor an agent can come in this way."""
    ignored = sorted(name[:64] for name in sent.values.keys() - OWN - form.by_name.keys())
    if ignored:
        log.info("osticket.ignored", names=ignored[:NAMES_LOGGED], count=len(ignored))
