"""Erased people in the read model: gone, and not brought back by anything late."""

from typing import Any
from uuid import UUID

from services.assignment.consumers.projection import project
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import (
    Author,
    Envelope,
    Event,
    MessagePosted,
    RequesterErased,
    SideMessageReceived,
    SideMessageSent,
    TicketErased,
)
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.conversation.test_composing import announced
from tests.services.assignment.desk import Desk, Json
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


def wrapped(event: Event) -> Envelope:
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


def answer_of(person: Person, ticket: Json, answered_id: str, **changes: Any) -> Envelope:
    values = {
        "ticket_id": ticket["id"],
        "message_id": new_id(),
        "answered_id": answered_id,
        "author_name": person.name,
        "body": person.marker,
        "body_format": BodyFormat.TEXT,
        "received_at": utc_now(),
    }
    return wrapped(SideMessageReceived.model_validate(values | changes))


async def beside(desk: Desk, ticket: Json, person: Person, **body: Any) -> Json:
    """What an agent wrote to somebody beside a ticket, and that they are away."""
    ada, path = await desk.agent("ada"), f"/v1/tickets/{ticket['id']}/side-conversations"
    question = {"to": person.email, "subject": person.marker, "body": f"Dear {person.name}"} | body
    made = await ada.post(path, question, expect=201, Idempotency_Key=str(new_id()))
    await announced(desk, SideMessageSent, ticket)
    answer = answer_of(person, ticket, made["messages"][0]["id"], is_automatic=True)
    await project(desk.database, desk.ids, "test", [answer])
    view = await ada.get(f"{path}/{made['id']}")
    assert len(view["messages"]) == 2
    return view


def erased_beside(desk: Desk, person: Person, view: Json) -> Envelope:
    ids = tuple(MessageId(UUID(message["id"])) for message in view["messages"])
    values: dict[str, Any] = {"ticket_ids": (), "side_message_ids": ids, "erased_at": utc_now()}
    return wrapped(RequesterErased(requester_id=desk.ids.of(person.email), **values))


async def test_what_was_written_beside_others_tickets_goes(desk: Desk) -> None:
    person, other = Person(), Person()
    ticket, ada = await desk.ticket_of("bruno"), await desk.agent("ada")
    view, kept = await beside(desk, ticket, person), await beside(desk, ticket, other)
    assert await person.traces(desk)
    await project(desk.database, desk.ids, "test", [erased_beside(desk, person, view)])
    late = answer_of(person, ticket, view["messages"][0]["id"])
    await project(desk.database, desk.ids, "test", [late])
    assert await person.traces(desk) == {}
    (left,) = (await ada.get(f"/v1/tickets/{ticket['id']}/side-conversations"))["items"]
    assert left["messages"] == kept["messages"]


async def test_a_ticket_does_not_wait_for_the_answer_of_somebody_erased(desk: Desk) -> None:
    person, ticket = Person(), await desk.ticket_of("bruno")
    view = await beside(desk, ticket, person, hold=True)
    await desk.seen(ticket["id"], status="on_hold")
    await desk.publish(erased_beside(desk, person, view))
    await desk.seen(ticket["id"], within=30, status="open")
