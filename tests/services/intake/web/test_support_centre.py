"""The support centre: announcements while they hold, and a search that people can use without script."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from services.intake.access.key_scopes import KeyScope
from shared.kit.clock import utc_now
from tests.services.intake.harness import AN_HOUR, IntakeHarness

ANNOUNCEMENTS = "/v1/admin/announcements"


@pytest.fixture
async def admin(intake: IntakeHarness) -> AsyncIterator[httpx2.AsyncClient]:
    """An administrator's program, which cleans up."""
    async with intake.client(await intake.make_key(KeyScope.ADMIN)) as http:
        yield http
        for one in (await http.get(ANNOUNCEMENTS, params={"limit": 200})).json()["items"]:
            await http.delete(f"{ANNOUNCEMENTS}/{one['id']}")


@pytest.fixture
async def browser(intake: IntakeHarness) -> AsyncIterator[httpx2.AsyncClient]:
    """Someone at an address of their own."""
    async with intake.browser() as http:
        yield http


async def announce(admin: httpx2.AsyncClient, title: str, **changes: Any) -> None:
    """Puts an announcement up."""
    answer = await admin.post(ANNOUNCEMENTS, json={"title": title, "body": "Details"} | changes)
    assert answer.status_code == 201, answer.text


async def test_what_holds_now_is_announced_urgent_first(admin: httpx2.AsyncClient, browser: httpx2.AsyncClient) -> None:
    now = utc_now()
    past, ahead = (now - timedelta(days=1)).isoformat(), (now + timedelta(days=1)).isoformat()
    long_ago = (now - timedelta(days=9)).isoformat()
    await announce(admin, "It is over", starts_at=long_ago, ends_at=past)
    await announce(admin, "It will come", starts_at=ahead)
    await announce(admin, "Cards do not work", is_urgent=True, starts_at=long_ago, ends_at=ahead)
    await announce(admin, "New opening hours", starts_at=past)
    page = (await browser.get("/")).text
    assert page.index("Cards do not work") < page.index("New opening hours")
    assert "Urgent" in page
    assert "It is over" not in page
    assert "It will come" not in page


async def test_an_announcement_is_safe_markdown(admin: httpx2.AsyncClient, browser: httpx2.AsyncClient) -> None:
    body = "**Bold** <script>x()</script> [link](javascript:x()) [good](https://bank.example)"
    await announce(admin, "<b>Title</b>", body=body)
    page = (await browser.get("/")).text
    assert "<strong>Bold</strong>" in page
    assert "&lt;b&gt;Title&lt;/b&gt;" in page
    assert "<script>x()" not in page
    assert 'href="javascript' not in page
    assert 'rel="noopener noreferrer nofollow"' in page


async def test_topics_and_announcements_are_found(admin: httpx2.AsyncClient, browser: httpx2.AsyncClient) -> None:
    await announce(admin, "Cash points rest on Sunday")
    page = (await browser.get("/search", params={"q": "cash point"})).text
    assert "results for" in page
    assert "Cash points rest on Sunday" in page
    assert "/tickets/new?topic=report-problem" in page
    assert 'value="cash point"' in page


@pytest.mark.parametrize("query", ["zxqv", "<script>alert(1)</script>", "%00", "\u202e\U0001f600", "x" * 900])
async def test_what_is_not_found_leads_to_a_ticket(browser: httpx2.AsyncClient, query: str) -> None:
    page = await browser.get("/search", params={"q": query})
    assert page.status_code == 200
    assert "Nothing found" in page.text
    assert 'href="/tickets/new"' in page.text
    assert "<script>alert" not in page.text


async def test_an_empty_search_just_asks(browser: httpx2.AsyncClient) -> None:
    page = (await browser.get("/search")).text
    assert "Nothing found" not in page
    assert 'role="search"' in page


async def test_one_address_may_search_so_often(intake: IntakeHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake.app.state.app_state.search_limiter, "window", AN_HOUR)
    async with intake.browser() as browser:
        answers = [await browser.get("/search?q=card") for _ in range(61)]
    assert [answer.status_code for answer in answers] == [200] * 60 + [429]
    assert "A little slower" in answers[-1].text
