"""Who is not let in, and how much one requester may ask."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from services.intake.access.key_scopes import KeyScope
from shared.contracts.events import TicketResolved
from shared.kit.clock import new_id
from shared.kit.http.form_tokens import CSRF_COOKIE
from tests.services.intake.abuse.override_settings import with_settings
from tests.services.intake.harness import IntakeHarness, Json, after, request_for_help
from tests.support.eventually import eventually


def somebody() -> str:
    """An address nobody else uses."""
    return f"{new_id()}@bank.example"


def asked_by(email: str) -> Json:
    return request_for_help(requester={"email": email, "name": "Dana Ruiz"})


def form_of(browser: httpx2.AsyncClient, email: str) -> dict[str, str]:
    return {
        "csrf_token": browser.cookies[CSRF_COOKIE],
        "email": email,
        "name": "Dana Ruiz",
        "topic": "general",
        "subject": "Down",
        "body": "502",
    }


@pytest.fixture
async def admin(intake: IntakeHarness) -> AsyncIterator[httpx2.AsyncClient]:
    async with intake.client(await intake.make_key(KeyScope.ADMIN)) as http:
        yield http


@pytest.fixture
async def browser(intake: IntakeHarness) -> AsyncIterator[httpx2.AsyncClient]:
    async with intake.browser("198.51.100.200") as http:
        await http.get("/")
        yield http


async def test_a_banned_requester_is_refused_on_every_channel(
    intake: IntakeHarness, admin: httpx2.AsyncClient, browser: httpx2.AsyncClient
) -> None:
    email = somebody()
    made = await admin.post("/v1/admin/bans", json={"pattern": email.upper(), "reason": "Only spam"})
    assert (made.status_code, made.json()["pattern"]) == (201, email)
    async with intake.client() as http:
        answer = await http.post("/v1/tickets", json=asked_by(email))
        assert (answer.status_code, answer.json()["code"]) == (422, "requester_banned")
    page = await browser.post("/tickets/new", data=form_of(browser, email))
    assert page.status_code == 403
    assert "We do not take requests from you" in page.text
    assert (await admin.delete(f"/v1/admin/bans/{email}")).status_code == 204
    async with intake.client() as http:
        assert (await http.post("/v1/tickets", json=asked_by(email))).status_code == 201
    assert (await admin.delete(f"/v1/admin/bans/{email}")).status_code == 404


async def test_a_banned_requester_cannot_write_on_an_earlier_ticket(
    intake: IntakeHarness, admin: httpx2.AsyncClient, browser: httpx2.AsyncClient
) -> None:
    email = somebody()
    ticket = await intake.submit(**asked_by(email))
    await admin.post("/v1/admin/bans", json={"pattern": email, "reason": "Threats"})
    async with intake.client() as http:
        answer = await http.post(f"/v1/tickets/{ticket['id']}/messages", json={"body": "Again"})
    assert (answer.status_code, answer.json()["code"]) == (422, "requester_banned")
    form = {"csrf_token": browser.cookies[CSRF_COOKIE], "body": "Again"}
    assert (await browser.post(f"{ticket['access_url']}/reply", data=form)).status_code == 403
    assert (await browser.get(ticket["access_url"])).status_code == 200, "what was written can still be read"


async def test_a_banned_network_cannot_use_the_form(admin: httpx2.AsyncClient, browser: httpx2.AsyncClient) -> None:
    await admin.post("/v1/admin/bans", json={"pattern": "198.51.100.200/30", "reason": "Robots"})
    try:
        assert (await browser.post("/tickets/new", data=form_of(browser, somebody()))).status_code == 403
    finally:
        assert (await admin.delete("/v1/admin/bans/198.51.100.200/30")).status_code == 204
    assert (await browser.post("/tickets/new", data=form_of(browser, somebody()))).status_code == 200


async def test_bans_are_listed_page_by_page(admin: httpx2.AsyncClient) -> None:
    patterns = sorted(f"@ban{n}.example" for n in range(3))
    for pattern in patterns:
        await admin.post("/v1/admin/bans", json={"pattern": pattern, "reason": "Only spam"})
    seen, cursor = [], None
    while True:
        page = (await admin.get("/v1/admin/bans", params={"limit": 1} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [ban["pattern"] for ban in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [pattern for pattern in seen if pattern in patterns] == patterns
    for pattern in patterns:
        await admin.delete(f"/v1/admin/bans/{pattern}")


@pytest.mark.parametrize("pattern", ["nobody", "203.0.113.1/24", "a\0b@c.example", ""])
async def test_a_pattern_that_names_nobody_is_refused(admin: httpx2.AsyncClient, pattern: str) -> None:
    answer = await admin.post("/v1/admin/bans", json={"pattern": pattern, "reason": "Only spam"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/pattern"


async def test_bans_need_the_scope(intake: IntakeHarness) -> None:
    async with intake.client(await intake.make_key(KeyScope.CREATE)) as http:
        assert (await http.get("/v1/admin/bans")).status_code == 403


async def test_one_requester_has_so_many_tickets_an_hour(intake: IntakeHarness) -> None:
    email = somebody()
    with with_settings(intake, api_requester_per_hour=2):
        async with intake.client() as http:
            statuses = [(await http.post("/v1/tickets", json=asked_by(email))).status_code for _ in range(3)]
            other = await http.post("/v1/tickets", json=asked_by(somebody()))
    assert statuses == [201, 201, 429]
    assert other.status_code == 201


async def test_one_requester_has_so_many_open_tickets(intake: IntakeHarness) -> None:
    email = somebody()
    with with_settings(intake, api_max_open_tickets=2):
        async with intake.client() as http:
            keyed = [{"Idempotency-Key": f"{email}-{n}"} for n in range(2)]
            made = [await http.post("/v1/tickets", json=asked_by(email), headers=key) for key in keyed]
            full = await http.post("/v1/tickets", json=asked_by(email.upper()))
            assert (full.status_code, full.json()["code"]) == (422, "too_many_open_tickets")
            retried = await http.post("/v1/tickets", json=asked_by(email), headers=keyed[1])
            assert (retried.status_code, retried.text) == (201, made[1].text)
            await intake.publish(after(TicketResolved, made[0].json(), seq=3, status="resolved"))

            async def has_room() -> None:
                assert (await http.post("/v1/tickets", json=asked_by(email))).status_code == 201

            await eventually(has_room)


async def test_the_portal_says_that_there_are_many_open_tickets(
    intake: IntakeHarness, browser: httpx2.AsyncClient
) -> None:
    email = somebody()
    with with_settings(intake, max_open_tickets=1):
        assert (await browser.post("/tickets/new", data=form_of(browser, email))).status_code == 200
        page = await browser.post("/tickets/new", data=form_of(browser, email) | {"subject": "Again"})
    assert page.status_code == 422
    assert "You have many open tickets" in page.text
    async with intake.client() as http:
        assert (await http.post("/v1/tickets", json=asked_by(email))).status_code == 201
