"""The desk under `/desk` of a host that it shares: addresses, redirects, cookies and the API's own description."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from services.assignment.app import build
from services.assignment.settings import AssignmentSettings
from shared.kit.http.form_tokens import CSRF_COOKIE
from shared.kit.http.path_prefix import path_of, with_prefix
from tests.attack.test_cross_site_forms import token_of
from tests.services.assignment.desk import PASSWORD, Desk

ROOT = Path(__file__).resolve().parents[4]
PUBLIC = "https://help.example/desk"
ELSEWHERE = re.compile(r'\s([\w-]+)="(/(?!/|desk/)[^"]*)"')
NO_ADDRESS = {"value", "d", "data-base", "data-key", "aria-keyshortcuts"}
"""Attributes whose values may begin with a slash without being an address that a browser follows."""


@pytest.fixture
async def browser(settings: AssignmentSettings, desk: Desk) -> AsyncIterator[httpx2.AsyncClient]:
    app = build(settings.model_validate(settings.model_dump() | {"desk_url": PUBLIC}))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="https://help.example") as client,
    ):
        yield client


async def test_every_address_on_a_page_stays_under_the_prefix(browser: httpx2.AsyncClient) -> None:
    asked = await browser.get("/desk/queue?view=all")
    assert (asked.status_code, asked.headers["location"]) == (303, "/desk/?next=/queue%3Fview%3Dall")
    form = {"email": "ada@everdesk.example", "password": PASSWORD, "csrf_token": await token_of(browser, "/desk")}
    entered = await browser.post("/desk/sign-in", data=form | {"next": "/queue?view=all"})
    assert (entered.status_code, entered.headers["location"]) == (303, "/desk/queue?view=all")
    for path in ("/queue", "/admin", "/admin/agents", "/reports", "/account", "/settings", "/requesters"):
        page = await browser.get(f"/desk{path}", follow_redirects=True)
        assert page.status_code == 200, path
        assert [found for found in ELSEWHERE.findall(page.text) if found[0] not in NO_ADDRESS] == [], path
    style = re.search(r'<link rel="stylesheet" href="([^"]+)"', page.text)
    assert style
    assert (await browser.get(style[1])).status_code == 200


async def test_cookies_are_the_whole_hosts_and_the_form_token_is_the_desks_own(browser: httpx2.AsyncClient) -> None:
    page = await browser.get("/desk/")
    assert "; Path=/;" in page.headers["set-cookie"]
    assert f"__Host-{CSRF_COOKIE}_desk" in page.cookies, "the portal of the same host has a form token too"


async def test_the_api_says_where_it_is_and_answers_siblings_without_the_prefix(browser: httpx2.AsyncClient) -> None:
    described = (await browser.get("/desk/openapi.json")).json()
    assert described["servers"] == [{"url": "/desk"}]
    assert (await browser.get("/desk/v1/me")).status_code == 401
    assert (await browser.get("/healthz")).status_code == 200
    assert (await browser.get("/desktop/v1/me")).status_code == 404


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ('<a href="/queue">', '<a href="/desk/queue">'),
        ('<a href="/">', '<a href="/desk/">'),
        ('<form action="/t/1" data-stream="/s">', '<form action="/desk/t/1" data-stream="/desk/s">'),
        ('<a href="//other.example/">', '<a href="//other.example/">'),
        ('<a href="https://other.example/">', '<a href="https://other.example/">'),
        ("<p>write href=&#34;/queue&#34;</p>", "<p>write href=&#34;/queue&#34;</p>"),
        ('<input value="/queue">', '<input value="/queue">'),
    ],
)
def test_only_addresses_on_this_host_get_the_prefix(page: str, expected: str) -> None:
    assert with_prefix(page, "/desk") == expected
    assert with_prefix(page, "") == page


@pytest.mark.parametrize(
    ("url", "path"), [("http://127.0.0.1:8002", ""), ("https://a.example/", ""), ("https://a.example/desk/", "/desk")]
)
def test_the_prefix_is_the_path_of_the_public_url(url: str, path: str) -> None:
    assert path_of(url) == path


def test_no_script_asks_for_an_address_without_the_prefix() -> None:
    literal = re.compile(r"(?:fetch|EventSource|assign|open)\((?:\"POST\", )?[`'\"]/|href: [`'\"]/")
    for file in (ROOT / "services").rglob("static/**/*.js"):
        assert not literal.search(file.read_text(encoding="utf-8")), file.name
