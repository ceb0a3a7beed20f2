"""The table of tasks on tickets."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base


class TicketTask(Base):
    """One line of a ticket's checklist."""

    __tablename__ = "ticket_tasks"
    __table_args__ = (
        Index("ix_ticket_tasks_ticket_id", "ticket_id", "position"),
        Index(
            "ix_ticket_tasks_blocking",
            "ticket_id",
            postgresql_where=text("is_blocking and done_at is null"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID]
    position: Mapped[int] = mapped_column(SmallInteger)
    """Its place on the list, from 1 without gaps."""
    title: Mapped[str] = mapped_column(Text)
    assignee_id: Mapped[UUID | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))
    due_at: Mapped[datetime | None]
    is_blocking: Mapped[bool]
    """Whether the ticket cannot be resolved before it is done."""
    done_at: Mapped[datetime | None]
    done_by: Mapped[UUID | None]
    """The agent or program who ticked it off."""
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]
