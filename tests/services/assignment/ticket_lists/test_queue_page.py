"""The queue in the browser, without scripts: filters, pages, views, actions on many tickets, exports."""

import re
from html import unescape
from uuid import UUID

import httpx2
import pytest

from services.assignment.web.page_base import SESSION_COOKIE
from shared.contracts.events import AgentChanged, Envelope
from shared.contracts.names import STREAM
from shared.kit.clock import new_id
from tests.services.assignment.desk import Desk, Json, agent_id
from tests.support.eventually import eventually


class Browser:
    """A browser without scripts, signed in as one agent."""

    def __init__(self, desk: Desk, token: str) -> None:
        self.http = desk.http
        self.cookies = f"{SESSION_COOKIE}={token}"
        self.csrf = ""

    async def get(self, path: str, status: int = 200) -> str:
        """A page."""
        answer = await self.http.get(path, headers={"Cookie": f"{self.cookies}; everdesk_csrf={self.csrf}"})
        assert answer.status_code == status, answer.text[:500]
        if found := re.search(r'name="csrf_token" value="([^"]+)"', answer.text):
            self.csrf = found[1]
        return answer.text

    async def post(self, path: str, status: int = 303, **fields: str | list[str]) -> httpx2.Response:
        """A form."""
        answer = await self.http.post(
            path,
            data={"csrf_token": self.csrf, **fields},
            headers={"Cookie": f"{self.cookies}; everdesk_csrf={self.csrf}"},
        )
        assert answer.status_code == status, answer.text[:1000]
        return answer


@pytest.fixture
async def browser(desk: Desk) -> Browser:
    return Browser(desk, (await desk.agent("ada")).token)


@pytest.fixture(scope="module")
async def some(desk: Desk) -> list[Json]:
    """Three tickets with a word of their own."""
    word = "q" + "".join(chr(ord("a") + int(digit, 16)) for digit in new_id().hex[-10:])
    return [await desk.ticket("online-banking", subject=f"{word} {number}") for number in range(3)]


def word_of(some: list[Json]) -> str:
    return str(some[0]["subject"]).split()[0]


async def test_it_lists_what_is_due_next_first_and_says_how_many(browser: Browser, some: list[Json]) -> None:
    page = await browser.get("/queue?view=all")
    assert re.search(r'<option value="due_at" selected>Due first', page)
    assert page.count('class="count"') >= 5
    found = await browser.get(f"/queue?view=all&q={word_of(some)}+is:open&team=online-banking")
    assert all(ticket["number"] in found for ticket in some)
    assert "is-overdue" not in found or "SLA due" in found
    none = await browser.get(f"/queue?view=all&q={word_of(some)}&team=service-desk")
    assert "Nothing matches" in none


async def test_a_search_that_means_nothing_says_where(browser: Browser) -> None:
    page = unescape(await browser.get("/queue?view=all&q=refund+is:opne", 422))
    assert "`is:opne`, at character 8" in page
    assert 'aria-invalid="true"' in page


async def test_pages_lead_on_and_back(browser: Browser, desk: Desk, some: list[Json]) -> None:
    for _ in range(26 - len(some)):
        await desk.submit("online-banking", subject=f"{word_of(some)} more")
    query = f"/queue?view=all&q={word_of(some)}&sort=created_at"

    async def full() -> str:
        page = await browser.get(query)
        assert 'rel="next"' in page
        return page

    first = await eventually(full)
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following
    second = await browser.get(unescape(following[1]))
    assert len(re.findall(r"data-ticket=", second)) == 1
    back = re.search(r'rel="prev" href="([^"]+)"', second)
    assert back
    again = await browser.get(unescape(back[1]))
    assert re.findall(r'data-ticket="([^"]+)"', again) == re.findall(r'data-ticket="([^"]+)"', first)


async def test_a_list_is_saved_shown_and_deleted(browser: Browser, some: list[Json]) -> None:
    await browser.get("/queue?view=all")
    made = await browser.post(
        "/queue/views",
        query=f"view=all&q={word_of(some)}+-more&sort=-priority",
        name="Mine <b>bold</b>",
        sharing="personal",
        columns="status topic",
    )
    path = made.headers["location"]
    page = await browser.get(path)
    assert "Mine &lt;b&gt;bold&lt;/b&gt;" in page
    assert re.search(r'<option value="-priority" selected>', page)
    assert "Assignee</th>" not in page
    assert all(ticket["number"] in page for ticket in some)
    view_id = UUID(path.rpartition("=")[2])
    team = re.search(r'<option value="(team:[^"]+)">', page)
    assert team
    await browser.post(f"/queue/views/{view_id}", view_name="Ours", view_sharing=team[1])
    page = await browser.get(path)
    assert re.search(rf'<option value="{team[1]}" selected>', page), "shared with the team from now on"
    assert "Ours" in page
    await browser.post(f"/queue/views/{view_id}/delete")
    await browser.get(path, 404)


async def test_many_tickets_are_changed_after_a_question_with_a_result_for_each(
    browser: Browser, desk: Desk, some: list[Json]
) -> None:
    await browser.get("/queue?view=all")
    ids = [ticket["id"] for ticket in some]
    asked = (await browser.post("/queue/bulk", 200, action="prioritise", ticket=ids, query="view=all")).text
    assert "Prioritise: 3 tickets" in asked
    started = await browser.post(
        "/queue/bulk/start", action="prioritise", ticket=ids, priority="low", comment="", query="view=all"
    )

    async def done() -> None:
        page = await browser.get(started.headers["location"])
        assert "3 of 3: 3 done" in page
        assert 'http-equiv="refresh"' not in page, "a finished page stays as it is"

    await eventually(done, within=30)
    for ticket in some:
        await desk.seen(ticket["id"], priority="low")


async def test_everything_that_matches_is_changed(browser: Browser, desk: Desk, some: list[Json]) -> None:
    await browser.get("/queue?view=all")
    query = f"view=all&q={word_of(some)}+-more"
    asked = (await browser.post("/queue/bulk", 200, action="tags", everything="yes", query=query)).text
    assert "All tickets that match" in asked
    started = await browser.post(
        "/queue/bulk/start", action="tags", everything="yes", query=query, add="swept-up", remove=""
    )

    async def done() -> None:
        assert "3 of 3: 3 done" in await browser.get(started.headers["location"])

    await eventually(done, within=30)


async def test_nothing_selected_is_said(browser: Browser) -> None:
    await browser.get("/queue?view=all")
    answer = await browser.post("/queue/bulk", action="claim", query="view=all&sort=-updated_at")
    assert answer.headers["location"] == "/queue?view=all&sort=-updated_at"


async def test_an_export_is_asked_for_and_downloaded(browser: Browser, some: list[Json]) -> None:
    async def files() -> set[str]:
        return set(re.findall(r'href="(/queue/exports/[^"]+/file)"', await browser.get("/queue/jobs")))

    await browser.get("/queue?view=all")
    earlier = await files()
    await browser.post("/queue/exports", query=f"view=all&q={word_of(some)}")

    async def ready() -> str:
        (new,) = await files() - earlier
        return new

    file = await browser.get(await eventually(ready, within=30))
    assert some[0]["number"] in file


async def test_rows_are_dense_or_comfortable_and_a_ticket_is_read_beside_them(browser: Browser) -> None:
    await browser.get("/queue?view=all")
    await browser.post("/queue/layout", density="dense", query="view=all")
    await browser.post("/queue/layout", pane="on", query="view=all")
    page = await browser.get("/queue?view=all")
    assert "has-pane" in page
    assert "is-dense" in page
    await browser.post("/queue/layout", density="comfortable", query="")
    await browser.post("/queue/layout", pane="off", query="")
    assert "is-dense" not in await browser.get("/queue?view=all")


async def test_the_last_word_is_completed(browser: Browser, desk: Desk) -> None:
    ada = await desk.agent("ada")
    for text, expected in (
        ("refund is:op", "refund is:open"),
        ("pri", "priority:"),
        ("-team:online", "-team:online-banking"),
        ("assignee:ada", "assignee:ada@everdesk.example"),
        ("due:<", "due:<1h"),
    ):
        items = (await ada.get("/v1/search/suggestions", q=text))["items"]
        assert expected in items, text
    assert '"items":["is:"]' in await browser.get("/queue/suggestions?q=is")


@pytest.mark.parametrize(
    "path", ["/queue/views", "/queue/bulk", "/queue/bulk/start", "/queue/exports", "/queue/layout"]
)
async def test_a_form_from_elsewhere_is_refused(browser: Browser, path: str) -> None:
    browser.csrf = "guessed"
    await browser.post(path, 403, action="close", query="view=all")


TRANSLATED_PAGES = {
    "/reports": "Aufgeschlüsselt nach",
    "/reports/times": "Zeiten",
    "/reports/activity": "Der Zeitraum in Zahlen",
    "/reports/arrivals": "Eingang",
    "/reports/held": "Zeit je Status",
    "/reports/csat": "Zufriedenheit",
    "/reports/backlog": "Rückstand",
    "/reports/workload": "Auslastung",
    "/reports/saved": "Gespeicherte Berichte",
    "/reports/schedules": "Berichte per E-Mail",
    "/reports/boards": "Wandtafeln",
    "/reports/what-if": "Was wäre wenn",
    "/reports/staffing": "Personalbedarf",
}


async def test_the_desk_is_in_the_agents_language(desk: Desk, some: list[Json]) -> None:
    agent = await desk.agent("bruno")
    browser = Browser(desk, agent.token)
    assert (await agent.patch("/v1/me/settings", {"language": "de-AT"}))["language"] == "de-AT"
    try:
        page = await browser.get(f"/queue?view=all&q={word_of(some)}")
        assert '<html lang="de" dir="ltr"' in page
        assert ">Warteschlange</a>" in page
        assert "Zuerst Fällige" in page
        assert 'data-label="SLA fällig"' in page
        assert re.search(r'class="badge status status-\w+">Offen<', page)
        ticket = await browser.get(f"/tickets/{some[0]['number']}")
        assert "Antwort senden" in ticket
        account = await browser.get("/account")
        assert '<html lang="de"' in account
        assert "Zweiter Faktor" in account
        for path, title in TRANSLATED_PAGES.items():
            shown = await browser.get(path)
            assert '<html lang="de"' in shown, path
            assert title in shown, path
        await eventually(lambda: is_told_to_speak(desk, "bruno", "de-AT"))
        await agent.patch("/v1/me/settings", {"language": "deutsch"}, expect=422)
    finally:
        await agent.patch("/v1/me/settings", {"language": None})
    assert '<html lang="en"' in await browser.get("/queue")
    await eventually(lambda: is_told_to_speak(desk, "bruno", None))


async def is_told_to_speak(desk: Desk, name: str, language: str | None) -> bool:
    """Whether the last that was announced of an agent has this language."""
    subject = f"{AgentChanged.type()}.{agent_id(name)}"
    message = await (await desk.bus.jetstream()).get_last_msg(STREAM, subject)
    return AgentChanged.of(Envelope.model_validate_json(message.data or b"")).language == language
