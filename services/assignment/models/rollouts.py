"""Tables of roll-outs: one row per roll-out, per ticket, and per state change (append-only)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Identity, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base


class Rollout(Base):
    """A roll-out of a policy to running tickets, with its progress."""

    __tablename__ = "rollouts"
    __table_args__ = (
        Index("ix_rollouts_policy_id", "policy_id", "id"),
        Index(
            "uq_rollouts_under_way",
            "policy_id",
            unique=True,
            postgresql_where=text("state in ('queued', 'running', 'reverting')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    policy_id: Mapped[UUID]
    version: Mapped[int]
    calendar_version: Mapped[int]
    digest: Mapped[str] = mapped_column(ForeignKey("policy_snapshots.digest"))
    """The very policy every ticket gets, however long it takes."""
    mode: Mapped[str] = mapped_column(String(16))
    filter: Mapped[dict[str, Any]]
    comment: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]


class RolloutStep(Base):
    """A state change of a roll-out: when, and by whom. Append-only."""

    __tablename__ = "rollout_steps"
    __table_args__ = (Index("ix_rollout_steps_rollout_id", "rollout_id", "id"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    rollout_id: Mapped[UUID] = mapped_column(ForeignKey("rollouts.id"))
    state: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]
    by: Mapped[UUID | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))


class RolloutTicket(Base):
    """One ticket of a roll-out: its state and outcome."""

    __tablename__ = "rollout_tickets"
    __table_args__ = (
        Index(
            "ix_rollout_tickets_to_do",
            "rollout_id",
            "attempts",
            "ticket_id",
            postgresql_where=text("state in ('queued', 'applied')"),
        ),
    )

    rollout_id: Mapped[UUID] = mapped_column(ForeignKey("rollouts.id"), primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    code: Mapped[str | None] = mapped_column(String(64))
    """Why it was refused or failed: a stable word."""
    detail: Mapped[str | None] = mapped_column(Text)
    from_version: Mapped[int]
    attempts: Mapped[int] = mapped_column(default=0)
    """How often the ticket did not answer although the workflows could be reached."""
    changed_at: Mapped[datetime]
