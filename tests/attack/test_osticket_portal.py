"""Holes that osTicket had, by class, tried on the support centre and intake's API; SECURITY.md says which is where."""

import asyncio
import time
from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx2
import pytest

from tests.services.intake.attachments.test_attachments import PNG, send
from tests.services.intake.harness import IntakeHarness, request_for_help
from tests.services.intake.web.test_portal import path_of
from tests.support.active_markup import active_markup

BYPASSES = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    '<svg><animate onbegin=alert(1) attributeName=x dur=1s><a xlink:href="javascript:alert(1)">x</a></svg>',
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    '<form><button formaction="javascript:alert(1)">x</button></form>',
    '<a href="jav&#x09;ascript:alert(1)">x</a><a href=" &#14; javascript:alert(1)">y</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<iframe srcdoc="<script>alert(1)</script>"></iframe><object data="javascript:alert(1)"></object>',
    '<p style="background:url(javascript:alert(1));x:expression(alert(1))">x</p><style>@import "//evil"</style>',
    '<textarea><img title="</textarea><img src onerror=alert(1)>"></textarea>',
    '<base href="https://evil.example/"><meta http-equiv="refresh" content="0;url=https://evil.example/">',
    "<<script>script>alert(1)<</script>/script>",
)
MARKUP = '"><img src=x onerror=alert(1)><script>alert(1)</script>'
INJECTED = (
    "' OR '1'='1",
    "'; select pg_sleep(60); --",
    "1) UNION SELECT secret FROM api_keys --",
    "%' || pg_sleep(60) || '",
)
READERS_OF_FILES = (
    '<img src="file:///etc/passwd"><iframe src="file:///etc/passwd"></iframe>',
    '<link rel="attachment" href="php://filter/read=convert.base64-encode/resource=/etc/passwd">',
    '<ul style="list-style-image:url(file:///etc/passwd)"><li>x</li></ul><img src="../../../../etc/passwd">',
)


@pytest.fixture
async def stranger(intake: IntakeHarness) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody with a browser, at an address of their own."""
    async with intake.browser() as http:
        yield http


@pytest.mark.parametrize("body", BYPASSES)
async def test_no_body_of_a_ticket_runs_in_its_page(
    intake: IntakeHarness, stranger: httpx2.AsyncClient, body: str
) -> None:
    ticket = await intake.submit(body=f"<p>Help</p>{body}", body_format="html")
    page = (await stranger.get(path_of(ticket["access_url"]))).text
    assert "Help" in page
    assert active_markup(page) == []
    assert "evil" not in page


def test_what_could_run_is_found_by_these_tests() -> None:
    missed = [body for body in BYPASSES[:-1] if not active_markup(f"<html><body>{body}</body></html>")]
    assert set(missed) <= {BYPASSES[5], BYPASSES[11]}, "those two work in browsers alone"


async def test_names_of_people_and_files_are_words_in_every_page(
    intake: IntakeHarness, stranger: httpx2.AsyncClient
) -> None:
    async with intake.client() as http:
        sent = await send(http, PNG, f"{MARKUP}.png")
    person = {"email": "dana@bank.example", "name": MARKUP[:100]}
    ticket = await intake.submit(subject=MARKUP, requester=person, attachments=[sent["id"]], body="Help")
    page = (await stranger.get(path_of(ticket["access_url"]))).text
    assert active_markup(page) == []
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    "path",
    [
        *("/search?q={}", "/tickets/similar?subject={}", "/tickets/new?topic={}", "/tickets/thanks?x={}", "/t/{}"),
        *("/files/{}", "/rate/{}", "/everything/{}", "/v1/tickets/{}", "/v1/tickets?sort={}", "/nowhere/{}", "/?{}=1"),
    ],
)
async def test_nothing_of_an_address_comes_back_as_markup(
    intake: IntakeHarness, stranger: httpx2.AsyncClient, path: str
) -> None:
    answer = await stranger.get(path.format(quote(MARKUP, safe="")))
    assert answer.status_code < 500
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    if answer.headers["content-type"].startswith("text/html"):
        assert active_markup(answer.text) == []
    else:
        assert answer.headers["content-type"].startswith(("application/", "text/plain"))


@pytest.mark.parametrize("text", INJECTED)
async def test_a_search_is_no_statement(intake: IntakeHarness, stranger: httpx2.AsyncClient, text: str) -> None:
    async with intake.client() as http:
        started = time.perf_counter()
        asked = [
            await stranger.get("/search", params={"q": text}),
            await stranger.get("/tickets/similar", params={"subject": text, "topic": text}),
            await stranger.get("/tickets/new", params={"topic": text}),
            *[
                await http.get("/v1/tickets", params={name: text})
                for name in ("status", "status[]", "status[0]", "email", "topic", "sort", "limit", "cursor")
            ],
        ]
        assert time.perf_counter() - started < 50, "nothing of it ran"
    assert {answer.status_code for answer in asked} <= {200, 204, 400, 404, 422}
    assert not any("syntax" in answer.text.lower() or "asyncpg" in answer.text for answer in asked)


async def test_no_picture_in_a_body_makes_us_fetch_anything(
    intake: IntakeHarness, stranger: httpx2.AsyncClient
) -> None:
    callers = list[object]()

    def called(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        callers.append(writer.get_extra_info("peername"))
        writer.close()

    server = await asyncio.start_server(called, "127.0.0.1", 0)
    inside = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/latest/meta-data"
    body = f'<img src="{inside}"><link rel=stylesheet href="{inside}"><video poster="{inside}"></video>Help'
    ticket = await intake.submit(body=body, body_format="html")
    page = (await stranger.get(path_of(ticket["access_url"]))).text
    server.close()
    assert inside not in page
    assert callers == []


@pytest.mark.parametrize("body", READERS_OF_FILES)
async def test_no_body_reads_a_file_of_the_server(
    intake: IntakeHarness, stranger: httpx2.AsyncClient, body: str
) -> None:
    ticket = await intake.submit(body=f"{body}Help", body_format="html")
    page = (await stranger.get(path_of(ticket["access_url"]))).text
    assert "Help" in page
    assert "etc/passwd" not in page
    assert "root:x:" not in page


@pytest.mark.parametrize("reference", ["9" * 400, "0", "-1", "%2e%2e%2fadmin", "1e9", "T-1 OR 1=1"])
async def test_a_made_up_number_leads_to_no_ticket(intake: IntakeHarness, reference: str) -> None:
    async with intake.client() as http:
        answer = await http.get(f"/v1/tickets/{reference}")
    assert answer.status_code in (404, 422)


@pytest.mark.parametrize("field", ["id", "number", "status", "assignee_id", "is_internal", "source", "created_at"])
async def test_a_program_sets_no_field_that_is_not_its_own(intake: IntakeHarness, field: str) -> None:
    async with intake.client() as http:
        answer = await http.post("/v1/tickets", json=request_for_help(**{field: "closed"}))
    assert answer.status_code == 422
    assert field in answer.text
