"""Two replicas that hear of the same tickets in different orders do not lock each other out."""

import asyncio
from uuid import UUID

from sqlalchemy import func, select

from services.notification.consumers import Notifier
from services.notification.models import Ticket
from services.notification.settings import NotificationSettings
from shared.contracts.base import TicketId
from shared.contracts.events import Envelope, TicketResolved
from shared.contracts.tickets import SYSTEM, TicketSnapshot
from shared.kit.auth import MailThreads
from shared.kit.clock import new_id, utc_now
from shared.kit.requester_ids import RequesterIds
from tests.services.notification.conftest import Running

TICKETS = 40
ROUNDS = 6


def resolved(ticket_id: UUID, seq: int) -> Envelope:
    now = utc_now()
    snapshot = TicketSnapshot.model_validate(
        {
            "ticket_id": ticket_id,
            "number": ticket_id.hex[-8:],
            "seq": seq,
            "revision": seq,
            "status": "resolved",
            "priority": "normal",
            "opened_at": now,
            "updated_at": now,
        }
    )
    event = TicketResolved(
        ticket_id=TicketId(ticket_id), seq=seq, revision=seq, at=now, actor=SYSTEM, snapshot=snapshot
    )
    return event.envelope(f"{ticket_id}:{seq}", now)


async def test_two_replicas_take_opposite_batches_of_the_same_tickets(
    service: Running, settings: NotificationSettings
) -> None:
    threads, ids = MailThreads(settings, settings.mail_domain), RequesterIds(settings)
    replicas = [Notifier(service.database, service.bus, threads, ids, lambda: None) for _ in range(2)]
    tickets = [new_id() for _ in range(TICKETS)]
    for number in range(ROUNDS):
        one = [resolved(ticket_id, 2 * number + 1) for ticket_id in tickets]
        other = [resolved(ticket_id, 2 * number + 2) for ticket_id in reversed(tickets)]
        await asyncio.gather(replicas[0].on_events(one), replicas[1].on_events(other))
    async with service.database.begin() as session:
        query = select(func.count()).where(Ticket.id.in_(tickets), Ticket.seq == 2 * ROUNDS)
        assert await session.scalar(query) == TICKETS
