"""Forms sent by other sites, with planted cookies, or with the token of a session that has ended."""

import re

import httpx2
import pytest

from shared.kit.http.form_tokens import CSRF_COOKIE
from tests.services.intake.door import BASE_URL, Door

FIELD = re.compile(r'name="csrf_token" value="([^"]+)"')
FROM_ELSEWHERE = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://portal.example.evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)
FROM_HERE: tuple[dict[str, str], ...] = ({}, {"Origin": BASE_URL}, {"Sec-Fetch-Site": "same-origin"})


async def token_of(browser: httpx2.AsyncClient, path: str) -> str:
    """The token in the form of a page."""
    found = FIELD.search((await browser.get(path)).text)
    assert found
    return found[1]


@pytest.mark.parametrize("headers", FROM_ELSEWHERE)
async def test_the_portal_takes_no_form_that_says_it_came_from_another_site(
    door: Door, headers: dict[str, str]
) -> None:
    async with door.browser() as browser:
        form = {"csrf_token": await token_of(browser, "/tickets/status"), "email": "dana@bank.example"}
        assert (await browser.post("/tickets/status", data=form, headers=headers)).status_code == 403


@pytest.mark.parametrize("headers", FROM_HERE)
async def test_the_portal_takes_its_own_forms(door: Door, headers: dict[str, str]) -> None:
    async with door.browser() as browser:
        form = {"csrf_token": await token_of(browser, "/tickets/status"), "email": "dana@bank.example"}
        assert (await browser.post("/tickets/status", data=form, headers=headers)).status_code != 403


@pytest.mark.parametrize("planted", ["x", "x.", "x." + "0" * 64, ".", "a.b.c"])
async def test_a_planted_cookie_does_not_make_a_token(door: Door, planted: str) -> None:
    async with door.browser() as browser:
        answer = await browser.post(
            "/tickets/status",
            data={"csrf_token": planted, "email": "dana@bank.example"},
            headers={"Cookie": f"{CSRF_COOKIE}={planted}"},
        )
        assert answer.status_code == 403
