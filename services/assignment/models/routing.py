"""Tables of routing: agents' loads, their turns in a team, and decisions after a ticket's first."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, SmallInteger, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base

UNDER_WAY = "state in ('offered', 'sent')"


class AgentLoad(Base):
    """How many open tickets of each priority an agent has, except for what is in `AgentLoadChange`.

    Both are written by a trigger on tickets and a job; the sum of both always equals a count of the tickets.
    """

    __tablename__ = "agent_loads"

    agent_id: Mapped[UUID] = mapped_column(primary_key=True)
    low: Mapped[int] = mapped_column(server_default=text("0"))
    normal: Mapped[int] = mapped_column(server_default=text("0"))
    high: Mapped[int] = mapped_column(server_default=text("0"))
    urgent: Mapped[int] = mapped_column(server_default=text("0"))
    assigned_at: Mapped[datetime | None]
    """When they were last given a ticket, whoever has it now."""


class AgentLoadChange(Base):
    """A ticket that came to an agent or left one, until it is added up in `AgentLoad`.

    It is appended in the ticket's transaction: adding it up there would make transactions about different tickets of
    one agent wait for each other.
    """

    __tablename__ = "agent_load_changes"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    agent_id: Mapped[UUID]
    priority_rank: Mapped[int] = mapped_column(SmallInteger)
    tickets: Mapped[int]
    """1 or -1; 0 where only `assigned_at` is told. A correction may be larger."""
    assigned_at: Mapped[datetime | None]


class RoutingTurn(Base):
    """When an agent last got a ticket of a team by routing."""

    __tablename__ = "routing_turns"

    team_id: Mapped[UUID] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True, index=True)
    turn: Mapped[float]
    """When it began, counted in tickets per weight."""
    last_at: Mapped[datetime]


class TicketAssignment(Base):
    """A decision about a ticket that was decided before: written before its workflow hears of it."""

    __tablename__ = "ticket_assignments"
    __table_args__ = (
        Index("uq_ticket_assignments_under_way", "ticket_id", unique=True, postgresql_where=text(UNDER_WAY)),
        Index(
            "uq_ticket_assignments_reopened",
            "ticket_id",
            "reopen_count",
            unique=True,
            postgresql_where=text("reopen_count is not null and state <> 'refused'"),
        ),
        Index("ix_ticket_assignments_ticket_id_decided_at", "ticket_id", "decided_at"),
        Index("ix_ticket_assignments_load", "agent_id", postgresql_where=text(UNDER_WAY)),
        Index("ix_ticket_assignments_to_send", "next_attempt_at", "id", postgresql_where=text("state = 'sent'")),
        Index("ix_ticket_assignments_offers", "next_attempt_at", postgresql_where=text("state = 'offered'")),
        Index("ix_ticket_assignments_shares", "team_id", "decided_at", postgresql_where=text("cause = 'backlog'")),
        Index("ix_ticket_assignments_decided_at", "decided_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """The command's id is made of it."""
    ticket_id: Mapped[UUID]
    team_id: Mapped[UUID] = mapped_column(ForeignKey("teams.id"))
    agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agents.id"))
    """Who gets it; null: it goes back to the team."""
    previous_agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agents.id"))
    revision: Mapped[int]
    """At which the ticket was seen like this."""
    priority: Mapped[str] = mapped_column(String(16))
    cause: Mapped[str] = mapped_column(String(16))
    reopen_count: Mapped[int | None]
    """Of a decision about a reopened ticket: which reopening."""
    state: Mapped[str] = mapped_column(String(16))
    """`offered`, then `taken` or `lapsed`; or `sent`, then `applied` or `refused` by a ticket that had changed; or
    `kept` by whoever had it."""
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime]
    """Of an offer: when it lapses. Of a refused one: when the ticket may be looked at again."""
    decided_at: Mapped[datetime]
