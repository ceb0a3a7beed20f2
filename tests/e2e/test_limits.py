"""What is at its limit is accepted and arrives everywhere; one more is refused, and told what to change."""

import json
from typing import Any

import httpx2
import pytest

from shared.kit.clock import new_id
from tests.local.running import LocalStack
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
