"""Examples of what agents arrange around tickets."""

from datetime import datetime
from uuid import UUID

from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import Event, TicketLinked, TicketSplit, TicketTaskChanged, TicketUnlinked
from shared.contracts.tickets import Actor


def arranged(ticket: TicketId, other: TicketId, actor: Actor, at: datetime) -> tuple[Event, ...]:
    """One example each."""
    pair = {"ticket_id": ticket, "other_id": other}
    return (
        TicketLinked(**pair, kind="duplicated_by", actor=actor, linked_at=at),
        TicketUnlinked(**pair, kind="duplicated_by", actor=actor, unlinked_at=at),
        TicketSplit(
            ticket_id=ticket,
            message_id=MessageId(UUID("01990a4e-3c00-7000-8000-000000000002")),
            new_ticket_id=other,
            subject="Cards are declined",
            actor=actor,
            split_at=at,
        ),
        TicketTaskChanged(
            ticket_id=ticket,
            task_id=UUID("01990a4e-3c00-7000-8000-000000000074"),
            change="done",
            is_blocking=True,
            is_done=True,
            actor=actor,
            changed_at=at,
        ),
    )
