"""The form under load: people get through, with a little work of their browser or after a minute, robots do not."""

import asyncio
import re
from collections.abc import AsyncIterator

import httpx2
import pytest

from services.intake.abuse.challenge import solve
from services.intake.settings import ChallengeMode
from shared.kit.http.form_tokens import CSRF_COOKIE
from tests.services.intake.abuse.doors import under
from tests.services.intake.abuse.test_gate import form_of, somebody
from tests.services.intake.door import Door


@pytest.fixture
async def browser(door: Door, request: pytest.FixtureRequest) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody at an address of their own."""
    async with door.browser(f"203.0.114.{abs(hash(request.node.name)) % 250 + 1}") as http:
        await http.get("/")
        yield http


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the form on a page."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))


async def filled(browser: httpx2.AsyncClient, page: str | None = None) -> dict[str, str]:
    """A form as a browser would send it, apart from the work."""
    text = page if page is not None else (await browser.get("/tickets/new?topic=general")).text
    return form_of(browser, somebody()) | {name: value for name, value in hidden(text).items() if name != "csrf_token"}


def worked(form: dict[str, str]) -> dict[str, str]:
    return form | {"challenge_answer": solve(form["challenge"])}


async def send(browser: httpx2.AsyncClient, form: dict[str, str]) -> int:
    return (await browser.post("/tickets/new", data=form)).status_code


async def test_where_work_is_always_asked_a_worked_form_passes_once(door: Door, browser: httpx2.AsyncClient) -> None:
    with under(door, challenge=ChallengeMode.ALWAYS, challenge_bits=8):
        form = await filled(browser)
        assert await send(browser, form) == 429
        before = await door.count("tickets")
        assert await send(browser, worked(form)) == 200
        assert await send(browser, worked(form)) == 200, "a double click is the same form"
        assert await door.count("tickets") == before + 1
        assert await send(browser, worked(form) | {"body": "Something else"}) == 429, "the work was spent"


async def test_a_stopped_form_keeps_what_was_written_and_says_what_to_do(
    door: Door, browser: httpx2.AsyncClient
) -> None:
    with under(door, challenge=ChallengeMode.ALWAYS, challenge_bits=8):
        page = await browser.post("/tickets/new", data=await filled(browser) | {"body": "Every word of it"})
        assert page.status_code == 429
        assert page.headers["retry-after"] == "60"
        for words in ("Your ticket was not opened yet", "Every word of it", "Please allow script"):
            assert words in page.text
        again = await filled(browser, page.text)
        assert await send(browser, worked(again)) == 200


async def test_a_calm_portal_asks_nothing(door: Door, browser: httpx2.AsyncClient) -> None:
    with under(door, challenge=ChallengeMode.UNDER_LOAD):
        form = await filled(browser)
        assert "challenge" not in form
        assert await send(browser, form) == 200


async def test_one_address_in_a_hurry_is_asked_and_others_are_not(door: Door, browser: httpx2.AsyncClient) -> None:
    with under(door, challenge=ChallengeMode.UNDER_LOAD, calm_per_minute=4, form_min_seconds=0, challenge_bits=8):
        statuses = [await send(browser, await filled(browser)) for _ in range(6)]
        assert statuses == [200, 200, 200, 200, 429, 429]
        assert "please wait a minute and send it again" in (await browser.get("/tickets/new?topic=general")).text
        async with door.browser("203.0.115.1") as other:
            await other.get("/")
            assert await send(other, await filled(other)) == 200
        assert await send(browser, worked(await filled(browser))) == 200


async def test_forms_that_come_back_at_once_are_asked_sooner(door: Door, browser: httpx2.AsyncClient) -> None:
    with under(door, challenge=ChallengeMode.UNDER_LOAD, calm_per_minute=4, form_min_seconds=60):
        statuses = [await send(browser, await filled(browser)) for _ in range(3)]
    assert statuses == [200, 200, 429]


async def test_too_many_from_everywhere_ask_everybody(door: Door, browser: httpx2.AsyncClient) -> None:
    with under(door, challenge=ChallengeMode.UNDER_LOAD, site_calm_per_minute=3, challenge_bits=8):
        for n in range(4):
            async with door.browser(f"203.0.116.{n + 1}") as robot:
                await robot.get("/")
                await send(robot, form_of(robot, somebody()))
        assert await send(browser, worked(await filled(browser))) == 200
        assert await send(browser, form_of(browser, somebody())) == 429


async def test_a_flood_from_one_address_does_not_hold_up_another(door: Door, browser: httpx2.AsyncClient) -> None:
    limit = door.settings.form_per_minute
    done: list[str] = []

    async def ask(name: str, http: httpx2.AsyncClient, form: dict[str, str]) -> None:
        if await send(http, form) == 200:
            done.append(name)

    async with door.browser("203.0.117.1") as robot:
        await robot.get("/")
        flood = [ask("robot", robot, form_of(robot, somebody())) for _ in range(10 * limit)]
        await asyncio.gather(*flood, ask("person", browser, form_of(browser, somebody())))
    assert done.count("robot") <= limit
    assert done.index("person") <= limit, "only what the flood's own budget allowed can have come before"
    assert CSRF_COOKIE in browser.cookies
