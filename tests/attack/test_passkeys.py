"""Passkeys that do not belong here: of another site, agent or challenge, copied ones, and nonsense."""

import html
import json
import re
from typing import Any

import pytest
from sqlalchemy import delete

from services.assignment.models import LoginAttempt
from shared.kit.clock import new_id
from tests.attack.soft_passkey import SoftPasskey, text_of
from tests.services.assignment.browsing import Surfer
from tests.services.assignment.desk import PASSWORD, Desk

OPTIONS = re.compile(r'data-options="([^"]+)"')
STEP, SET_UP = "/sign-in/second-factor", "/account/second-factor"


def options_on(surfer: Surfer) -> dict[str, Any]:
    """What the page tells the browser."""
    found = OPTIONS.search(surfer.page)
    assert found, surfer.page
    options: dict[str, Any] = json.loads(html.unescape(found[1]))
    return options


async def browser_of(desk: Desk, email: str, path: str) -> Surfer:
    """The first step, at the host that passkeys are for."""
    surfer = Surfer.of(desk.app)
    surfer.http.headers["Host"] = "localhost:8002"
    return await surfer.sign_in(email, path=path)


def origin_for(desk: Desk) -> str:
    """Where the desk is for a browser that offers passkeys."""
    url = desk.context.settings.desk_url.rstrip("/")
    return "http://localhost:8002" if "127.0.0.1" in url or "localhost" in url else url


async def with_passkey(desk: Desk) -> tuple[str, SoftPasskey]:
    """The address of an agent, and the passkey they have added."""
    ada, email, key = await desk.agent("ada"), f"{new_id().hex}@everdesk.example", SoftPasskey()
    await ada.post("/v1/agents", {"email": email, "name": "Keyed", "password": PASSWORD})
    surfer = await browser_of(desk, email, SET_UP)
    await surfer.send(f"{SET_UP}/passkey", name="Soft", credential=key.made(options_on(surfer), origin_for(desk)))
    assert "recovery-codes" in surfer.page, surfer.page
    return email, key


async def attempt(surfer: Surfer, credential: str) -> bool:
    """Whether a credential signs in."""
    await surfer.send(STEP, credential=credential, next="/account")
    return surfer.path == "/account"


async def forget_attempts(desk: Desk) -> None:
    async with desk.database.begin() as session:
        await session.execute(delete(LoginAttempt))


async def test_only_the_agents_own_passkey_for_this_site_and_challenge_fits(desk: Desk) -> None:
    email, key = await with_passkey(desk)
    _, others = await with_passkey(desk)
    origin = origin_for(desk)
    await forget_attempts(desk)
    surfer = await browser_of(desk, email, "/account")
    assert surfer.path == STEP
    key.counter = 5
    assert not await attempt(surfer, key.signed(options_on(surfer), "https://desk.example.evil.example")), "origin"
    assert not await attempt(surfer, others.signed(options_on(surfer), origin)), "somebody else's"
    old = options_on(surfer)
    assert not await attempt(surfer, key.signed(old | {"challenge": text_of(b"x" * 32)}, origin)), "challenge"
    assert not await attempt(surfer, key.signed(old, origin)), "a challenge works once"
    assert await attempt(surfer, key.signed(options_on(surfer), origin))
    surfer = await browser_of(desk, email, "/account")
    assert not await attempt(surfer, key.signed(options_on(surfer), origin)), "a counter that does not rise"


NONSENSE = (
    "{",
    "[]",
    "null",
    '{"rawId": 5}',
    '{"rawId": "AAAA", "id": "AAAA", "type": "public-key", "response": {}}',
    '{"rawId": "AAAA", "id": "AAAA", "type": "public-key", "response": {"clientDataJSON": "e30"}}',
    "[" * 8_000,
    "\ud7ff" * 2_000,
)


@pytest.mark.parametrize("credential", NONSENSE)
async def test_nonsense_is_refused_as_a_wrong_passkey(desk: Desk, credential: str) -> None:
    await forget_attempts(desk)
    email, key = await with_passkey(desk)
    surfer = await browser_of(desk, email, "/account")
    known = credential.replace("AAAA", text_of(key.id))
    assert not await attempt(surfer, known)
    assert surfer.status == 401
    set_up = await browser_of(desk, await without_factors(desk), SET_UP)
    await set_up.send(f"{SET_UP}/passkey", name="x", credential=credential)
    assert set_up.status == 401


async def without_factors(desk: Desk) -> str:
    """The address of an agent without any second factor."""
    ada, email = await desk.agent("ada"), f"{new_id().hex}@everdesk.example"
    await ada.post("/v1/agents", {"email": email, "name": "Bare", "password": PASSWORD})
    return email
