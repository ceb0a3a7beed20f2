"""Tickets as agents see them: read model, conversation, event log, routing decisions and verdicts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Computed, ForeignKey, Index, SmallInteger, String, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import FAR_FUTURE, Base
from services.assignment.models.ticket_indexes import INCIDENT, LIFETIME, OVER, REOPENED, WAITING, ticket_indexes
from shared.contracts.vocabulary import ActorKind, Channel
from shared.domain.sla.facts import SLA_EVENTS


class Ticket(Base):
    """The newest known snapshot of a ticket, beside the words it was submitted with."""

    __tablename__ = "tickets"
    __table_args__ = (
        Index("ix_tickets_assignee_id_assigned_at", "assignee_id", "assigned_at"),
        *ticket_indexes(),
        Index("ix_tickets_tags", "tags", postgresql_using="gin"),
        Index(
            "ix_tickets_policy",
            text("(snapshot ->> 'policy_id')"),
            "id",
            postgresql_where=text("status <> 'closed'"),
        ),
        Index(
            "ix_tickets_waiting",
            *("team_id", "next_due_at", text("priority_rank desc"), "created_at", "id"),
            postgresql_where=text(WAITING),
        ),
        Index("ix_tickets_merged_into", "merged_into", postgresql_where=text("merged_into is not null")),
        Index("ix_tickets_incidents", "id", postgresql_where=text(INCIDENT)),
        Index("ix_tickets_reopened", "id", postgresql_where=text(REOPENED)),
        Index("ix_tickets_lifetime", text(LIFETIME), postgresql_using="gist", postgresql_where=text(OVER)),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(32), unique=True)
    seq: Mapped[int] = mapped_column(default=0)
    revision: Mapped[int] = mapped_column(default=0)
    status: Mapped[str] = mapped_column(String(16))
    priority: Mapped[str] = mapped_column(String(16))
    priority_rank: Mapped[int]
    asked_priority: Mapped[str | None] = mapped_column(String(16))
    topic_id: Mapped[UUID | None]
    channel: Mapped[str | None] = mapped_column(String(16))
    """How it came in."""
    team_id: Mapped[UUID | None]
    assignee_id: Mapped[UUID | None]
    assigned_at: Mapped[datetime | None]
    next_due_at: Mapped[datetime] = mapped_column(default=FAR_FUTURE)
    is_archived: Mapped[bool] = mapped_column(default=False)
    merged_into: Mapped[UUID | None]
    """The ticket that this one is a part of."""
    is_incident: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether it stands in the table of incidents; a trigger there keeps it."""
    subject: Mapped[str] = mapped_column(Text, default="")
    requester_name: Mapped[str] = mapped_column(String(255), default="")
    requester_email: Mapped[str] = mapped_column(String(254), default="")
    tags: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    worked_until: Mapped[datetime | None]
    """When it was last resolved or closed, or a later instant; null while it is worked on, or if nobody noted it."""
    erased_at: Mapped[datetime | None]
    fields: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    """The answers to the topic's own questions, by the names of its fields."""
    snapshot: Mapped[dict[str, Any]] = mapped_column(JSONB)


class ErasedTicket(Base):
    """A tombstone: what people wrote on this ticket is gone, and nothing late or replayed brings it back."""

    __tablename__ = "erased_tickets"

    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    erased_at: Mapped[datetime]


SEARCHED = "to_tsvector('simple'::regconfig, \"left\"({}, 60000))"
"""A text as it is searched. Of very long ones the beginning, for an index entry has a greatest size."""


class TicketWords(Base):
    """What a search looks in. Apart from the ticket, whose row changes often while its words never do."""

    __tablename__ = "ticket_words"
    __table_args__ = (
        Index("ix_ticket_words", "words", postgresql_using="gin", postgresql_ops={"words": "gin_trgm_ops"}),
        Index("ix_ticket_words_search", "search", postgresql_using="gin"),
    )

    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    words: Mapped[str] = mapped_column(Text)
    search: Mapped[Any] = mapped_column(TSVECTOR, Computed(SEARCHED.format("words"), persisted=True), deferred=True)


class Message(Base):
    """A public message of the conversation."""

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_ticket_id_posted_at", "ticket_id", "posted_at", "id"),
        Index("ix_messages_search", "search", postgresql_using="gin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID]
    author_kind: Mapped[str] = mapped_column(String(16))
    author_id: Mapped[UUID | None]
    author_name: Mapped[str] = mapped_column(String(255))
    author_email: Mapped[str | None] = mapped_column(String(254))
    body: Mapped[str] = mapped_column(Text)
    body_format: Mapped[str] = mapped_column(String(16))
    channel: Mapped[str] = mapped_column(String(16))
    attachments: Mapped[list[Any]]
    quoted: Mapped[str] = mapped_column(Text, server_default="")
    """What a mail quoted or signed, as plain text."""
    is_automatic: Mapped[bool]
    posted_at: Mapped[datetime]
    rendered: Mapped[str | None] = mapped_column(Text)
    """The body as safe HTML, made when it was first shown."""
    renderer: Mapped[int | None] = mapped_column(SmallInteger)
    """The version of the rendering that made it."""
    search: Mapped[Any] = mapped_column(TSVECTOR, Computed(SEARCHED.format("body"), persisted=True), deferred=True)
    """What a search finds it by: made by the database itself, so that it is never older than the body."""
    edited_at: Mapped[datetime | None]
    """When its writer last corrected it."""


class Note(Base):
    """A note among agents, perhaps about an action."""

    __tablename__ = "notes"
    __table_args__ = (
        Index("ix_notes_ticket_id_added_at", "ticket_id", "added_at", "id"),
        Index("ix_notes_search", "search", postgresql_using="gin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID]
    author_kind: Mapped[str] = mapped_column(String(16), server_default=ActorKind.AGENT.value)
    author_id: Mapped[UUID]
    author_name: Mapped[str] = mapped_column(String(255))
    body: Mapped[str] = mapped_column(Text)
    body_format: Mapped[str] = mapped_column(String(16))
    about: Mapped[str | None] = mapped_column(String(32))
    channel: Mapped[str] = mapped_column(String(16), server_default=Channel.DESK.value)
    attachments: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    """Of one that came by mail."""
    added_at: Mapped[datetime]
    rendered: Mapped[str | None] = mapped_column(Text)
    """The body as safe HTML, made when it was first shown."""
    renderer: Mapped[int | None] = mapped_column(SmallInteger)
    """The version of the rendering that made it."""
    search: Mapped[Any] = mapped_column(TSVECTOR, Computed(SEARCHED.format("body"), persisted=True), deferred=True)
    """What a search finds it by: made by the database itself, so that it is never older than the body."""
    edited_at: Mapped[datetime | None]
    """When its writer last corrected it."""


HEARD = tuple(event.event_name for event in SLA_EVENTS)
"""The types of events that clocks hear of, beside `ticket.opened`."""
FACT = (
    "case when type = 'ticket.opened' then (data -> 'snapshot')"
    " - '{ticket_id,number,seq,revision,status,topic_id,team_id,assignee_id,policy_id,policy_version,updated_at,"
    "first_replied_at,resolved_at,closed_at,hold_reason,close_reason,reopen_count,is_archived,due_at,clocks}'::text[]"
    f" when type in ({', '.join(repr(name) for name in HEARD)})"
    " then data - '{ticket_id,revision,actor,snapshot,team_id,message_id}'::text[] end"
)


CHANGED_AT = "event_changed_at(data)"
"""When the ticket's state became what the event's snapshot says; null for an event without one. An index holds it."""


class LoggedEvent(Base):
    """One line of the append-only event log. Holds ids and instants, nothing personal."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_ticket_id_at", "ticket_id", "at", "seq", "event_id"),
        Index("ix_events_recorded_at", "recorded_at", "at", postgresql_using="brin"),
        Index("ix_events_changed_at", "ticket_id", text(CHANGED_AT), "seq"),
        Index("ix_events_facts", "ticket_id", "seq", postgresql_where=text("fact is not null")),
    )

    event_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    ticket_id: Mapped[UUID]
    seq: Mapped[int]
    type: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    data: Mapped[dict[str, Any]]
    fact: Mapped[dict[str, Any] | None] = mapped_column(JSONB, Computed(FACT, persisted=True))
    """What clocks hear of the event, without the snapshot; of `ticket.opened` where they begin. Null for the rest."""


class RoutingDecision(Base):
    """A routing decision: made once per ticket, sent until the workflow answers."""

    __tablename__ = "routing_decisions"
    __table_args__ = (Index("ix_routing_decisions_sent", "agent_id", postgresql_where=text("state = 'sent'")),)

    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    team_id: Mapped[UUID] = mapped_column(ForeignKey("teams.id"))
    agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agents.id"))
    policy_id: Mapped[UUID]
    policy_version: Mapped[int]
    policy_digest: Mapped[str | None] = mapped_column(String(64))
    """Names the stored snapshot: whatever becomes of the calendar, the same policy is sent each time."""
    priority: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    evidence: Mapped[dict[str, Any]]
    decided_at: Mapped[datetime]


class Intent(Base):
    """A command on its way: written down before its workflow hears of it, gone with the answer."""

    __tablename__ = "intents"
    __table_args__ = (
        Index("ix_intents_claimed_until", "claimed_until", postgresql_where=text("claimed_until is not null")),
        Index("ix_intents_created_at", "created_at"),
        Index("ix_intents_ticket_id", "ticket_id"),
    )

    command_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    ticket_id: Mapped[UUID]
    request_hash: Mapped[bytes]
    command: Mapped[dict[str, Any]]
    """As it was first sent; every retry sends just this."""
    is_keyed: Mapped[bool]
    agent_id: Mapped[UUID]
    agent_name: Mapped[str] = mapped_column(Text)
    about: Mapped[str] = mapped_column(String(32))
    comment: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    """Until when it is its sender's; past: the sender died; null: only a retry of the client sends it."""
    silences: Mapped[int]
    is_abandoned: Mapped[bool] = mapped_column(server_default=text("false"))
    """Its sender was told that it may not have happened: we ask whether it has, and never send it again ourselves."""


class SettledClock(Base):
    """One verdict. A correction is a row of its own, with the next revision."""

    __tablename__ = "verdicts"
    __table_args__ = (
        Index("ix_verdicts_settled_at", "settled_at"),
        Index("ix_verdicts_recorded_at", "recorded_at", postgresql_using="brin"),
        Index(
            "ix_verdicts_corrections", "ticket_id", "metric", "cycle", "revision", postgresql_where=text("revision > 1")
        ),
    )

    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    metric: Mapped[str] = mapped_column(String(16), primary_key=True)
    cycle: Mapped[int] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    outcome: Mapped[str] = mapped_column(String(16))
    elapsed_seconds: Mapped[float]
    target_seconds: Mapped[float]
    due_at: Mapped[datetime | None]
    settled_at: Mapped[datetime]
    team_id: Mapped[UUID | None]
    agent_id: Mapped[UUID | None]
    priority: Mapped[str] = mapped_column(String(16))
    started_at: Mapped[datetime | None]
    """When its clock began; null for verdicts of older versions."""
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())
