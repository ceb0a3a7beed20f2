"""Agents write to third parties beside a ticket, which may wait on hold for the answer."""

from uuid import UUID

import pytest

from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import NotificationFailed, SideMessageReceived, SideMessageSent
from shared.contracts.vocabulary import BodyFormat
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.browsing import Surfer
from tests.services.assignment.conversation.test_composing import announced
from tests.services.assignment.desk import Desk, Json, agent_id
from tests.support.eventually import eventually

SUPPLIER = "sam@supplier.example"
QUESTION = {"to": SUPPLIER, "subject": "The line in Berlin", "body": "Is it down?"}


def path_of(ticket: Json) -> str:
    return f"/v1/tickets/{ticket['id']}/side-conversations"


def answer_to(ticket: Json, message_id: str, **changes: object) -> SideMessageReceived:
    values = {
        "ticket_id": TicketId(UUID(ticket["id"])),
        "message_id": MessageId(new_id()),
        "answered_id": MessageId(UUID(message_id)),
        "author_name": "Sam Supplier",
        "body": "Back at three.",
        "body_format": BodyFormat.TEXT,
        "mail_id": "<a1@supplier.example>",
        "received_at": utc_now(),
    }
    return SideMessageReceived.model_validate(values | changes)


async def handed_in(desk: Desk, event: SideMessageReceived, times: int = 2) -> None:
    for number in range(times):
        await desk.publish(event.envelope(f"side-{event.message_id}-{number}", utc_now()))


async def test_a_ticket_waits_on_hold_and_goes_on_with_the_answer(desk: Desk) -> None:
    ticket, ada = await desk.ticket_of("bruno"), await desk.agent("ada")
    key = {"Idempotency_Key": new_id().hex}
    made = await ada.post(path_of(ticket), QUESTION | {"hold": True}, expect=201, **key)
    assert (await ada.post(path_of(ticket), QUESTION | {"hold": True}, expect=201, **key))["id"] == made["id"]
    (first,) = made["messages"]
    assert (made["to"], made["is_awaited"], first["author"]["id"]) == (SUPPLIER, True, str(agent_id("ada")))
    sent = await announced(desk, SideMessageSent, ticket)
    assert (sent.email, sent.subject, str(sent.message_id)) == (SUPPLIER, QUESTION["subject"], first["id"])
    held = await desk.seen(ticket["id"], status="on_hold")
    assert held["hold_reason"] == "third_party"

    await handed_in(desk, answer_to(ticket, first["id"], is_automatic=True, body="I am away."))
    await handed_in(desk, answer_to(ticket, first["id"]))
    await desk.seen(ticket["id"], within=30, status="open")
    found = await ada.get(f"{path_of(ticket)}/{made['id']}")
    assert [(one["body"], one["author"] is None, one["is_automatic"]) for one in found["messages"]] == [
        ("Is it down?", False, False),
        ("I am away.", True, True),
        ("Back at three.", True, False),
    ]
    assert not found["is_awaited"]
    public = (await ada.get(f"/v1/tickets/{ticket['id']}/messages"))["items"]
    assert "Back at three." not in [one["body"] for one in public]

    again = await ada.post(f"{path_of(ticket)}/{made['id']}/replies", {"body": "Thank you."}, expect=201)
    assert len(again["messages"]) == 4


async def test_mails_that_do_not_arrive_are_marked_and_strangers_answers_left_out(desk: Desk) -> None:
    ticket, other, ada = await desk.ticket_of("bruno"), await desk.ticket_of("bruno"), await desk.agent("ada")
    made = await ada.post(path_of(ticket), QUESTION, expect=201)
    second = await ada.post(f"{path_of(ticket)}/{made['id']}/replies", {"body": "Hello?"}, expect=201)
    first_id, second_id = (one["id"] for one in second["messages"])
    await handed_in(desk, answer_to(other, first_id, body="Of another ticket"))
    await handed_in(desk, answer_to(ticket, first_id, is_bounce=True, body=""))
    failed = NotificationFailed(
        delivery_id=new_id(),
        ticket_id=TicketId(UUID(ticket["id"])),
        cause=f"side-message:{second_id}",
        template="side_message",
        message_id="<x@y.example>",
        reason="550 no such user",
        failed_at=utc_now(),
    )
    await desk.publish(failed.envelope(f"failed-{second_id}", utc_now()))

    async def marked() -> None:
        messages = (await ada.get(f"{path_of(ticket)}/{made['id']}"))["messages"]
        assert [bool(one["failed_because"]) for one in messages] == [True, True], messages

    await eventually(marked, 15.0)


@pytest.mark.parametrize("how", ["bounced", "given up"])
async def test_a_ticket_does_not_wait_for_the_answer_to_a_mail_that_did_not_arrive(desk: Desk, how: str) -> None:
    """Unless another mail was sent after it, which may yet be answered."""
    ticket, ada = await desk.ticket_of("bruno"), await desk.agent("ada")
    made = await ada.post(path_of(ticket), QUESTION | {"hold": True}, expect=201)
    await desk.seen(ticket["id"], status="on_hold")
    second = await ada.post(f"{path_of(ticket)}/{made['id']}/replies", {"body": "Hello?"}, expect=201)
    first_id, second_id = (one["id"] for one in second["messages"])

    async def fails(message_id: str) -> None:
        if how == "bounced":
            await handed_in(desk, answer_to(ticket, message_id, is_bounce=True, body=""))
        else:
            failed = NotificationFailed(
                delivery_id=new_id(),
                ticket_id=TicketId(UUID(ticket["id"])),
                cause=f"side-message:{message_id}",
                template="side_message",
                message_id="<x@y.example>",
                reason="550 no such user",
                failed_at=utc_now(),
            )
            await desk.publish(failed.envelope(f"failed-{message_id}", utc_now()))

        async def is_marked() -> None:
            messages = (await ada.get(f"{path_of(ticket)}/{made['id']}"))["messages"]
            assert next(one for one in messages if one["id"] == message_id)["failed_because"]

        await eventually(is_marked, 15.0)

    await fails(first_id)
    assert (await ada.get(f"{path_of(ticket)}/{made['id']}"))["is_awaited"]
    await fails(second_id)
    await desk.seen(ticket["id"], within=30, status="open")
    assert not (await ada.get(f"{path_of(ticket)}/{made['id']}"))["is_awaited"]


async def test_a_report_that_proves_nothing_neither_marks_a_mail_nor_ends_the_waiting(desk: Desk) -> None:
    """Whoever has seen the mail's id can write one; proved by its own return address, it does both."""
    ticket, ada = await desk.ticket_of("bruno"), await desk.agent("ada")
    made = await ada.post(path_of(ticket), QUESTION | {"hold": True}, expect=201)
    await desk.seen(ticket["id"], status="on_hold")
    (first,) = made["messages"]
    await handed_in(desk, answer_to(ticket, first["id"], is_bounce=True, body="", is_proved=False))
    await handed_in(desk, answer_to(ticket, first["id"], is_automatic=True, body="I am away."))

    async def is_handled() -> Json:
        found = await ada.get(f"{path_of(ticket)}/{made['id']}")
        assert len(found["messages"]) == 2
        return found

    found = await eventually(is_handled, 15.0)
    assert (found["messages"][0]["failed_because"], found["is_awaited"]) == (None, True)
    await handed_in(desk, answer_to(ticket, first["id"], is_bounce=True, body="", is_proved=True))
    await desk.seen(ticket["id"], within=30, status="open")
    found = await ada.get(f"{path_of(ticket)}/{made['id']}")
    assert found["messages"][0]["failed_because"]


async def test_people_of_the_ticket_are_refused_and_the_page_shows_it_all(desk: Desk) -> None:
    ticket, ada = await desk.ticket_of("bruno"), await desk.agent("ada")
    refused = await ada.post(path_of(ticket), QUESTION | {"to": "Dana@Bank.example"}, expect=422)
    assert refused["errors"][0]["pointer"] == "/to"
    resolved = await desk.ticket_of("bruno")
    await ada.post(f"/v1/tickets/{resolved['id']}/resolve")
    await ada.post(path_of(resolved), QUESTION | {"hold": True}, expect=409)

    surfer = await Surfer.of(desk.app).sign_in("ada@everdesk.example", path=f"/tickets/{ticket['number']}")
    await surfer.open(f"/tickets/{ticket['number']}")
    fields = {"side_to": "dana@bank.example", "side_subject": "Line", "side_body": "<b>Down?</b>", "form_id": "a1"}
    await surfer.send(f"/tickets/{ticket['number']}/side-conversations", **fields)
    assert surfer.status == 422
    assert "Is the requester: reply to them on the ticket" in surfer.page
    await surfer.send(f"/tickets/{ticket['number']}/side-conversations", **fields | {"side_to": SUPPLIER})
    assert surfer.status == 200
    assert SUPPLIER in surfer.page
    assert "&lt;b&gt;Down?" in surfer.page
