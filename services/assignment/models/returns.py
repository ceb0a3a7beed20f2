"""Tables: departures of agents from teams, and the tickets returned because of them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base


class Departure(Base):
    """An agent left a team. Kept until no late assignment can arrive."""

    __tablename__ = "departures"

    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True)
    team_id: Mapped[UUID] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True)
    left_at: Mapped[datetime]


class TicketReturn(Base):
    """One ticket to be returned to its team: stored before the command is sent, notified afterwards."""

    __tablename__ = "ticket_returns"
    __table_args__ = (
        Index("uq_ticket_returns_queued", "ticket_id", unique=True, postgresql_where=text("state = 'queued'")),
        Index("ix_ticket_returns_ticket_id", "ticket_id"),
        Index("ix_ticket_returns_to_do", "next_attempt_at", "id", postgresql_where=text("state = 'queued'")),
        Index("ix_ticket_returns_to_tell", "to_team_id", postgresql_where=text("state = 'returned'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """The command's id is made of it."""
    ticket_id: Mapped[UUID]
    agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))
    """Who had it."""
    from_team_id: Mapped[UUID | None] = mapped_column(ForeignKey("teams.id"))
    to_team_id: Mapped[UUID] = mapped_column(ForeignKey("teams.id"))
    revision: Mapped[int]
    """At which the ticket was seen like this."""
    reason: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16))
    """`queued`, `returned`, `told`, or `refused` by a ticket that had changed in the meantime."""
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime]
    """Of a refused one: when the ticket may be looked at again."""
    created_at: Mapped[datetime]
