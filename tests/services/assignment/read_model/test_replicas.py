"""Several processes that project events of the same tickets at once: none waits for another in a circle."""

import asyncio
import random

import pytest

from services.assignment.consumers.projection import project
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import Author, Envelope, MessagePosted, Person, TicketSubmitted
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
