"""Keeps the read model, the conversation, the event log and the verdicts: a batch of events is one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from services.assignment.commands.conversation.side_mail import take_failed_mail, take_side_message
from services.assignment.commands.conversation.staff_mail import take_staff_mail
from services.assignment.commands.execution.projection import (
    LifecycleRows,
    project_lifecycle,
    project_steps,
    write_beside_others,
)
from services.assignment.commands.requesters.requester_intake import take_in_requesters
from services.assignment.consumers import erasure, statements
from services.assignment.consumers.erasure import ERASURES, ErasureConsumer
from services.assignment.consumers.satisfaction import WRITE_RATINGS, rating_row, rating_rows_in_order
from shared.contracts.events import (
    Author,
    CsatAsked,
    CsatRated,
    Envelope,
    MessagePosted,
    NoteReceived,
    NotificationFailed,
    ParticipantChanged,
    RequesterErased,
    SideMessageReceived,
    TicketSubmitted,
    TopicChanged,
)
from shared.contracts.tickets import TicketSnapshot
from shared.contracts.vocabulary import ActorKind, Priority
from shared.kit import inbox
from shared.kit.addresses import address_key, with_ascii_domain
from shared.kit.db import Database
from shared.kit.requester_ids import RequesterIds
from shared.kit.tombstones import lock_against_erasure

SUBJECTS = (
    "everdesk.ticket.*.v1.*",
    MessagePosted.subjects(),
    NoteReceived.subjects(),
    ParticipantChanged.subjects(),
    TopicChanged.subjects(),
    CsatAsked.subjects(),
    CsatRated.subjects(),
    RequesterErased.subjects(),
    SideMessageReceived.subjects(),
    NotificationFailed.subjects(),
)


HANDLED_ONCE = ERASURES | {NoteReceived.type(), SideMessageReceived.type()}
"""What must not be done again later: an erasure would take what was written since, a mail would meet other rights."""
WORDS = frozenset({TicketSubmitted.type(), MessagePosted.type()})
ABOUT_MAILS = frozenset({NoteReceived.type(), SideMessageReceived.type(), NotificationFailed.type()})


@dataclass
class ProjectionBatch:
    """Everything a batch of events changes, as rows."""

    submissions: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    lifecycle: LifecycleRows = field(default_factory=LifecycleRows)
    participants: list[dict[str, Any]] = field(default_factory=list)
    topics: list[dict[str, Any]] = field(default_factory=list)
    erasures: list[ErasureConsumer] = field(default_factory=list)
    staff_mails: list[NoteReceived] = field(default_factory=list)
    side_mails: list[SideMessageReceived] = field(default_factory=list)
    failed_mails: list[NotificationFailed] = field(default_factory=list)
    follow_ups: list[dict[str, Any]] = field(default_factory=list)
    requesters: list[dict[str, Any]] = field(default_factory=list)
    ratings: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, envelopes: Sequence[Envelope]) -> "ProjectionBatch":
        """Reads a batch; an event of a kind this version does not know changes nothing unless it carries a snapshot."""
        plan = cls()
        for envelope in envelopes:
            plan.add(envelope)
        return plan

    def add(self, envelope: Envelope) -> None:
        """One event's part."""
        match envelope.type:
            case kind if kind == TicketSubmitted.type():
                self.submit(TicketSubmitted.of(envelope))
            case kind if kind == MessagePosted.type():
                self.post(MessagePosted.of(envelope))
            case kind if kind == TopicChanged.type():
                self.topics.append(topic_row(TopicChanged.of(envelope)))
            case kind if kind == ParticipantChanged.type():
                self.participants.append(participant_row(ParticipantChanged.of(envelope)))
            case kind if kind == CsatAsked.type():
                self.ratings.append(rating_row(CsatAsked.of(envelope)))
            case kind if kind == CsatRated.type():
                self.ratings.append(rating_row(CsatRated.of(envelope)))
            case kind if kind in ABOUT_MAILS:
                self.take_mail(envelope)
            case kind if kind in ERASURES:
                self.erasures.append(ErasureConsumer.of(envelope))
            case _ if "snapshot" in envelope.data:
                self.lifecycle.add(envelope)

    def take_mail(self, envelope: Envelope) -> None:
        """A mail that staff or a third party wrote, or one of ours that nobody got."""
        match envelope.type:
            case kind if kind == NoteReceived.type():
                self.staff_mails.append(NoteReceived.of(envelope))
            case kind if kind == SideMessageReceived.type():
                self.side_mails.append(SideMessageReceived.of(envelope))
            case _:
                self.failed_mails.append(NotificationFailed.of(envelope))

    def submit(self, event: TicketSubmitted) -> None:
        """A ticket is known before its workflow has begun, so that agents see it even while Temporal is away."""
        self.submissions.append(submission_row(event))
        self.requesters.append(requester_row(event))
        self.messages.append(first_message_row(event))
        if event.follows is not None:
            self.follow_ups.append(follow_up_row(event.follows, event.ticket_id, is_opened_by=True))

    def post(self, event: MessagePosted) -> None:
        """A message; one to an archived ticket went on to another."""
        self.messages.append(message_row(event))
        if event.follow_up_id is not None:
            self.follow_ups.append(follow_up_row(event.ticket_id, event.follow_up_id, is_opened_by=False))

    def without(self, erased: set[UUID]) -> None:
        """Drops what concerns people on tickets that were erased; their words are kept out by the statement itself."""
        self.participants = [row for row in self.participants if row["ticket_id"] not in erased]
        self.ratings = [row | {"comment": None} if row["ticket_id"] in erased else row for row in self.ratings]
        self.staff_mails = [mail for mail in self.staff_mails if mail.ticket_id not in erased]
        self.side_mails = [mail for mail in self.side_mails if mail.ticket_id not in erased]


async def project(database: Database, ids: RequesterIds, consumer: str, batch: list[Envelope]) -> None:
    """Applies a batch. What is safe to apply twice is not remembered; of the rest, what was not applied yet is.

    Steps of tickets' lives hold nothing personal: they are one statement, and no erasure has to wait for it. What was
    written is a transaction before it: in one with both, tickets would be locked twice, each time in order, and two
    processes could wait for each other.
    """
    words = [envelope for envelope in batch if envelope.type in WORDS]
    steps = [envelope for envelope in batch if is_step(envelope)]
    others = [envelope for envelope in batch if envelope.type not in WORDS and not is_step(envelope)]
    if words:
        await write_beside_others(lambda: _project_together(database, ids, consumer, words))
    if steps:
        await write_beside_others(lambda: project_steps(database, ProjectionBatch.of(steps).lifecycle))
    if others:
        await _project_together(database, ids, consumer, others)


async def _project_together(database: Database, ids: RequesterIds, consumer: str, batch: list[Envelope]) -> None:
    """Applies events in one transaction."""
    async with database.begin() as session:
        once = [envelope for envelope in batch if envelope.type in HANDLED_ONCE]
        unseen = await inbox.claim(session, consumer, once) if once else []
        plan = ProjectionBatch.of([*(envelope for envelope in batch if envelope.type not in HANDLED_ONCE), *unseen])
        await lock_against_erasure(session, is_erasing=bool(plan.erasures))
        written_on = {row["ticket_id"] for row in plan.participants} | {mail.ticket_id for mail in plan.staff_mails}
        written_on |= {row["ticket_id"] for row in plan.ratings} | {mail.ticket_id for mail in plan.side_mails}
        plan.without(await erasure.erased_among(session, written_on))
        await statements.write_words(session, plan.submissions, plan.messages)
        await take_in_requesters(session, ids, plan.requesters)
        follow_ups = sorted(plan.follow_ups, key=lambda row: (row["ticket_id"], row["follow_up_id"]))
        await statements.write(session, statements.FOLLOW_UPS, follow_ups)
        await project_lifecycle(session, plan.lifecycle)
        for mail in plan.staff_mails:
            await take_staff_mail(session, mail)
        for answer in plan.side_mails:
            await take_side_message(session, answer)
        for failed in plan.failed_mails:
            await take_failed_mail(session, failed)
        await statements.write(session, statements.PARTICIPANTS, in_order(plan.participants))
        await statements.write(session, statements.TOPICS, sorted(plan.topics, key=lambda row: row["id"]))
        await statements.write(session, WRITE_RATINGS, rating_rows_in_order(plan.ratings))
        await erasure.erase(session, ids, plan.erasures)


def is_step(envelope: Envelope) -> bool:
    """Whether an event is a step of a ticket's life, with the ticket after it."""
    return envelope.type not in HANDLED_ONCE and "snapshot" in envelope.data


def submission_row(event: TicketSubmitted) -> dict[str, Any]:
    """A ticket as submitted: new, before any event of its workflow."""
    priority = event.priority or Priority.NORMAL
    snapshot = TicketSnapshot(
        ticket_id=event.ticket_id,
        number=event.number,
        seq=0,
        revision=0,
        status="new",
        priority=priority,
        topic_id=event.topic_id,
        opened_at=event.received_at,
        updated_at=event.received_at,
    )
    return {
        "id": event.ticket_id,
        "number": event.number,
        "status": snapshot.status.value,
        "priority": priority.value,
        "priority_rank": priority.rank,
        "asked_priority": event.priority.value if event.priority else None,
        "topic_id": event.topic_id,
        "channel": event.channel.value,
        "subject": event.subject,
        "requester_name": event.requester.name,
        "requester_email": with_ascii_domain(event.requester.email),
        "created_at": event.received_at,
        "updated_at": event.received_at,
        "fields": event.fields,
        "snapshot": snapshot.model_dump(mode="json"),
    }


def requester_row(event: TicketSubmitted) -> dict[str, Any]:
    """Who asked."""
    who = event.requester
    told = {"email": who.email, "name": who.name, "phone": who.phone}
    return told | {"ticket_id": event.ticket_id, "at": event.received_at}


def first_message_row(event: TicketSubmitted) -> dict[str, Any]:
    """What the requester wrote first."""
    requester = Author(kind=ActorKind.REQUESTER, name=event.requester.name, email=event.requester.email)
    return _message_row(event, requester)


def message_row(event: MessagePosted) -> dict[str, Any]:
    """A later message, from whoever wrote it."""
    return _message_row(event, event.author)


def _message_row(event: TicketSubmitted | MessagePosted, author: Author) -> dict[str, Any]:
    return {
        "id": event.message_id,
        "ticket_id": event.ticket_id,
        "author_kind": author.kind.value,
        "author_id": author.id,
        "author_name": author.name,
        "author_email": with_ascii_domain(author.email) if author.email else None,
        "body": event.body,
        "body_format": event.body_format.value,
        "channel": event.channel.value,
        "attachments": [attachment.model_dump(mode="json") for attachment in event.attachments],
        "quoted": event.quoted,
        "is_automatic": event.is_automatic,
        "posted_at": event.received_at,
    }


def follow_up_row(ticket_id: UUID, follow_up_id: UUID, *, is_opened_by: bool) -> dict[str, Any]:
    """That one ticket goes on from another."""
    return {"ticket_id": ticket_id, "follow_up_id": follow_up_id, "is_opened_by": is_opened_by}


def participant_row(event: ParticipantChanged) -> dict[str, Any]:
    """Somebody in copy, as they now are."""
    return {
        "ticket_id": event.ticket_id,
        "email": address_key(event.email),
        "name": event.name,
        "state": event.state.value,
        "version": event.version,
        "changed_at": event.changed_at,
        "channel": event.channel.value if event.channel else None,
        "added_by": event.added_by,
        "added_at": event.added_at or event.changed_at,
        "joined_at": event.joined_at,
    }


def in_order(participants: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """In the one order in which rows are locked, older versions first."""
    return sorted(participants, key=lambda row: (row["ticket_id"], row["email"], row["version"]))


def topic_row(event: TopicChanged) -> dict[str, Any]:
    """A help topic."""
    return {
        "id": event.topic_id,
        "slug": event.slug,
        "name": event.name,
        "is_active": event.is_active,
        "fields": [field.model_dump(mode="json") for field in event.fields],
        "version": event.version,
    }
