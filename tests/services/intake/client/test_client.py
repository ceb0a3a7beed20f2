"""The client package against the running service."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from services.intake.access.key_scopes import KeyScope
from services.intake.client import IntakeClient, Invalid, NewTicket, NotAuthenticated, NotFound, NotPermitted, Person
from shared.contracts.events import TicketClosed
from shared.kit.auth import ApiKey
from tests.services.intake.harness import BASE_URL, IntakeHarness, after
from tests.support.eventually import eventually

DANA = Person(email="dana@bank.example", name="Dana Ruiz", phone="555 1234567 X12")
REQUEST = NewTicket(requester=DANA, subject="Online banking system down", body="Log-in answers 502.")


def client_of(intake: IntakeHarness, key: ApiKey) -> IntakeClient:
    transport = httpx2.ASGITransport(app=intake.app, client=("127.0.0.1", 4711))
    return IntakeClient(BASE_URL, str(key), transport=transport)


@pytest.fixture
async def client(intake: IntakeHarness) -> AsyncIterator[IntakeClient]:
    """The client of a program that has no tickets yet."""
    async with client_of(intake, await intake.make_key()) as client:
        yield client


async def test_a_ticket_is_submitted_once_and_read_back(client: IntakeClient) -> None:
    first, again = [await client.submit(REQUEST, idempotency_key="one-ticket") for _ in range(2)]
    assert first == again
    ticket = await client.get_ticket(first.id)
    assert isinstance(ticket.id, UUID)
    assert isinstance(ticket.created_at, datetime)
    assert ticket.created_at.tzinfo is not None
    assert (ticket.number, ticket.status, ticket.requester) == (first.number, "new", DANA)


async def test_everything_a_request_may_have_arrives(client: IntakeClient) -> None:
    request = REQUEST.model_copy(
        update={"topic": "access", "priority": "high", "fields": {"branch": "Harbour"}, "cc": ["lee@bank.example"]}
    )
    ticket = await client.get_ticket((await client.submit(request)).id)
    assert (ticket.topic, ticket.priority, ticket.fields, ticket.cc) == (
        "access", "high", {"branch": "Harbour"}, ["lee@bank.example"]
    )  # fmt: skip


async def test_lists_fetch_their_further_pages(client: IntakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.intake.client.client.PAGE", 2)
    made = [(await client.submit(REQUEST)).id for _ in range(5)]
    assert [ticket.id async for ticket in client.list_tickets()] == made[::-1]
    for body in ("second", "third"):
        await client.post_message(made[0], body, body_format="markdown")
    bodies = [message.body async for message in client.list_messages(made[0])]
    assert bodies == [REQUEST.body, "second", "third"]
    number = (await client.get_ticket(made[1])).number
    assert [ticket.id async for ticket in client.list_tickets(number=number, status="new")] == [made[1]]


async def test_topics_are_listed(client: IntakeClient) -> None:
    assert "online-banking" in [topic.slug async for topic in client.list_topics()]


async def test_a_file_is_sent_and_then_named(client: IntakeClient, tmp_path: Path) -> None:
    path = tmp_path / "gateway.log"
    path.write_bytes(b"GET /login 502\n" * 10_000)
    file = await client.upload(path, media_type="text/plain")
    assert (file.name, file.size) == ("gateway.log", 150_000)
    ticket = await client.submit(REQUEST.model_copy(update={"attachments": [file.id]}))
    message = await anext(aiter(client.list_messages(ticket.id)))
    assert [attached.id for attached in message.attachments] == [file.id]


async def test_a_refusal_says_what_to_correct(client: IntakeClient) -> None:
    with pytest.raises(Invalid) as refused:
        await client.submit(REQUEST.model_copy(update={"subject": "two\nlines"}))
    assert (refused.value.status, refused.value.code) == (422, "invalid_input")
    assert refused.value.errors[0].pointer == "/subject"
    assert refused.value.request_id


async def test_each_refusal_has_a_class_of_its_own(intake: IntakeHarness, client: IntakeClient) -> None:
    with pytest.raises(NotFound):
        await client.get_ticket("01a2091e-28d4-7cf0-8b1a-8bdbf7a6b0f1")
    async with client_of(intake, ApiKey.make()) as stranger:
        with pytest.raises(NotAuthenticated):
            await stranger.submit(REQUEST)
    async with client_of(intake, await intake.make_key(KeyScope.READ)) as reader:
        with pytest.raises(NotPermitted, match="create"):
            await reader.submit(REQUEST)


async def test_a_closed_ticket_is_seen_closed(intake: IntakeHarness, client: IntakeClient) -> None:
    made = await client.submit(REQUEST)
    closed = {"id": str(made.id), "number": made.number}
    await intake.publish(
        after(TicketClosed, closed, seq=1, status="closed", details={"reason": "resolved", "cause": "command"})
    )

    async def is_closed() -> None:
        assert (await client.get_ticket(made.id)).status == "closed"

    await eventually(is_closed)
