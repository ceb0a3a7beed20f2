"""Accepting a request: ticket, first message, event and stored answer in one statement."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from services.intake.abuse.invitations import InvitationLimits, Inviter
from services.intake.abuse.open_tickets import COUNT_OPEN_SQL
from services.intake.abuse.refusals import too_many_open
from services.intake.attachments.attaching import ChosenFiles
from services.intake.attachments.attaching import claim as claim_files
from services.intake.commands.duplicate_submission import SubmittedContent, refuse_duplicate
from services.intake.commands.participants import InvitedPerson, ParticipantOrigin, invite_participants
from services.intake.forms.unstructured import FieldValue
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import AttachmentRef, Person, TicketSubmitted
from shared.contracts.redaction import redacted, redacted_values
from shared.contracts.tickets import TopicId
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel, Priority, Status
from shared.kit.auth import new_token
from shared.kit.clock import new_id
from shared.kit.db import Database, Session
from shared.kit.http.app import canonical
from shared.kit.http.idempotency import CLAIM, IdempotencyClaim, idempotent_transaction, second_refused
from shared.kit.outbox import note_rows, row_of
from shared.kit.outbox_row import OutboxRow

DRAW = "select cast(nextval('ticket_numbers') as text) as number"
RECORD = """
ticket as (
  insert into tickets (
    id, number, requester_email, requester_name, requester_phone, requester_language, subject, topic_id, channel,
    requested_priority, fields, cc, follows, api_key_id, created_at, status, priority, seq, revision, is_archived,
    updated_at
  ) select
    cast(:id as uuid), number, :requester_email, :requester_name, :requester_phone, :requester_language, :subject,
    cast(:topic_id as uuid), :channel, :requested_priority, cast(:fields as json), cast(:cc as text[]),
    cast(:follows as uuid), :api_key_id,
    cast(:received_at as timestamptz), :status, :priority, 0, 0, false, cast(:received_at as timestamptz)
  from drawn
), message as (
  insert into messages (
    id, ticket_id, author_kind, author_name, body, body_format, quoted, channel, received_at, is_automatic
  ) select
    cast(:message_id as uuid), cast(:id as uuid), :author_kind, :requester_name, :body, :body_format, :quoted, :channel,
    cast(:received_at as timestamptz), :is_automatic
  from drawn
), event as (
  insert into outbox (event_id, subject, envelope)
  select :event_id, :event_subject, convert_to(replace(:envelope, :stand_in, number), 'UTF8') from drawn
  returning id
)"""
STORE = """
answer as (
  insert into idempotency_responses (scope, key, request_hash, status, body, etag)
  select
    :scope, :key, cast(:request_hash as bytea), cast(:answer_status as integer),
    convert_to(replace(:answer_body, :stand_in, number), 'UTF8'), :answer_etag
  from drawn
)"""
ROW = "select number, (select id from event) as row_id"
SUBMIT = text(f"with drawn as ({DRAW}), {RECORD} {ROW} from drawn")
SUBMIT_ONCE = text(f"""
with claim as ({CLAIM}), drawn as ({DRAW} from claim where is_free and request_hash is null), {RECORD}, {STORE}
select claim.*, made.* from claim left join ({ROW} from drawn) as made on true
""")  # noqa: S608 - made of constants
SUBMIT_WITHIN = text(f"""
with held as ({COUNT_OPEN_SQL}), drawn as ({DRAW} from held where open < :max_open), {RECORD} {ROW} from drawn
""")
SUBMIT_ONCE_WITHIN = text(f"""
with claim as ({CLAIM}), held as ({COUNT_OPEN_SQL}),
drawn as ({DRAW} from claim, held where is_free and request_hash is null and open < :max_open), {RECORD}, {STORE}
select claim.*, made.* from claim left join ({ROW} from drawn) as made on true
""")  # noqa: S608 - made of constants
"""One round trip instead of six: this is the path every request for help takes.

The number is drawn where it is used; in the event and the answer a stand-in that nobody can guess waits for it.
"""


def _new_ticket_id() -> TicketId:
    return TicketId(new_id())


def _new_message_id() -> MessageId:
    return MessageId(new_id())


@dataclass(frozen=True, slots=True)
class SubmissionAnswer:
    """What a retry will be given again."""

    body: str
    status: int
    etag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A new ticket from any channel, already validated."""

    requester: Person
    subject: str
    body: str
    body_format: BodyFormat
    channel: Channel
    received_at: datetime
    topic_id: UUID | None = None
    priority: Priority | None = None
    fields: Mapping[str, FieldValue] = field(default_factory=dict)
    cc: tuple[str, ...] = ()
    api_key_id: str | None = None
    follows: UUID | None = None
    attachments: tuple[AttachmentRef, ...] = ()
    quoted: str = ""
    mail_id: str | None = None
    is_automatic: bool = False
    acknowledge: bool = True
    alert: bool = True
    ticket_id: TicketId = field(default_factory=_new_ticket_id)
    message_id: MessageId = field(default_factory=_new_message_id)
    number: str = field(default_factory=new_token)
    """A stand-in for the number, which is drawn when the request is recorded."""

    def __post_init__(self) -> None:
        """Takes our personal links out of subject, body and fields."""
        for name in ("subject", "body", "quoted"):
            object.__setattr__(self, name, redacted(getattr(self, name)))
        object.__setattr__(self, "fields", redacted_values(self.fields))

    def event(self) -> TicketSubmitted:
        """What the other services learn of it."""
        return TicketSubmitted(
            ticket_id=self.ticket_id,
            number=self.number,
            message_id=self.message_id,
            requester=self.requester,
            subject=self.subject,
            body=self.body,
            body_format=self.body_format,
            channel=self.channel,
            topic_id=TopicId(self.topic_id) if self.topic_id else None,
            priority=self.priority,
            fields=dict(self.fields),
            cc=self.cc,
            follows=TicketId(self.follows) if self.follows else None,
            attachments=self.attachments,
            quoted=self.quoted,
            is_automatic=self.is_automatic,
            acknowledge=self.acknowledge,
            alert=self.alert,
            mail_id=self.mail_id,
            received_at=self.received_at,
        )


async def submit_ticket(session: Session, submission: Submission) -> str:
    """Records a request with everything that follows from it, and returns its number."""
    values = _columns(submission)
    row = (await session.execute(SUBMIT, values)).one()
    note_rows(session, [_outbox_row(row, values)])
    return str(row.number)


def _outbox_row(made: Row[Any], values: Mapping[str, Any]) -> OutboxRow:
    """The row of the event as it was written, with the number in the stand-in's place."""
    envelope = values["envelope"].replace(values["stand_in"], made.number)
    return OutboxRow(made.row_id, values["event_id"], values["event_subject"], envelope.encode())


async def submit_ticket_once(
    database: Database, claim: IdempotencyClaim, submission: Submission, answer: SubmissionAnswer, max_open: int = 0
) -> str:
    """Records a request and its answer, in which the number takes the place of the stand-in.

    A retry records nothing: then `claim.stored` has the first answer. Raises Problem 409 or 422 as
    `idempotent_transaction` does, and 422 if the requester has `max_open` tickets already; 0 is no limit.
    """
    number = await _in_one_statement(database, claim, submission, answer, max_open)
    if number is None and claim.stored is None:
        raise too_many_open(max_open)
    return str(number)


async def _in_one_statement(
    database: Database, claim: IdempotencyClaim, submission: Submission, answer: SubmissionAnswer, max_open: int
) -> str | None:
    values = _columns(submission) | ({"max_open": max_open} if max_open else {})
    if claim.key is None:
        made = next(iter(await database.fetch(SUBMIT_WITHIN if max_open else SUBMIT, values)), None)
    else:
        made = await _claimed(database, claim, answer, values, max_open)
    if made is None:
        return None
    await database.announce([_outbox_row(made, values)])
    return str(made.number)


async def _claimed(
    database: Database,
    claim: IdempotencyClaim,
    answer: SubmissionAnswer,
    values: Mapping[str, Any],
    max_open: int,
) -> Row[Any] | None:
    """What was recorded under the claim's key; None if it has an answer, or too many tickets are open."""
    keyed = {**values, **claim.values, "request_hash": claim.request_hash}
    keyed |= {"answer_body": answer.body, "answer_status": answer.status, "answer_etag": answer.etag}
    with second_refused():
        [row] = await database.fetch(SUBMIT_ONCE_WITHIN if max_open else SUBMIT_ONCE, keyed)
    claim.settle(row)
    return row if row.number is not None else None


async def submit_ticket_with_files(
    database: Database,
    claim: IdempotencyClaim,
    submission: Submission,
    answer: SubmissionAnswer,
    chosen: ChosenFiles,
    limits: InvitationLimits | None = None,
    content: SubmittedContent | None = None,
) -> str:
    """The same where files go with the request, or people are in copy: several statements, one transaction.

    People in copy are asked only where `limits` are given: by client programs, whose key is trusted.
    `content` is what people sent, so that the same is not taken twice by mistake.
    Raises Problem 422 for a file that is not there to be attached, DuplicateSubmission for what was sent a moment ago.
    """
    async with idempotent_transaction(database, claim.scope, claim.key, claim.request_hash) as guarded:
        if guarded.stored:
            claim.stored = guarded.stored
            return submission.number
        if content is not None:
            await refuse_duplicate(guarded.session, content, submission.ticket_id)
        refs = await claim_files(guarded.session, chosen, submission.ticket_id, submission.message_id)
        number = await submit_ticket(guarded.session, replace(submission, attachments=refs))
        if limits is not None and submission.cc:
            await _invite(guarded.session, submission, limits)
        body = answer.body.replace(submission.number, number)
        await guarded.store(body.encode(), answer.status, answer.etag)
    return number


async def _invite(session: Session, submission: Submission, limits: InvitationLimits) -> None:
    requester = submission.requester.email
    origin = ParticipantOrigin(submission.channel, submission.received_at, inviter=Inviter(requester))
    guests = [InvitedPerson(email) for email in submission.cc if email.casefold() != requester.casefold()]
    await invite_participants(session, submission.ticket_id, guests, origin, limits)


def _columns(submission: Submission) -> dict[str, Any]:
    event = row_of(submission.event().envelope(f"{submission.ticket_id}:submitted", submission.received_at))
    return {
        "event_id": event["event_id"],
        "event_subject": event["subject"],
        "envelope": event["envelope"].decode(),
        "id": submission.ticket_id,
        "stand_in": submission.number,
        "requester_email": submission.requester.email,
        "requester_name": submission.requester.name,
        "requester_phone": submission.requester.phone,
        "requester_language": submission.requester.language,
        "subject": submission.subject,
        "topic_id": submission.topic_id,
        "channel": submission.channel,
        "requested_priority": submission.priority,
        "fields": canonical(submission.fields).decode(),
        "cc": list(submission.cc),
        "follows": submission.follows,
        "api_key_id": submission.api_key_id,
        "received_at": submission.received_at,
        "status": Status.NEW,
        "priority": submission.priority or Priority.NORMAL,
        "message_id": submission.message_id,
        "author_kind": ActorKind.REQUESTER,
        "body": submission.body,
        "body_format": submission.body_format,
        "quoted": submission.quoted,
        "is_automatic": submission.is_automatic,
    }
