"""Accepting a request: ticket, first message, event and stored answer in one statement."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.intake.commands.announce import outbox_row
from services.intake.schemas import FieldValue
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import Person, TicketSubmitted
from shared.contracts.tickets import TopicId
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel, Priority, Status
from shared.kit.auth import new_token
from shared.kit.clock import new_id
from shared.kit.db import Session
from shared.kit.http.app import canonical

STORE_ANSWER = """, answer as (
  insert into answers (scope, key, request_hash, status, body, etag) values (
    :answer_scope, :answer_key, :answer_request_hash, :answer_status,
    convert_to(replace(:answer_body, :stand_in, (select number from drawn)), 'UTF8'), :answer_etag
  )
)"""
ACCEPT = """
with drawn as (
  select cast(nextval('ticket_numbers') as text) as number
), ticket as (
  insert into tickets (
    id, number, requester_email, requester_name, requester_phone, subject, topic_id, channel, requested_priority,
    fields, cc, follows, api_key_id, created_at, status, priority, seq, revision, is_archived, updated_at
  ) values (
    :id, (select number from drawn), :requester_email, :requester_name, :requester_phone, :subject, :topic_id, :channel,
    :requested_priority, :fields, :cc, :follows, :api_key_id, :received_at, :status, :priority, 0, 0, false,
    :received_at
  )
), message as (
  insert into messages (
    id, ticket_id, author_kind, author_name, body, body_format, channel, received_at, is_automatic
  ) values (
    :message_id, :id, :author_kind, :requester_name, :body, :body_format, :channel, :received_at, false
  )
), event as (
  insert into outbox (event_id, subject, envelope) values (
    :event_id, :event_subject, convert_to(replace(:envelope, :stand_in, (select number from drawn)), 'UTF8')
  )
)"""
ACCEPT_ONLY = text(ACCEPT + " select number from drawn")  # noqa: S608 - constants only
ACCEPT_AND_ANSWER = text(ACCEPT + STORE_ANSWER + " select number from drawn")  # noqa: S608 - constants only
"""One round trip instead of five: this is the path every request for help takes.

The number is drawn where it is used; in the event and the answer a stand-in that nobody can guess waits for it.
"""


def _new_ticket_id() -> TicketId:
    return TicketId(new_id())


def _new_message_id() -> MessageId:
    return MessageId(new_id())


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A request for help as it came through one of the doors, already checked."""

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
    ticket_id: TicketId = field(default_factory=_new_ticket_id)
    message_id: MessageId = field(default_factory=_new_message_id)
    number: str = field(default_factory=new_token)
    """A stand-in for the number, which is drawn when the request is recorded."""

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
            received_at=self.received_at,
        )


async def submit_ticket(session: Session, submission: Submission, answer: Mapping[str, Any] | None = None) -> str:
    """Records a request with everything that follows from it, and returns its number.

    `answer` is the row that makes a retry safe; where it contains the stand-in, the number is put.
    """
    event = outbox_row(submission.event(), f"{submission.ticket_id}:submitted", submission.received_at)
    values = _columns(submission) | {
        "event_id": event["event_id"],
        "event_subject": event["subject"],
        "envelope": event["envelope"].decode(),
    }
    if answer is None:
        return str(await session.scalar(ACCEPT_ONLY, values))
    values |= {f"answer_{name}": value for name, value in answer.items()}
    values["answer_body"] = answer["body"].decode()
    return str(await session.scalar(ACCEPT_AND_ANSWER, values))


def _columns(submission: Submission) -> dict[str, Any]:
    return {
        "id": submission.ticket_id,
        "stand_in": submission.number,
        "requester_email": submission.requester.email,
        "requester_name": submission.requester.name,
        "requester_phone": submission.requester.phone,
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
    }
