"""What intake learns from the bus: where tickets stand, what agents answer, what becomes a follow-up."""

import asyncio
from uuid import UUID

from sqlalchemy import select

from services.intake.models import Message, Ticket, TimelineEntry
from shared.contracts.base import AgentId, MessageId, TicketId
from shared.contracts.events import (
    Author,
    MessagePosted,
    MessageUnclaimed,
    TicketArchived,
    TicketAssigned,
    TicketOpened,
    TicketPended,
    TicketResolved,
)
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel
from shared.kit.clock import derived_id, new_id, utc_now
from tests.services.intake.api.test_submitting import announced
from tests.services.intake.harness import IntakeHarness, Json, after
from tests.support.eventually import eventually


def agent_message(ticket: Json, body: str = "Have you tried again?") -> MessagePosted:
    """An agent's reply."""
    return MessagePosted(
        ticket_id=TicketId(UUID(ticket["id"])),
        message_id=MessageId(new_id()),
        author=Author(kind=ActorKind.AGENT, id=new_id(), name="Ana Torres"),
        body=body,
        body_format=BodyFormat.TEXT,
        channel=Channel.DESK,
        received_at=utc_now(),
    )


async def messages_of(intake: IntakeHarness, ticket_id: str) -> list[Json]:
    """The thread as the API shows it."""
    async with intake.client() as http:
        items: list[Json] = (await http.get(f"/v1/tickets/{ticket_id}/messages")).json()["items"]
    return items


async def test_a_ticket_follows_its_workflow(intake: IntakeHarness) -> None:
    ticket = await intake.submit()
    await intake.publish(after(TicketOpened, ticket, seq=1, status="new"))
    await intake.publish(
        after(TicketResolved, ticket, seq=3, status="resolved", priority="high", resolved_at=utc_now())
    )

    async def is_resolved() -> None:
        async with intake.client() as http:
            answer = await http.get(f"/v1/tickets/{ticket['id']}")
        view = answer.json()
        assert (view["status"], view["priority"], answer.headers["etag"][:3]) == ("resolved", "high", '"3-')
        assert view["resolved_at"]

    await eventually(is_resolved)


async def test_what_is_older_or_repeated_changes_nothing(intake: IntakeHarness) -> None:
    ticket, other = await intake.submit(), await intake.submit()
    newest = after(TicketPended, ticket, seq=5, status="pending")
    await intake.publish(newest, "same-id")
    stale = after(TicketAssigned, ticket, seq=4, status="open", details={"agent_id": AgentId(new_id())})
    await intake.publish(stale)
    await intake.publish(after(TicketPended, other, seq=2, status="pending"))

    async def has_caught_up() -> None:
        assert (await intake.stored(other["id"])).seq == 2

    await eventually(has_caught_up)
    stored = await intake.stored(ticket["id"])
    assert (stored.seq, stored.status) == (5, "pending")


async def test_an_agents_reply_reaches_the_thread_once(intake: IntakeHarness) -> None:
    ticket = await intake.submit()
    reply = agent_message(ticket)
    await intake.publish(reply, "reply-a")
    await intake.publish(reply, "reply-b")
    await intake.publish(agent_message(await intake.submit()))
    last = agent_message(ticket, "Anything else?")
    await intake.publish(last)

    async def has_both() -> None:
        assert len(await messages_of(intake, ticket["id"])) == 3

    await eventually(has_both)
    thread = await messages_of(intake, ticket["id"])
    assert [(item["author"], item["author_name"]) for item in thread[1:]] == [("agent", "Ana Torres")] * 2


async def test_an_event_about_a_ticket_of_nobody_is_skipped(intake: IntakeHarness) -> None:
    stranger = {"id": str(new_id()), "number": "1"}
    await intake.publish(agent_message(stranger))
    await intake.publish(after(TicketOpened, stranger, seq=1, status="new"))
    ticket = await intake.submit()
    await intake.publish(after(TicketOpened, ticket, seq=1, status="new"))

    async def has_caught_up() -> None:
        assert (await intake.stored(ticket["id"])).seq == 1

    await eventually(has_caught_up)


async def test_our_own_requesters_messages_do_not_come_back(intake: IntakeHarness) -> None:
    ticket = await intake.submit()
    async with intake.client() as http:
        await http.post(f"/v1/tickets/{ticket['id']}/messages", json={"body": "mine"})
    await intake.publish(after(TicketOpened, ticket, seq=1, status="new"))

    async def has_caught_up() -> None:
        assert (await intake.stored(ticket["id"])).seq == 1

    await eventually(has_caught_up)
    assert [item["body"] for item in await messages_of(intake, ticket["id"])] == ["Log-in answers 502.", "mine"]


async def archived(intake: IntakeHarness, ticket: Json) -> None:
    await intake.publish(after(TicketArchived, ticket, seq=9, status="closed", is_archived=True))

    async def is_known() -> None:
        assert (await intake.stored(ticket["id"])).is_archived

    await eventually(is_known)


async def test_a_message_for_a_ticket_known_to_be_archived_opens_its_follow_up_at_once(intake: IntakeHarness) -> None:
    old = await intake.submit(topic="access")
    await archived(intake, old)
    async with intake.client() as http:
        message = (await http.post(f"/v1/tickets/{old['id']}/messages", json={"body": "It is back"})).json()
        follow_up = str(derived_id(UUID(message["id"]), "follow-up"))
        view = (await http.get(f"/v1/tickets/{follow_up}")).json()
    assert (view["follows"], view["subject"]) == (old["id"], f"Re: {old['subject']}")
    async with intake.database.begin() as session:
        kinds = await session.scalars(
            select(TimelineEntry.kind).where(TimelineEntry.ticket_id == UUID(old["id"])).order_by(TimelineEntry.id)
        )
        assert list(kinds)[-2:] == ["message", "followed_up"]
        stored = await session.get_one(Message, UUID(message["id"]))
        assert str(stored.follow_up_id) == follow_up
    posted = MessagePosted.of(await announced(intake, f"everdesk.message.posted.v1.{old['id']}"))
    assert (posted.was_archived, str(posted.follow_up_id)) == (True, follow_up)
    unclaimed = MessageUnclaimed(ticket_id=TicketId(UUID(old["id"])), message_id=MessageId(UUID(message["id"])))
    await intake.publish(unclaimed)
    other = await intake.submit()
    await archived(intake, other)
    async with intake.database.begin() as session:
        follow_ups = await session.scalars(select(Ticket.id).where(Ticket.follows == UUID(old["id"])))
        assert [str(one) for one in follow_ups] == [follow_up]


async def test_a_message_for_an_archived_ticket_opens_one_follow_up(intake: IntakeHarness) -> None:
    old = await intake.submit(topic="access", cc=["lee@bank.example"])
    await intake.publish(after(TicketArchived, old, seq=9, status="closed", is_archived=True))
    async with intake.client() as http:
        message = (await http.post(f"/v1/tickets/{old['id']}/messages", json={"body": "It is back"})).json()
    message_id = MessageId(UUID(message["id"]))
    unclaimed = MessageUnclaimed(ticket_id=TicketId(UUID(old["id"])), message_id=message_id)
    follow_up = str(derived_id(message_id, "follow-up"))
    for event_id in ("unclaimed-1", "unclaimed-2"):
        await intake.publish(unclaimed, event_id)

    async def is_open() -> Json:
        async with intake.client() as http:
            answer = await http.get(f"/v1/tickets/{follow_up}")
        assert answer.status_code == 200
        view: Json = answer.json()
        return view

    view = await eventually(is_open)
    assert (view["follows"], view["subject"], view["topic"]) == (old["id"], f"Re: {old['subject']}", "access")
    assert (view["requester"], view["cc"]) == (old["requester"], ["lee@bank.example"])
    assert [item["body"] for item in await messages_of(intake, follow_up)] == ["It is back"]
    assert len({view["number"], old["number"]}) == 2


async def follow_up_of(intake: IntakeHarness, message: Json) -> str:
    """The ticket that a message on an archived one went on to."""
    async with intake.database.begin() as session:
        return str((await session.get_one(Message, UUID(message["id"]))).follow_up_id)


async def test_every_message_on_an_archived_ticket_goes_to_the_one_follow_up(intake: IntakeHarness) -> None:
    old = await intake.submit()
    await archived(intake, old)
    async with intake.client() as http:
        texts = ["It is back", "And now it is slow", "Still slow"]
        answers = await asyncio.gather(
            *(http.post(f"/v1/tickets/{old['id']}/messages", json={"body": body}) for body in texts)
        )
        sent = [answer.json() for answer in answers]
        follow_ups = {await follow_up_of(intake, message) for message in sent}
        assert len(follow_ups) == 1
        first = follow_ups.pop()
        assert sorted(item["body"] for item in await messages_of(intake, first)) == sorted(texts)
        view = (await http.get(f"/v1/tickets/{old['id']}")).json()
        assert view["followed_by"] == [first]
        assert {item["follow_up_id"] for item in (await messages_of(intake, old["id"]))[1:]} == {first}


async def test_a_message_whose_follow_up_is_archived_too_opens_one_that_follows_that(intake: IntakeHarness) -> None:
    old = await intake.submit()
    await archived(intake, old)
    async with intake.client() as http:
        first = await follow_up_of(
            intake, (await http.post(f"/v1/tickets/{old['id']}/messages", json={"body": "Again"})).json()
        )
        await archived(intake, (await http.get(f"/v1/tickets/{first}")).json())
        third = [
            (await http.post(f"/v1/tickets/{place}/messages", json={"body": f"Once more on {place}"})).json()
            for place in (old["id"], first, old["id"])
        ]
        second = {await follow_up_of(intake, message) for message in third}
        assert len(second) == 1
        last = (await http.get(f"/v1/tickets/{second.pop()}")).json()
        assert (last["follows"], last["subject"]) == (first, f"Re: {old['subject']}")
        assert len(await messages_of(intake, last["id"])) == 3
        assert (await http.get(f"/v1/tickets/{old['id']}")).json()["followed_by"] == [first, last["id"]]


async def test_messages_that_turn_out_unclaimed_share_the_follow_up(intake: IntakeHarness) -> None:
    old = await intake.submit()
    async with intake.client() as http:
        sent = [
            (await http.post(f"/v1/tickets/{old['id']}/messages", json={"body": body})).json()
            for body in ("One", "Two")
        ]
    await archived(intake, old)
    for message in sent:
        unclaimed = MessageUnclaimed(ticket_id=TicketId(UUID(old["id"])), message_id=MessageId(UUID(message["id"])))
        await intake.publish(unclaimed)

    async def is_shared() -> None:
        first, second = [await follow_up_of(intake, message) for message in sent]
        assert first == second != "None"
        assert [item["body"] for item in await messages_of(intake, first)] == ["One", "Two"]

    await eventually(is_shared)
