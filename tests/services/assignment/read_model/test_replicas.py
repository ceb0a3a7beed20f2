"""Several processes that project events of the same tickets at once: none waits for another in a circle."""

import asyncio
import random

import pytest
from sqlalchemy import func, select

from services.assignment.commands.execution.record_answers import record_answers
from services.assignment.consumers.projection import project
from services.assignment.models import ErasedTicket, Ticket
from shared.contracts.answers import CommandAnswer
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import Author, Envelope, MessagePosted, Person, TicketPended, TicketSubmitted
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import Desk
from tests.services.assignment.read_model.test_projection import pended


def submitted(ticket_id: TicketId) -> Envelope:
    event = TicketSubmitted(
        ticket_id=ticket_id,
        number=f"P{ticket_id.hex[-10:]}",
        message_id=MessageId(new_id()),
        requester=Person(email=f"ruth-{ticket_id.hex[-8:]}@bank.example", name="Ruth Okafor"),
        subject="Nobody can log in",
        body="Since nine.",
        body_format=BodyFormat.TEXT,
        channel=Channel.PORTAL,
        received_at=utc_now(),
    )
    return event.envelope(str(new_id()), utc_now())


def posted(ticket_id: TicketId) -> Envelope:
    event = MessagePosted(
        ticket_id=ticket_id,
        message_id=MessageId(new_id()),
        author=Author(kind=ActorKind.REQUESTER, name="Ruth Okafor", email="ruth@bank.example"),
        body="Still nobody.",
        body_format=BodyFormat.TEXT,
        channel=Channel.PORTAL,
        received_at=utc_now(),
    )
    return event.envelope(str(new_id()), utc_now())


@pytest.mark.parametrize("seed", range(4))
async def test_replicas_take_submissions_of_tickets_whose_life_others_are_told_of(desk: Desk, seed: int) -> None:
    chance = random.Random(seed)
    tickets = [TicketId(new_id()) for _ in range(30)]
    events = [event for one in tickets for event in (submitted(one), pended(one, 2), posted(one), pended(one, 3))]
    chance.shuffle(events)
    again = events[:]
    chance.shuffle(again)
    batches = [events[:60], events[60:], again[:60], again[60:]]
    await asyncio.gather(*(project(desk.database, desk.ids, "test", batch) for batch in batches))


async def test_replicas_that_are_told_of_a_new_ticket_at_the_same_instant_write_it_once(desk: Desk) -> None:
    """Each has looked before any has written, of some tickets; the number is then refused, and they look again."""

    async def told(ticket_id: TicketId) -> None:
        events = (submitted(ticket_id), *(pended(ticket_id, seq) for seq in (2, 3, 4)))
        await asyncio.gather(*(project(desk.database, desk.ids, "test", [event]) for event in events))

    for _ in range(200):
        await told(TicketId(new_id()))


async def test_an_answer_and_events_of_a_new_ticket_that_come_at_the_same_instant_are_written_once(desk: Desk) -> None:
    """As above, in the transaction of whoever sent the command: what it has written before stays."""

    async def answer(ticket_id: TicketId, seq: int) -> None:
        event = pended(ticket_id, seq)
        told = CommandAnswer(snapshot=TicketPended.of(event).snapshot, events=(event,))
        async with desk.database.begin() as session:
            session.add(ErasedTicket(ticket_id=new_id(), erased_at=utc_now()))
            await record_answers(session, [told])

    before = await erased(desk)
    tickets = [TicketId(new_id()) for _ in range(200)]
    for ticket_id in tickets:
        await asyncio.gather(*(answer(ticket_id, seq) for seq in (1, 2, 3, 4)))
    async with desk.database.begin() as session:
        seqs = await session.scalars(select(Ticket.seq).where(Ticket.id.in_(tickets)))
        assert seqs.all() == [4] * len(tickets)
    assert await erased(desk) == before + 4 * len(tickets)


async def erased(desk: Desk) -> int:
    async with desk.database.begin() as session:
        return await session.scalar(select(func.count()).select_from(ErasedTicket)) or 0
