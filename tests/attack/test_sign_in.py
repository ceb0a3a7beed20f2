"""Guessing passwords and using sessions of others: counters, passwords, and what a session leaves behind."""

import asyncio
import json

import httpx2
import pytest
from fastapi import FastAPI

from services.assignment.access import sign_in
from services.assignment.access.sign_in import TRIES
from services.assignment.app import build
from services.assignment.settings import AssignmentSettings
from services.assignment.web.page_base import SESSION_COOKIE
from shared.kit.auth import hash_password, verify_password
from shared.kit.clock import new_id
from tests.attack.test_cross_site_forms import token_of
from tests.services.assignment.desk import PASSWORD, Desk
from tests.support.quick_passwords import quick_hashes  # noqa: F401 - a fixture
from tests.support.raw_http import served, status_of

WEAK = (
    "aaaaaaaaaa",
    "password123",
    "1234567890",
    "qwertyuiop",
    "Everdesk2026",
    "passwordpassword",
    "qwerty12345qwerty12345",
    "abcdefghijkl",
    "short",
)


@pytest.fixture
async def own_account(desk: Desk) -> str:
    """The address of an agent the attacker is."""
    ada, email = await desk.agent("ada"), f"mallory-{new_id().hex}@everdesk.example"
    await ada.post("/v1/agents", {"email": email, "name": "Mallory Own", "password": PASSWORD})
    return email


async def test_guessing_is_made_dear() -> None:
    assert (await hash_password(PASSWORD)).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def client_at(app: FastAPI, address: str) -> httpx2.AsyncClient:
    """Somebody at a network address."""
    transport = httpx2.ASGITransport(app=app, client=(address, 4711))
    return httpx2.AsyncClient(transport=transport, base_url="http://desk.example")


async def attempt(http: httpx2.AsyncClient, email: str, password: str) -> int:
    """The status of one attempt."""
    return (await http.post("/v1/sessions", json={"email": email, "password": password})).status_code


@pytest.mark.usefixtures("quick_hashes")
async def test_ones_own_log_in_clears_no_way_for_guessing_at_others(desk: Desk, own_account: str) -> None:
    async with client_at(desk.app, "203.0.113.200") as http:
        for number in range(TRIES["address"]):
            if number % 20 == 19:
                assert await attempt(http, own_account, PASSWORD) == 201
            assert await attempt(http, f"nobody-{new_id().hex}@everdesk.example", "wrong-password") == 401
        assert await attempt(http, f"nobody-{new_id().hex}@everdesk.example", "wrong-password") == 429
    async with client_at(desk.app, "203.0.113.201") as elsewhere:
        assert await attempt(elsewhere, own_account, PASSWORD) == 201


@pytest.mark.usefixtures("quick_hashes")
async def test_a_network_of_ipv6_is_one_address(desk: Desk) -> None:
    statuses = []
    for number in range(TRIES["address"] + 1):
        async with client_at(desk.app, f"2001:db8:5:5::{number + 1:x}") as http:
            statuses.append(await attempt(http, f"nobody-{new_id().hex}@everdesk.example", "wrong-password"))
    assert statuses == [401] * TRIES["address"] + [429]


@pytest.mark.parametrize("password", WEAK)
async def test_a_password_that_is_easily_guessed_is_refused(desk: Desk, own_account: str, password: str) -> None:
    ada = await desk.agent("ada")
    answer = await ada.send(
        "POST", "/v1/agents", json={"email": f"{new_id().hex}@everdesk.example", "name": "New", "password": password}
    )
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/password")


async def test_what_everybody_knows_of_an_agent_is_no_password(desk: Desk) -> None:
    ada, email = await desk.agent("ada"), f"zebulon-{new_id().hex}@everdesk.example"
    for password in (email, email.upper(), "Zebulon Quartermain"):
        body = {"email": email, "name": "Zebulon Quartermain", "password": password}
        assert (await ada.send("POST", "/v1/agents", json=body)).status_code == 422, password
    made = await ada.post("/v1/agents", {"email": email, "name": "Zebulon Quartermain", "password": PASSWORD})
    changed = await ada.send("PATCH", f"/v1/agents/{made['id']}", json={"password": "zebulon quartermain"})
    assert changed.status_code == 422


async def test_signing_out_everywhere_ends_every_session(desk: Desk, own_account: str) -> None:
    async with client_at(desk.app, "203.0.113.202") as http:
        tokens = []
        for _ in range(3):
            answer = await http.post("/v1/sessions", json={"email": own_account, "password": PASSWORD})
            tokens.append(answer.json()["access_token"])
        headers = [{"Authorization": f"Bearer {token}"} for token in tokens]
        assert (await http.delete("/v1/sessions?everywhere=true", headers=headers[0])).status_code == 204
        assert [(await http.get("/v1/me", headers=one)).status_code for one in headers] == [401] * 3


async def test_a_token_serves_one_session_and_no_other(desk: Desk) -> None:
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=desk.app), base_url="http://desk.example"
    ) as browser:
        before = await token_of(browser, "/")
        credentials = {"email": "bruno@everdesk.example", "password": PASSWORD}
        answer = await browser.post("/sign-in", data=credentials | {"csrf_token": before})
        assert answer.status_code == 303
        first = browser.cookies[SESSION_COOKIE]
        during = await token_of(browser, "/queue")
        assert during != before
        assert (await browser.post("/sign-out", data={"csrf_token": before})).status_code == 403
        again = await browser.post("/sign-in", data=credentials | {"csrf_token": during})
        assert again.status_code == 303
        assert browser.cookies[SESSION_COOKIE] != first
        ended = await desk.http.get("/v1/me", headers={"Authorization": f"Bearer {first}"})
        assert ended.status_code == 401, "the session before has ended"
        assert (await browser.post("/sign-out", data={"csrf_token": during})).status_code == 403
        after = await token_of(browser, "/queue")
        assert (await browser.post("/sign-out", data={"csrf_token": after})).status_code == 303


@pytest.mark.usefixtures("quick_hashes")
async def test_attempts_at_many_accounts_at_once_are_all_counted(desk: Desk) -> None:
    async with client_at(desk.app, "203.0.113.210") as http:
        attempts = (
            attempt(http, f"nobody-{new_id().hex}@everdesk.example", "wrong-password")
            for _ in range(TRIES["address"] + 20)
        )
        statuses = await asyncio.gather(*attempts)
    assert sorted(statuses) == [401] * TRIES["address"] + [429] * 20


@pytest.mark.usefixtures("quick_hashes")
async def test_ones_own_log_in_lifts_no_lock_that_others_set_meanwhile(
    desk: Desk, own_account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def verify_slowly(password: str, hashed: str | None) -> bool:
        is_right = await verify_password(password, hashed)
        if password == PASSWORD:
            for _ in range(TRIES["address"] - 1):
                await attempt(http, f"nobody-{new_id().hex}@everdesk.example", "wrong-password")
        return is_right

    monkeypatch.setattr(sign_in, "verify_password", verify_slowly)
    async with client_at(desk.app, "203.0.113.211") as http:
        assert await attempt(http, own_account, PASSWORD) == 201
        assert await attempt(http, f"nobody-{new_id().hex}@everdesk.example", "wrong-password") == 429


@pytest.mark.usefixtures("quick_hashes")
async def test_a_client_behind_a_proxy_does_not_choose_the_address_it_is_locked_by(
    desk_settings: AssignmentSettings,
) -> None:
    trusting = desk_settings.model_validate(desk_settings.model_dump() | {"trusted_proxies": "127.0.0.0/8"})
    statuses = []
    async with served(build(trusting)) as port:
        for number in range(TRIES["address"] + 1):
            body = json.dumps({"email": f"nobody-{new_id().hex}@everdesk.example", "password": "wrong-password"})
            headers = [
                "Content-Type: application/json",
                f"X-Forwarded-For: 198.51.100.{number}",
                "X-Forwarded-For: 203.0.113.212",
            ]
            statuses.append(await status_of(port, "POST", "/v1/sessions", headers, body.encode()))
    assert statuses == [401] * TRIES["address"] + [429]


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/tickets/{number}/pend"])
async def test_the_desk_takes_no_form_of_another_site(desk: Desk, path: str, headers: dict[str, str]) -> None:
    ticket = await desk.some_ticket()
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=desk.app), base_url="http://desk.example"
    ) as browser:
        credentials = {"email": "ada@everdesk.example", "password": PASSWORD}
        await browser.post("/sign-in", data=credentials | {"csrf_token": await token_of(browser, "/")})
        form = credentials | {"csrf_token": await token_of(browser, "/queue")}
        answer = await browser.post(path.format(number=ticket["number"]), data=form, headers=headers)
        assert answer.status_code == 403
