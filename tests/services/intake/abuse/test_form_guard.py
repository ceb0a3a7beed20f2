"""The form under load: people get through, robots that send it at once do not."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace

import httpx2
import pytest
from structlog.testing import capture_logs

from services.intake.abuse import form_guard
from services.intake.main import warn_of_retired
from services.intake.settings import IntakeSettings
from shared.kit.http.form_tokens import CSRF_COOKIE
from tests.services.intake.abuse.override_settings import with_settings
from tests.services.intake.abuse.test_admission_control import form_of, somebody
from tests.services.intake.harness import IntakeHarness


@pytest.fixture
async def browser(intake: IntakeHarness) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody at an address of their own."""
    async with intake.browser() as http:
        await http.get("/")
        yield http


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the form on a page."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))


async def filled(browser: httpx2.AsyncClient, page: str | None = None) -> dict[str, str]:
    """A form as a browser would send it."""
    text = page if page is not None else (await browser.get("/tickets/new?topic=general")).text
    return form_of(browser, somebody()) | {name: value for name, value in hidden(text).items() if name != "csrf_token"}


def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a minute passes for the guard."""
    monkeypatch.setattr(form_guard, "time", SimpleNamespace(time=lambda: time.time() + 30))


async def send(browser: httpx2.AsyncClient, form: dict[str, str]) -> int:
    return (await browser.post("/tickets/new", data=form)).status_code


async def test_a_held_form_keeps_what_was_written_and_passes_once_it_was_on_a_page(
    intake: IntakeHarness, browser: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with with_settings(intake, calm_per_minute=1, form_min_seconds=20):
        page = await browser.post("/tickets/new", data=await filled(browser) | {"body": "Every word of it"})
        assert page.status_code == 429
        assert page.headers["retry-after"] == "60"
        for words in ("Your ticket was not opened yet", "Every word of it", "Please wait a minute"):
            assert words in page.text
        again = await filled(browser, page.text)
        assert await send(browser, again) == 429, "still in a hurry"
        later(monkeypatch)
        assert await send(browser, again) == 200


async def test_a_calm_portal_takes_a_hasty_form(intake: IntakeHarness, browser: httpx2.AsyncClient) -> None:
    with with_settings(intake, form_min_seconds=60):
        assert await send(browser, await filled(browser)) == 200


async def test_one_address_in_a_hurry_is_held_back_and_others_are_not(
    intake: IntakeHarness, browser: httpx2.AsyncClient
) -> None:
    with with_settings(intake, calm_per_minute=4, form_min_seconds=60):
        assert [await send(browser, await filled(browser)) for _ in range(4)] == [200, 200, 429, 429]
        async with intake.browser() as other:
            await other.get("/")
            assert await send(other, await filled(other)) == 200


@pytest.mark.parametrize("made", ["", "x", "é.x.y"])
async def test_a_form_that_was_on_no_page_is_hasty(
    intake: IntakeHarness, browser: httpx2.AsyncClient, made: str
) -> None:
    with with_settings(intake, calm_per_minute=1, form_min_seconds=0.01):
        assert await send(browser, await filled(browser) | {"made": made}) == 429


async def test_the_time_of_one_form_is_none_of_another(intake: IntakeHarness, browser: httpx2.AsyncClient) -> None:
    with with_settings(intake, calm_per_minute=1, form_min_seconds=0.01):
        made = (await filled(browser))["made"]
        assert await send(browser, await filled(browser) | {"made": made}) == 429


async def test_people_of_a_busy_office_are_not_held_back(
    intake: IntakeHarness, browser: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with with_settings(intake, calm_per_minute=1, site_calm_per_minute=1, form_min_seconds=20):
        forms = [await filled(browser) for _ in range(4)]
        later(monkeypatch)
        assert [await send(browser, form) for form in forms] == [200] * 4


@pytest.mark.parametrize("name", ["challenge", "challenge_bits"])
def test_settings_of_the_former_challenge_are_ignored_with_a_warning(intake: IntakeHarness, name: str) -> None:
    settings = IntakeSettings(database_url=intake.settings.database_url, link_secret="x" * 16, **{name: "always"})  # type: ignore[arg-type]
    with capture_logs() as logged:
        warn_of_retired(settings)
    assert [(line["event"], line["setting"]) for line in logged] == [("setting.ignored", f"EVERDESK_{name.upper()}")]


async def test_too_much_from_everywhere_holds_back_everybodys_hasty_forms(
    intake: IntakeHarness, browser: httpx2.AsyncClient
) -> None:
    with with_settings(intake, site_calm_per_minute=3, form_min_seconds=60):
        for _ in range(4):
            async with intake.browser() as robot:
                await robot.get("/")
                await send(robot, form_of(robot, somebody()))
        assert await send(browser, form_of(browser, somebody())) == 429


async def test_a_flood_from_one_address_does_not_hold_up_another(
    intake: IntakeHarness, browser: httpx2.AsyncClient
) -> None:
    limit = intake.settings.form_per_minute
    done: list[str] = []

    async def ask(name: str, http: httpx2.AsyncClient, form: dict[str, str]) -> None:
        if await send(http, form) == 200:
            done.append(name)

    async with intake.browser() as robot:
        await robot.get("/")
        flood = [ask("robot", robot, form_of(robot, somebody())) for _ in range(10 * limit)]
        await asyncio.gather(*flood, ask("person", browser, form_of(browser, somebody())))
    assert done.count("robot") <= limit
    assert done.index("person") <= limit, "only what the flood's own budget allowed can have come before"
    assert CSRF_COOKIE in browser.cookies
