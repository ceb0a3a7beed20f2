"""An operator helps somebody who cannot log in, at the command line of the running system."""

import asyncio
import os
import sys

import httpx2

from shared.kit.clock import new_id
from tests.local.running import LocalStack
from tests.services.assignment.browsing import TOKEN
from tests.support.api import Api, SystemClients

FIRST, SECOND = "violet-harbour-cheese-39", "copper-lantern-meadow-52"


async def everdesk(stack: LocalStack, *arguments: str) -> tuple[int | None, str]:
    """The exit status of the operators' command, and what it says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cli", "accounts", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(os.environ) | {"EVERDESK_HOME": str(stack.state)},
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def log_in(desk: Api, email: str, password: str) -> int:
    async with httpx2.AsyncClient(base_url=desk.base_url) as http:
        return (await http.post("/v1/sessions", json={"email": email, "password": password})).status_code


async def test_an_operator_unlocks_and_resets(stack: LocalStack) -> None:
    system, email = SystemClients(stack.described()), f"omar-{new_id().hex[-8:]}@everdesk.example"
    ada = await system.sign_in("ada@everdesk.example")
    made = await ada.post("/v1/agents", {"email": email, "name": "Omar Locked", "password": FIRST}, expect=201)
    statuses = [await log_in(system.desk, email, "not-the-password") for _ in range(5)]
    assert (statuses, await log_in(system.desk, email, FIRST)) == ([401] * 5, 429)
    status, said = await everdesk(stack, "unlock", email, "--address", "127.0.0.1")
    assert status == 0, said
    assert await log_in(system.desk, email, FIRST) == 201
    status, said = await everdesk(stack, "reset-password", email)
    assert status == 0, said
    async with httpx2.AsyncClient(follow_redirects=True) as browser:
        link = said.split()[-1]
        token = TOKEN.search((await browser.get(link)).text)
        assert token
        done = await browser.post(link, data={"csrf_token": token[1], "password": SECOND})
    assert "Your password is set" in done.text
    assert await log_in(system.desk, email, SECOND) == 201
    status, said = await everdesk(stack, "reset-second-factor", email)
    assert status == 0, said
    entries = (await ada.get("/v1/audit-log", subject=made["id"]))["items"]
    by_operator = [entry["action"] for entry in entries if entry["actor_name"].startswith("Operator ")]
    assert by_operator == ["agent.second-factor-reset", "agent.password-link-made", "agent.unlocked"]
    status, said = await everdesk(stack, "show", "nobody@everdesk.example")
    assert (status, "no agent with this e-mail address" in said) == (1, True)
