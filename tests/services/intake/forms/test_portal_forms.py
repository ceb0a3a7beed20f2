"""The portal asks what a topic's form asks, keeps what was answered, and shows it to whom it concerns."""

import html
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from services.intake.access.key_scopes import KeyScope
from shared.contracts.vocabulary import Priority
from shared.kit.clock import new_id
from tests.services.intake.harness import IntakeHarness, Json
from tests.services.intake.web.test_portal import FORM as PERSON
from tests.services.intake.web.test_portal import mailed_link, send

SLUG = f"asked-{new_id().hex[-12:]}"
FIELDS: list[Json] = [
    {
        "kind": "choice",
        "name": "system",
        "label": "Which system?",
        "required": True,
        "choices": [{"key": "web", "label": "Website"}, {"key": "atm", "label": "Cash point"}],
    },
    {
        "kind": "text",
        "name": "place",
        "label": "Where?",
        "required": True,
        "shown_if": {"field": "system", "is": "atm"},
    },
    {
        "kind": "multi_choice",
        "name": "signs",
        "label": "Signs <b>",
        "hint": "Tick what fits",
        "choices": [{"key": "slow", "label": "Slow"}, {"key": "dark", "label": "Dark"}],
    },
    {"kind": "number", "name": "amount", "label": "Amount", "min": 1, "max": 500},
    {"kind": "checkbox", "name": "is_urgent", "label": "It cannot wait"},
    {"kind": "date", "name": "since", "label": "Since when?"},
    {"kind": "email", "name": "colleague", "label": "A colleague's address"},
    {"kind": "phone", "name": "call", "label": "Where to call"},
    {"kind": "long_text", "name": "steps", "label": "Steps"},
    {"kind": "text", "name": "asset_tag", "label": "Asset tag", "visible_to": "agents", "required": True},
]
ANSWERS: dict[str, Any] = {"field-system": "web", "field-signs": ["dark", "slow"], "field-amount": "12.5"}


@pytest.fixture(scope="module")
async def admin(intake: IntakeHarness) -> AsyncIterator[httpx2.AsyncClient]:
    """An administrator's program."""
    async with intake.client(await intake.make_key(KeyScope.ADMIN)) as http:
        yield http


@pytest.fixture(scope="module")
async def topic(admin: httpx2.AsyncClient) -> Json:
    """A topic that asks for everything."""
    content = {
        "slug": SLUG,
        "name": "Cash & cards",
        "form": FIELDS,
        "priority": "high",
        "thanks": "Read *this* <script>x()</script>",
    }
    answer = await admin.post("/v1/admin/topics", json=content)
    assert answer.status_code == 201, answer.text
    return content


@pytest.fixture
async def browser(intake: IntakeHarness) -> AsyncIterator[httpx2.AsyncClient]:
    """Someone who has just opened the support centre, at an address of their own."""
    async with intake.browser() as http:
        await http.get("/")
        yield http


async def fill_in(browser: httpx2.AsyncClient, **changes: Any) -> httpx2.Response:
    """Sends the form for the topic."""
    return await send(browser, "/tickets/new", **PERSON | {"topic": SLUG, "asked": SLUG} | ANSWERS | changes)


async def test_choosing_a_topic_comes_first(browser: httpx2.AsyncClient, topic: Json) -> None:
    first = (await browser.get("/tickets/new")).text
    assert f'href="/tickets/new?topic={SLUG}"' in first
    assert 'name="subject"' not in first
    page = (await browser.get(f"/tickets/new?topic={SLUG}")).text
    for name in ("system", "place", "signs", "amount", "is_urgent", "since", "colleague", "call", "steps"):
        assert f'name="field-{name}"' in page
    assert "asset_tag" not in page
    assert "Asset tag" not in page
    assert "Only if you answered \u201cCash point\u201d to \u201cWhich system?\u201d" in page
    assert "<legend>Signs &lt;b&gt;" in page


async def test_an_unknown_topic_leads_to_the_choice(browser: httpx2.AsyncClient) -> None:
    page = await browser.get("/tickets/new?topic=nowhere")
    assert (page.status_code, "What is it about?" in page.text, 'name="subject"' in page.text) == (200, True, False)


async def test_a_link_to_a_topic_that_was_switched_off_says_so_and_offers_the_others(
    browser: httpx2.AsyncClient, admin: httpx2.AsyncClient, topic: Json
) -> None:
    gone = "is not offered any more"
    off = {"slug": f"off-{new_id().hex[-12:]}", "name": "Faxes", "form": []}
    assert (await admin.post("/v1/admin/topics", json=off)).status_code == 201
    link = f"/tickets/new?topic={off['slug']}"
    assert 'name="subject"' in (await browser.get(link)).text
    assert (await admin.post(f"/v1/admin/topics/{off['slug']}/deactivate")).status_code == 200
    page = (await browser.get(link)).text
    assert gone in page
    assert f'href="/tickets/new?topic={topic["slug"]}"' in page
    assert f'href="{link}"' not in page
    for path in ("/tickets/new", f"/tickets/new?topic={topic['slug']}"):
        assert gone not in (await browser.get(path)).text
    late = await fill_in(browser, topic=off["slug"], asked=off["slug"])
    assert (late.status_code, gone in late.text) == (422, True)
    assert html.escape(str(PERSON["subject"])) in late.text


async def test_answers_reach_the_ticket_and_its_page(
    intake: IntakeHarness, browser: httpx2.AsyncClient, topic: Json
) -> None:
    answer = await fill_in(browser, **{"field-is_urgent": "1", "field-place": "ignored", "field-asset_tag": "forged"})
    assert answer.status_code == 200, answer.text
    assert "Read <em>this</em>" in answer.text
    assert "<script>x()" not in answer.text
    thread = await browser.get(await mailed_link(intake))
    for words in ("Which system?", "Website", "Slow, Dark", "12.5", "It cannot wait", "Yes"):
        assert words in thread.text
    assert "forged" not in thread.text
    ticket = await intake.newest()
    assert ticket.fields == {"system": "web", "signs": ["slow", "dark"], "amount": 12.5, "is_urgent": True}
    assert ticket.priority is Priority.HIGH


async def test_what_is_wrong_is_said_in_the_pages_order_and_every_answer_is_kept(
    intake: IntakeHarness, browser: httpx2.AsyncClient, topic: Json
) -> None:
    before = await intake.count("tickets")
    changes = {
        "field-system": "atm",
        "field-amount": "a lot",
        "field-is_urgent": "1",
        "field-steps": "1 < 2",
        "name": "",
    }
    answer = await fill_in(browser, **changes)
    page = html.unescape(answer.text)
    assert answer.status_code == 422
    places = [page.index(f'href="#f-{name}"') for name in ("field-place", "field-amount", "name")]
    assert places == sorted(places)
    assert "\u201cWhere?\u201d is required" in page
    assert "\u201cAmount\u201d must be a number from 1 to 500" in page
    assert 'value="a lot"' in page
    assert 'value="atm" checked' in page
    assert 'value="dark" checked' in page
    assert 'value="1" data-yes-or-no checked' in page
    assert "1 &lt; 2" in answer.text
    assert await intake.count("tickets") == before


async def test_changing_the_topic_keeps_what_was_written(
    intake: IntakeHarness, browser: httpx2.AsyncClient, topic: Json
) -> None:
    before = await intake.count("tickets")
    page = await fill_in(browser, topic="report-problem", do="change_topic", subject="Keep me")
    assert page.status_code == 200
    assert 'value="Keep me"' in page.text
    assert 'name="field-asked"' not in page.text
    assert 'name="field-message"' in page.text
    assert 'class="error"' not in page.text
    assert await intake.count("tickets") == before


async def test_a_topic_chosen_without_seeing_its_questions_is_asked_first(
    intake: IntakeHarness, browser: httpx2.AsyncClient, topic: Json
) -> None:
    before = await intake.count("tickets")
    page = await fill_in(browser, asked="general", subject="Keep me")
    assert page.status_code == 422
    assert "a few more questions" in page.text
    assert 'value="Keep me"' in page.text
    assert await intake.count("tickets") == before
    assert (await fill_in(browser, topic="general")).status_code == 200


async def test_a_removed_field_stays_readable_to_whom_it_was_shown(
    intake: IntakeHarness, browser: httpx2.AsyncClient, admin: httpx2.AsyncClient
) -> None:
    slug = f"changing-{new_id().hex[-12:]}"
    text = {"kind": "text", "name": "one", "label": "The first"}
    secret = {"kind": "text", "name": "two", "label": "The second", "visible_to": "agents"}
    await admin.post("/v1/admin/topics", json={"slug": slug, "name": "Changing", "form": [text, secret]})
    ticket = await intake.submit(topic=slug, fields={"one": "seen", "two": "Unseen 4711"})
    await admin.put(f"/v1/admin/topics/{slug}", json={"slug": slug, "name": "Changing"})
    await admin.post(f"/v1/admin/topics/{slug}/deactivate")
    page = (await browser.get(ticket["access_url"])).text
    assert ("The first" in page, "seen" in page) == (True, True)
    assert ("The second" in page, "4711" in page) == (False, False)


async def test_a_topic_for_client_programs_is_not_offered_to_people(
    intake: IntakeHarness, browser: httpx2.AsyncClient, admin: httpx2.AsyncClient
) -> None:
    slug = f"private-{new_id().hex[-12:]}"
    await admin.post("/v1/admin/topics", json={"slug": slug, "name": "For programs", "is_public": False})
    for path in ("/", "/tickets/new", f"/tickets/new?topic={slug}", "/search?q=programs"):
        assert slug not in (await browser.get(path)).text
    assert (await send(browser, "/tickets/new", **PERSON | {"topic": slug})).status_code == 422
    assert (await intake.submit(topic=slug))["topic"] == slug
