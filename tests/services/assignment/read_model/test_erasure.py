"""Erased people in the read model: gone, and not brought back by anything late."""

from typing import Any
from uuid import UUID

from services.assignment.consumers.projection import project
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import Author, Envelope, MessagePosted, RequesterErased, TicketErased
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import Desk
from tests.support.database_search import tables_naming


class Person:
    """Somebody with an address and words of their own."""

    def __init__(self) -> None:
        self.name = f"Zenobia{new_id().hex[-8:]}"
        self.email = f"{self.name}@bank.example"
        self.marker = f"marker{new_id().hex}"

    def message(self, ticket_id: UUID) -> Envelope:
        posted = MessagePosted(
            ticket_id=TicketId(ticket_id),
            message_id=MessageId(new_id()),
            author=Author(kind=ActorKind.REQUESTER, name=self.name, email=self.email),
            body=self.marker,
            body_format=BodyFormat.TEXT,
            channel=Channel.EMAIL,
            received_at=utc_now(),
        )
        return wrapped(posted)

    async def traces(self, desk: Desk) -> dict[str, list[str]]:
        return await tables_naming(desk.database.engine, (self.name, self.email, self.marker))

    def erased(self, desk: Desk, *ticket_ids: UUID, took_part_in: tuple[UUID, ...] = ()) -> Envelope:
        values: dict[str, Any] = {"ticket_ids": ticket_ids, "took_part_in": took_part_in, "erased_at": utc_now()}
        return wrapped(RequesterErased(requester_id=desk.ids.of(self.email), **values))


def wrapped(event: MessagePosted | RequesterErased | TicketErased) -> Envelope:
    return event.envelope(str(new_id()), utc_now())


async def test_what_comes_after_an_erasure_is_dropped(desk: Desk) -> None:
    person = Person()
    requester = {"email": person.email, "name": person.name}
    ticket = await desk.ticket(requester=requester, subject=person.marker)
    ticket_id = UUID(ticket["id"])
    await desk.publish(person.message(ticket_id), person.erased(desk, ticket_id), person.message(ticket_id))
    await desk.seen(ticket["id"], subject="[erased]")
    await project(desk.database, desk.ids, "test", [person.message(ticket_id)])
    assert await person.traces(desk) == {}


async def test_a_submission_that_comes_after_its_erasure_brings_nobody_back(desk: Desk) -> None:
    person, ticket_id = Person(), new_id()
    await project(desk.database, desk.ids, "test", [person.erased(desk, ticket_id)])
    await desk.submit(ticket_id=ticket_id, requester={"email": person.email, "name": person.name}, body=person.marker)
    sentinel = await desk.ticket()
    assert sentinel
    assert await person.traces(desk) == {}


async def test_on_others_tickets_only_the_persons_own_part_goes(desk: Desk) -> None:
    person, other = Person(), Person()
    ticket = await desk.ticket(requester={"email": other.email, "name": other.name}, body=other.marker)
    ticket_id = UUID(ticket["id"])
    await project(desk.database, desk.ids, "test", [person.message(ticket_id), other.message(ticket_id)])
    await project(desk.database, desk.ids, "test", [person.erased(desk, took_part_in=(ticket_id,))])
    assert await person.traces(desk) == {}
    assert set(await other.traces(desk)) == {
        "messages",
        "requester_addresses",
        "requesters",
        "ticket_words",
        "tickets",
    }


async def test_words_kept_long_enough_go_ticket_by_ticket(desk: Desk) -> None:
    person = Person()
    ticket = await desk.ticket(requester={"email": person.email, "name": person.name}, body=person.marker)
    ada = await desk.agent("ada")
    await ada.post(f"/v1/tickets/{ticket['id']}/notes", {"body": person.marker}, Idempotency_Key=str(new_id()))
    erased = TicketErased(ticket_id=TicketId(UUID(ticket["id"])), erased_at=utc_now())
    await project(desk.database, desk.ids, "test", [wrapped(erased)])
    kept = await person.traces(desk)
    assert set(kept) <= {"outbox"}, "what is on its way at this moment leaves, and goes from the stream"
