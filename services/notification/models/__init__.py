"""Tables: the delivery ledger, and the projections from which mails take texts and addresses."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    DateTime,
    Double,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.notification.models.csat import add_csat_tables
from services.notification.models.edited_templates import add_edited_template_tables
from services.notification.models.event_feed import add_feed_tables
from services.notification.models.event_tokens import add_token_table
from services.notification.models.mail_circuit import add_circuit_table
from services.notification.models.return_tokens import add_return_token_table
from services.notification.models.webhooks import add_webhook_tables
from shared.kit.audit_log import add_audit_table
from shared.kit.organisation_name import add_installation_table
from shared.kit.tables import NAMING, add_kit_tables


class Base(DeclarativeBase):
    """The tables of the database `notification`."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: DateTime(timezone=True), dict[str, Any]: JSONB}  # noqa: RUF012 - SQLAlchemy's own


class Ticket(Base):
    """Projection of a ticket: one half from intake's events, one from the workflow's, in either order."""

    __tablename__ = "tickets"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str | None] = mapped_column(String(32))
    subject: Mapped[str | None] = mapped_column(Text)
    requester_email: Mapped[str | None] = mapped_column(String(320))
    requester_name: Mapped[str | None] = mapped_column(Text)
    requester_language: Mapped[str | None] = mapped_column(String(35))
    follows: Mapped[UUID | None]
    submitted_at: Mapped[datetime | None]
    root_mail_id: Mapped[str | None] = mapped_column(Text)
    """The Message-ID of the mail that opened it."""
    last_mail_id: Mapped[str | None] = mapped_column(Text)
    """Of the requester's newest mail on it, which ours answer."""
    last_mail_at: Mapped[datetime | None]
    reply_email: Mapped[str | None] = mapped_column(String(320))
    """Which of their addresses the requester last wrote from; null: that of the ticket."""
    reply_email_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]
    subject_edited_at: Mapped[datetime | None]
    """When the agent corrected it whose words stand here: what was submitted, or corrected before, changes nothing."""
    requester_edited_at: Mapped[datetime | None]
    alert: Mapped[bool] = mapped_column(server_default=text("true"))
    """Whether agents are told of the new ticket; a client program may ask not to."""
    triaged_seq: Mapped[int | None] = mapped_column(BigInteger)
    """Of the step that triaged it; routing's choice of an agent is the step after it."""
    seq: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Of the newest snapshot applied; 0 = none yet."""
    team_id: Mapped[UUID | None]
    assignee_id: Mapped[UUID | None]
    last_responder_id: Mapped[UUID | None]
    """The agent who wrote the newest reply."""
    last_responded_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_tickets_follows", "follows", postgresql_where=text("follows is not null")),
        Index(
            "ix_tickets_requester_language",
            func.lower(requester_email),
            "submitted_at",
            postgresql_where=text("requester_language is not null"),
        ),
    )


class Agent(Base):
    """Projection of an agent, from `agent.changed`."""

    __tablename__ = "agents"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(320))
    name: Mapped[str] = mapped_column(Text)
    is_active: Mapped[bool]
    is_available: Mapped[bool] = mapped_column(server_default=text("true"))
    is_administrator: Mapped[bool] = mapped_column(server_default=text("false"))
    sees_all_tickets: Mapped[bool] = mapped_column(server_default=text("false"))
    language: Mapped[str | None] = mapped_column(String(35))
    """Of mails to them; null = the installation's default."""
    version: Mapped[int] = mapped_column(BigInteger)


class Team(Base):
    """Projection of a team with its lead and members, from `team.changed`."""

    __tablename__ = "teams"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    lead_id: Mapped[UUID | None]
    member_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), server_default=text("'{}'"))
    worker_ids: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid()))
    """Those of them who see the team's tickets and may work on them; null until that was announced."""
    viewer_ids: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid()))
    """Those whose role in it shows them its tickets and those of the teams below; null as above."""
    lineage: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), server_default=text("'{}'"))
    """The teams above it."""
    version: Mapped[int] = mapped_column(BigInteger)


class Participant(Base):
    """Projection of a participant of a ticket, from intake's events."""

    __tablename__ = "participants"

    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    """What the ledger calls them; see `decisions.participant`."""
    email: Mapped[str] = mapped_column(String(320))
    name: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    version: Mapped[int] = mapped_column(BigInteger)


class TicketFollower(Base):
    """Projection of who follows a ticket. Rows of those who do no more stay, so that older news changes nothing."""

    __tablename__ = "followers"

    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(primary_key=True)
    is_following: Mapped[bool]
    changed_at: Mapped[datetime]


class Delivery(Base):
    """One notification of one recipient by one channel, caused by one event; unique, so that redelivery is harmless."""

    __tablename__ = "deliveries"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    cause: Mapped[str] = mapped_column(String(200))
    """The id of the event that made it necessary."""
    recipient: Mapped[str] = mapped_column(String(64))
    """`requester`, `participant:<digest>`, `assignee`, `agent:<id>`, `lead:<team id>`, `team:<team id>` or `told`.

    Settled while it waits.
    """
    channel: Mapped[str] = mapped_column(String(16), server_default=text("'mail'"))
    """`mail`, `inbox`, `chat` or `on_call`; a person's is settled while the row waits."""
    audience: Mapped[str | None] = mapped_column(String(16))
    """The column of the matrix that the recipient was told by; null for what no rule is about."""
    template: Mapped[str] = mapped_column(String(64))
    template_version: Mapped[int] = mapped_column(Integer)
    ticket_id: Mapped[UUID]
    agent_id: Mapped[UUID | None]
    """Who it is for, once that is settled and an agent."""
    team_id: Mapped[UUID | None]
    about: Mapped[str | None] = mapped_column(String(64))
    """The breach it tells of, `<metric>:<cycle>`, so that those who were told can be told if it is withdrawn."""
    seq: Mapped[int | None] = mapped_column(BigInteger)
    """Of the step of the ticket's life that `about` comes from."""
    weight: Mapped[float | None] = mapped_column(Double)
    """Of several unsent ones to one person about one ticket, only the most severe is sent; see `delivery.severity`."""
    facts: Mapped[dict[str, Any]]
    """What only the event said, such as a reply's text; emptied once the mail is sent."""
    status: Mapped[str] = mapped_column(String(16))
    address: Mapped[str | None] = mapped_column(String(320))
    name: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    begun: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    """How often a sender began to write it and did not live to record what came of it."""
    next_attempt_at: Mapped[datetime | None]
    """While `sending`: the instant at which a crashed sender's claim ends."""
    message_id: Mapped[str] = mapped_column(String(320))
    last_error: Mapped[str | None] = mapped_column(Text)
    answer: Mapped[str | None] = mapped_column(Text)
    """What the provider answered when it accepted."""
    bundle: Mapped[str | None] = mapped_column(String(100))
    """What is sent as one mail with others of the same bundle: a digest, or many events of one ticket."""
    read_at: Mapped[datetime | None]
    """When the recipient marked an inbox entry as read."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    sent_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("cause", "recipient", "template", "channel"),
        Index("ix_deliveries_inbox", "agent_id", "id", postgresql_where=text("channel = 'inbox'")),
        Index("ix_deliveries_unread", "agent_id", "id", postgresql_where=text("channel = 'inbox' and read_at is null")),
        Index("ix_deliveries_bundle", "bundle", postgresql_where=text("status = 'queued' and bundle is not null")),
        Index("ix_deliveries_ticket_id", "ticket_id", "id"),
        Index("ix_deliveries_not_sent", "status", "id", postgresql_where=text("status <> 'sent'")),
        Index("ix_deliveries_waiting", "id", postgresql_where=text("status = 'waiting'")),
        Index("ix_deliveries_due", "next_attempt_at", postgresql_where=text("status in ('queued', 'sending')")),
        Index("ix_deliveries_on_call", "recipient", "ticket_id", "id", postgresql_where=text("channel = 'on_call'")),
        Index(
            "ix_deliveries_due_to_targets",
            "next_attempt_at",
            postgresql_where=text("status in ('queued', 'sending') and channel in ('chat', 'on_call')"),
        ),
    )


class NotificationRules(Base):
    """The matrix: one row, with the cells that differ from the defaults."""

    __tablename__ = "notification_rules"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    cells: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """By `<event>.<audience>.<channel>`, whether it is on."""
    version: Mapped[int] = mapped_column(Integer, server_default=text("0"))


class NotificationPreferences(Base):
    """How one agent wants to be told; without a row, as the rules say."""

    __tablename__ = "agent_preferences"

    agent_id: Mapped[UUID] = mapped_column(primary_key=True)
    settings: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))


class RecipientAddress(Base):
    """What is known of an address: how much its owner wants to hear, and whether mail to it bounces."""

    __tablename__ = "recipient_addresses"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    """A digest of the address."""
    wanted: Mapped[str] = mapped_column(String(16), server_default=text("'all'"))
    """`all`, `replies` or `none`."""
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    bounced_at: Mapped[datetime | None]
    bounce_reason: Mapped[str | None] = mapped_column(Text)
    cleared_at: Mapped[datetime | None]
    """When an operator last let mail go to it again: bounces from before do not stop it."""


class NotificationTarget(Base):
    """A chat room or an on-call service that is told of events."""

    __tablename__ = "notification_targets"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    kind: Mapped[str] = mapped_column(String(16))
    """The shape of what is posted; see `targets.payloads`."""
    url: Mapped[str] = mapped_column(Text)
    """Encrypted: whoever knows it can write to the room."""
    secret: Mapped[str | None] = mapped_column(Text)
    """A routing key or an API key, encrypted; never shown again."""
    team_id: Mapped[UUID | None]
    """Only tickets of this team; null: of every team."""
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    failures: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """Failed attempts in a row."""
    paused_until: Mapped[datetime | None]
    """While its circuit is open, nothing is sent to it."""
    removed_at: Mapped[datetime | None]
    """When somebody removed it; it is kept until the ends of the alerts that were open there have been sent."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


IS_WAITING = literal_column("deliveries.status = 'waiting'", Boolean)
IS_DUE = literal_column("deliveries.status in ('queued', 'sending')", Boolean)
IS_FOR_TARGET = literal_column("deliveries.channel in ('chat', 'on_call')", Boolean)
IS_ON_CALL = literal_column("deliveries.channel = 'on_call'", Boolean)
IS_NOT_SENT = literal_column("deliveries.status <> 'sent'", Boolean)
IS_BUNDLED = literal_column("(deliveries.status = 'queued' and deliveries.bundle is not null)", Boolean)
IS_ENTRY = literal_column("deliveries.channel = 'inbox'", Boolean)
"""In the words of the indexes, which a parameter would hide."""

add_kit_tables(Base.metadata)
add_audit_table(Base.metadata)
add_installation_table(Base.metadata)
add_feed_tables(Base.metadata)
add_webhook_tables(Base.metadata)
add_token_table(Base.metadata)
add_csat_tables(Base.metadata)
add_edited_template_tables(Base.metadata)
add_circuit_table(Base.metadata)
add_return_token_table(Base.metadata)
