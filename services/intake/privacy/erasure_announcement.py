"""Tells the other services whom to forget."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from services.intake.models import Erasure
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import RequesterErased
from shared.kit import outbox
from shared.kit.db import Session

IDS_PER_EVENT = 8_000
"""Ids of 39 bytes each, of three kinds, in a message of at most 1 MiB."""


async def announce(
    session: Session, erasure: Erasure, took_part_in: Sequence[UUID], side_message_ids: Sequence[MessageId]
) -> None:
    """Writes an erasure down and announces it. `took_part_in`: others' tickets on which the person was or wrote."""
    session.add(erasure)
    for number, event in enumerate(_events(erasure, took_part_in, side_message_ids)):
        event_id = f"{erasure.id}:erased" + (f":{number}" if number else "")
        await outbox.add(session, event, event_id, erasure.erased_at)


def _events(erasure: Erasure, others: Sequence[UUID], side: Sequence[MessageId]) -> Iterator[RequesterErased]:
    """One event, or several where one message on the bus could not carry all ids."""
    assert erasure.requester_id is not None
    for start in range(0, max(len(erasure.ticket_ids), len(others), len(side), 1), IDS_PER_EVENT):
        part = slice(start, start + IDS_PER_EVENT)
        yield RequesterErased(
            requester_id=erasure.requester_id,
            ticket_ids=tuple(TicketId(one) for one in erasure.ticket_ids[part]),
            took_part_in=tuple(TicketId(one) for one in others[part]),
            side_message_ids=tuple(side[part]),
            erased_at=erasure.erased_at,
        )
