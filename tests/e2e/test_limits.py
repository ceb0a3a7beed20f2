"""Everything at its limit at once is accepted and arrives everywhere; one more is refused, and told what to change."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from shared.kit.clock import new_id
from tests.local.running import LocalStack
from tests.services.notification.webhooks.webhook_receiver import ReceivedWebhook, receiving
from tests.support.api import Api, Json, SystemClients, status_is
from tests.support.eventually import eventually

MOST = 256 * 1024
TEXTS = {
    "ASCII": "x" * MOST,
    "two bytes": "ж" * (MOST // 2),
    "three bytes": "x" + "漢" * (MOST // 3),
    "four bytes": "😀" * (MOST // 4),
    "line breaks": "x" + "\n" * (MOST - 2) + "x",
    "quotes": '"' * MOST,
    "control characters": "x" + "\x1f" * 149_000,
}
FORTY_FIELDS = {f"Feld {number:02}": "ж" * 190 for number in range(40)}
LONG = f"{'b' * 60}.{'c' * 60}.{'d' * 60}.example"


@pytest.fixture
def system(stack: LocalStack) -> SystemClients:
    return SystemClients(stack.described())


async def agent_of(system: SystemClients) -> Api:
    agents = system.description["credentials"]["agents"]
    return await system.sign_in(next(one["email"] for one in agents if one["role"] == "All access"))


def request_for_help(**changes: Any) -> Json:
    dana = {"email": f"{new_id().hex}@bank.example", "name": "Dana"}
    return {"requester": dana, "subject": "S", "body": "x"} | changes


async def send(api: Api, path: str, body: Json, *, is_ascii: bool = True) -> httpx2.Response:
    """The request as `json.dumps` writes it by default, every other character escaped, or in UTF-8."""
    headers = {"Authorization": f"Bearer {api.token}", "Idempotency-Key": str(new_id())}
    headers["Content-Type"] = "application/json"
    content = json.dumps(body, ensure_ascii=is_ascii).encode()
    return await api.client.post(api.base_url + path, content=content, headers=headers)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
async def test_a_text_at_its_limit_is_accepted_however_it_is_written(system: SystemClients, text: str) -> None:
    agent = await agent_of(system)
    for is_ascii in (True, False):
        asked = await send(system.intake, "/v1/tickets", request_for_help(body=text), is_ascii=is_ascii)
        assert asked.status_code == 201, asked.text
    ticket = asked.json()
    path = f"/v1/tickets/{ticket['id']}"
    await status_is(agent, ticket["id"], "open")
    replied = await send(agent, f"{path}/replies", {"body": text, "body_format": "text"})
    assert replied.status_code == 201, replied.text

    async def is_read() -> None:
        entries = (await agent.get(f"{path}/messages"))["items"]
        assert [one["body"] for one in entries] == [text, text]
        theirs = (await system.intake.get(f"{path}/messages"))["items"]
        assert [one["body"] for one in theirs] == [text, text]

    await eventually(is_read, within=30)
    over = text + "xx" * 30_000
    for api, where, body in (
        (system.intake, "/v1/tickets", request_for_help(body=over)),
        (agent, f"{path}/replies", {"body": over, "body_format": "text"}),
    ):
        refused = await send(api, where, body)
        assert refused.status_code == 422, refused.text
        assert refused.json()["errors"][0]["pointer"] == "/body"


@pytest.fixture
async def hook(system: SystemClients) -> AsyncIterator[Any]:
    async with receiving() as receiver:
        made = await system.notification.post(
            "/v1/webhooks", {"name": f"Limits {new_id()}", "url": receiver.url, "types": ["*", "note.*"]}, expect=201
        )
        receiver.secret = made["secret"]
        yield receiver
        await system.notification.client.delete(
            f"{system.notification.base_url}/v1/webhooks/{made['id']}",
            headers={"Authorization": f"Bearer {system.notification.token}"},
        )


async def test_everything_at_its_limit_at_once_arrives_in_the_desk_the_feed_and_the_webhook(
    system: SystemClients, hook: Any
) -> None:
    agent, intake = await agent_of(system), system.intake
    files = []
    for number in range(20):
        stored = await intake.client.post(
            f"{intake.base_url}/v1/attachments",
            headers={"Authorization": f"Bearer {intake.token}"},
            files={"file": (f"{'п' * 100}{number}.txt", b"x", "text/plain")},
        )
        files.append(stored.json()["id"])
    asked = request_for_help(
        subject="😀" * 255,
        body="ж" * (MOST // 2),
        fields=FORTY_FIELDS,
        cc=[f"{'a' * 10}{number:02}@{LONG}" for number in range(20)],
        attachments=files,
    )
    asked["requester"] |= {"name": "Д" * 120, "phone": "+49 89 12345678"}
    answer = await send(intake, "/v1/tickets", asked)
    assert answer.status_code == 201, answer.text
    ticket = answer.json()
    path = f"/v1/tickets/{ticket['id']}"
    await status_is(agent, ticket["id"], "open")

    async def is_seen() -> None:
        seen = await agent.get(path)
        assert seen["subject"] == asked["subject"]
        assert {one["name"]: one["value"] for one in seen["fields"]} == FORTY_FIELDS
        first = (await agent.get(f"{path}/messages"))["items"][0]
        assert (first["body"], len(first["attachments"])) == (asked["body"], 20)

    await eventually(is_seen, within=30)
    refused = await agent.client.patch(
        agent.base_url + path, json={"fields": {"one": "x" * 4000}}, headers={"Authorization": f"Bearer {agent.token}"}
    )
    assert refused.status_code == 422, refused.text
    assert "all fields together hold at most 16 KiB" in refused.text
    note = await send(agent, f"{path}/notes", {"body": "漢" * (MOST // 3), "body_format": "markdown"})
    assert note.status_code == 201, note.text

    def delivered() -> list[ReceivedWebhook]:
        told: list[ReceivedWebhook] = hook.of(ticket["id"])
        submitted = [one for one in told if one.envelope["type"] == "everdesk.ticket.submitted.v1"]
        assert len(submitted) == 1
        data = submitted[0].envelope["data"]
        assert (data["subject"], data["body"], data["fields"]) == (asked["subject"], asked["body"], FORTY_FIELDS)
        assert (len(data["cc"]), len(data["attachments"])) == (20, 20)
        return told

    told = await eventually(delivered, within=40)
    assert isinstance(told, list)
    items = (await system.notification.get("/v1/events", ticket_id=ticket["id"], limit=100, after=0))["items"]
    assert "everdesk.ticket.submitted.v1" in [one["type"] for one in items]
