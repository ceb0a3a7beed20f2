"""Submitting a request: one transaction, one answer, and the event that sets everything else in motion."""

import asyncio
from typing import Any

import pytest
from nats.js.api import DeliverPolicy

from shared.contracts.events import Envelope, TicketSubmitted
from shared.contracts.names import STREAM
from shared.contracts.vocabulary import Channel, Priority
from tests.services.intake.harness import IntakeHarness, Json, request_for_help


async def announced(intake: IntakeHarness, subject: str) -> Envelope:
    """The first event of a subject on the stream."""
    js = await intake.bus.jetstream()
    subscription = await js.subscribe(subject, stream=STREAM, ordered_consumer=True, deliver_policy=DeliverPolicy.ALL)
    try:
        return Envelope.model_validate_json((await subscription.next_msg(timeout=10)).data)
    finally:
        await subscription.unsubscribe()


async def test_a_request_is_answered_with_its_number_and_a_link(intake: IntakeHarness) -> None:
    sent = request_for_help(
        requester={"email": "dana@bank.example", "name": "Dana Ruiz", "phone": "555 1234567 X12"},
        topic="online-banking",
        priority="high",
    )
    async with intake.client() as http:
        answer = await http.post("/v1/tickets", json=sent)
    created = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/tickets/{created['id']}"
    assert answer.headers["etag"] == '"0"'
    assert set(created) == {
        "id", "number", "status", "subject", "topic", "priority", "requester", "created_at", "access_url"
    }  # fmt: skip
    assert created["status"] == "new"
    assert (created["topic"], created["priority"]) == ("online-banking", "high")
    assert created["requester"] == sent["requester"] | {"language": None}
    assert int(created["number"]) > 100_000
    assert created["access_url"].startswith("http://portal.example/t/")
    async with intake.browser() as browser:
        assert created["number"] in (await browser.get(created["access_url"])).text


async def test_a_submission_is_announced_with_everything_in_it(intake: IntakeHarness) -> None:
    fields: Json = {"branch": "Harbour", "affected": 40, "is_vip": True, "ratio": 0.5, "note": None}
    created = await intake.submit(fields=fields, priority="urgent", cc=["lee@bank.example"], body_format="markdown")
    envelope = await announced(intake, f"everdesk.ticket.submitted.v1.{created['id']}")
    event = TicketSubmitted.of(envelope)
    assert envelope.id == f"{created['id']}:submitted"
    assert (event.number, event.priority, event.channel) == (created["number"], Priority.URGENT, Channel.API)
    assert (event.fields, event.cc) == (fields, ("lee@bank.example",))
    assert event.received_at.isoformat() == created["created_at"].replace("Z", "+00:00")


async def test_numbers_rise(intake: IntakeHarness) -> None:
    first, second = await intake.submit(), await intake.submit()
    assert int(second["number"]) > int(first["number"])


async def test_a_topic_may_be_named_by_slug_or_id(intake: IntakeHarness) -> None:
    async with intake.client() as http:
        topic = (await http.get("/v1/topics")).json()["items"][0]
    assert (await intake.submit(topic=topic["id"]))["topic"] == topic["slug"]
    assert (await intake.submit(topic=topic["slug"]))["topic"] == topic["slug"]


async def test_a_retry_takes_effect_once_and_gets_the_first_answer(intake: IntakeHarness) -> None:
    before = await intake.count("tickets")
    async with intake.client() as http:
        answers = [
            await http.post("/v1/tickets", json=request_for_help(), headers={"Idempotency-Key": "retry-1"})
            for _ in range(3)
        ]
    assert len({answer.text for answer in answers}) == 1
    assert {answer.status_code for answer in answers} == {201}
    assert {answer.headers["location"] for answer in answers} == {f"/v1/tickets/{answers[0].json()['id']}"}
    assert [answer.headers.get("idempotent-replayed") for answer in answers] == [None, "true", "true"]
    assert await intake.count("tickets") == before + 1


async def test_a_key_used_with_another_body_is_refused(intake: IntakeHarness) -> None:
    headers = {"Idempotency-Key": "reused"}
    async with intake.client() as http:
        await http.post("/v1/tickets", json=request_for_help(), headers=headers)
        answer = await http.post("/v1/tickets", json=request_for_help(subject="Another"), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


async def test_many_retries_at_once_take_effect_once(intake: IntakeHarness) -> None:
    before = await intake.count("tickets")
    async with intake.client() as http:
        answers = await asyncio.gather(
            *(
                http.post("/v1/tickets", json=request_for_help(), headers={"Idempotency-Key": "crowd"})
                for _ in range(12)
            )
        )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert await intake.count("tickets") == before + 1


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"surprise": 1}, "/surprise"),
        ({"subject": None}, "/subject"),
        ({"subject": 7}, "/subject"),
        ({"subject": "two\nlines"}, "/subject"),
        ({"subject": "bell\u0007"}, "/subject"),
        ({"subject": "x" * 256}, "/subject"),
        ({"body": " \n\t "}, "/body"),
        ({"body": "nul\0"}, "/body"),
        ({"body": "x" * (256 * 1024 + 1)}, "/body"),
        ({"body_format": "rtf"}, "/body_format"),
        ({"priority": "asap"}, "/priority"),
        ({"topic": "no-such-topic"}, "/topic"),
        ({"requester": {"email": "not an address", "name": "N"}}, "/requester/email"),
        ({"requester": {"email": "a@b.example"}}, "/requester/name"),
        ({"requester": {"email": "a@b.example", "name": "N", "phone": "call me"}}, "/requester/phone"),
        ({"requester": {"email": "a@b.example", "name": "N", "id": 1}}, "/requester/id"),
        ({"cc": ["nobody"]}, "/cc/0"),
        ({"attachments": ["01a2091e-28d4-7cf0-8b1a-8bdbf7a6b0f1"]}, "/attachments/0"),
        ({"fields": {str(n): n for n in range(51)}}, "/fields"),
        ({"fields": {"deep": {"er": 1}}}, "/fields"),
        ({"fields": {"list": []}}, "/fields"),
        ({"fields": {"nul": "\0"}}, "/fields"),
        ({"fields": {"": 1}}, "/fields"),
        ({"fields": {"long": "x" * 4001}}, "/fields"),
        ({"fields": {"big": 10**30}}, "/fields"),
        ({"fields": {str(n): "x" * 3000 for n in range(6)}}, "/fields"),
        ({"fields": [1]}, "/fields"),
    ],
)
async def test_what_cannot_be_kept_is_refused_at_its_field(intake: IntakeHarness, changes: Json, pointer: str) -> None:
    before = await intake.count("tickets"), await intake.count("messages")
    async with intake.client() as http:
        answer = await http.post("/v1/tickets", json=request_for_help(**changes))
    problem = answer.json()
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["code"] == "invalid_input"
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert pointer in [error["pointer"] for error in problem["errors"]]
    assert (await intake.count("tickets"), await intake.count("messages")) == before


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"{", JSON, 400, "malformed_json"),
        (b"", JSON, 422, "invalid_input"),
        (b"[]", JSON, 422, "invalid_input"),
        (b"null", JSON, 422, "invalid_input"),
        (b'{"subject": "\xff"}', JSON, 400, "malformed_json"),
        ('{"subject": "a"}'.encode("utf-16"), JSON, 400, "malformed_json"),
        (b'{"subject": "\\ud800"}', JSON, 400, "malformed_json"),
        (b'{"\\ud800": 1}', JSON, 400, "malformed_json"),
        (b'{"fields": {"n": NaN}}', JSON, 400, "malformed_json"),
        (b"[" * 100_000, JSON, 400, "malformed_json"),
        (b"[" * 40 + b"]" * 40, JSON, 400, "too_deep"),
        (b'{"fields":' * 33 + b"1" + b"}" * 33, JSON, 400, "too_deep"),
        (b"[" * 32 + b"1" + b"]" * 32, JSON, 422, "invalid_input"),
        (b"{}", {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        (b"{}", {}, 415, "unsupported_media_type"),
        (b"a=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
        (b"x" * (1281 * 1024), JSON, 413, "too_large"),
        (b"{}", JSON | {"Idempotency-Key": "with space"}, 422, "invalid_input"),
        (b"{}", JSON | {"Idempotency-Key": "k" * 256}, 422, "invalid_input"),
    ],
)
async def test_what_is_not_json_is_a_problem_of_its_own(
    intake: IntakeHarness, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    async with intake.client() as http:
        answer = await http.post("/v1/tickets", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_api_describes_itself(intake: IntakeHarness) -> None:
    async with intake.browser() as http:
        described: dict[str, Any] = (await http.get("/openapi.json")).json()
    assert described["openapi"].startswith("3.1")
    assert described["components"]["securitySchemes"]["ApiKey"]["scheme"] == "bearer"
    assert described["components"]["schemas"]["SubmitTicket"]["examples"]
    assert set(described["paths"]) >= {
        "/v1/tickets", "/v1/tickets/{ticket_id}", "/v1/tickets/{ticket_id}/messages",
        "/v1/tickets/{ticket_id}/close", "/v1/tickets/{ticket_id}/reopen", "/v1/topics",
    }  # fmt: skip
