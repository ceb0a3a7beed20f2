"""Two replicas that hear of the same tickets in different orders do not lock each other out."""

import asyncio
import random
from uuid import UUID

import pytest
from sqlalchemy import func, select

from services.notification.consumers import Notifier
from services.notification.models import Ticket
from services.notification.settings import NotificationSettings
from shared.contracts.base import TicketId
from shared.contracts.events import Envelope, TicketResolved
from shared.contracts.tickets import SYSTEM, TicketSnapshot
from shared.contracts.vocabulary import ActorKind
from shared.kit.auth import MailThreads
from shared.kit.clock import new_id, utc_now
from shared.kit.requester_ids import RequesterIds
from tests.services.notification.running import Running
from tests.services.notification.ticket_events import TicketEvents

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


def life(ticket: TicketEvents) -> list[Envelope]:
    """What a ticket is told of, of every kind that changes its row."""
    mail = {"mail_id": f"<{new_id()}@bank.example>", "requester_address": ticket.requester}
    return [
        ticket.submitted(mail_id=f"<{ticket.number}@bank.example>"),
        ticket.triaged(),
        ticket.message(ActorKind.AGENT),
        ticket.message(ActorKind.REQUESTER, **mail),
        ticket.resolved(),
        ticket.message(ActorKind.AGENT),
    ]


@pytest.mark.parametrize("seed", range(4))
async def test_replicas_take_messages_of_tickets_whose_life_others_are_told_of(
    service: Running, settings: NotificationSettings, seed: int
) -> None:
    chance = random.Random(seed)
    threads, ids = MailThreads(settings, settings.mail_domain), RequesterIds(settings)
    replicas = [Notifier(service.database, service.bus, threads, ids, lambda: None) for _ in range(3)]
    lives = [life(TicketEvents()) for _ in range(24)]
    for known in (0, 3):
        events = [event for one in lives for event in one[known : known + 3]]
        chance.shuffle(events)
        batches = [events[number :: len(replicas)] for number in range(len(replicas))]
        await asyncio.gather(*(one.on_events(batch) for one, batch in zip(replicas, batches, strict=True)))
