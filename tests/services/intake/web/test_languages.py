"""Pages for requesters in their language, and which language a ticket remembers."""

import httpx2
import pytest

from tests.services.intake.harness import IntakeHarness

GERMAN = {"Accept-Language": "de-DE, de;q=0.9, en;q=0.5"}


async def token_of(http: httpx2.AsyncClient) -> str:
    """The form token that a page gave this browser."""
    await http.get("/")
    return next(value for name, value in http.cookies.items() if "csrf" in name)


async def switch(http: httpx2.AsyncClient, language: str, page: str = "/") -> httpx2.Response:
    """Presses the language switch of a page."""
    data = {"csrf_token": await token_of(http), "language": language}
    return await http.post("/language", data=data, headers={"Referer": f"http://portal{page}"})


async def test_pages_are_in_the_language_the_browser_asks_for(intake: IntakeHarness) -> None:
    async with intake.browser() as http:
        german, english = await http.get("/", headers=GERMAN), await http.get("/")
        assert '<html lang="de" dir="ltr"' in german.text
        assert german.headers["content-language"] == "de"
        assert "Wie können wir helfen?" in german.text
        assert '<html lang="en" dir="ltr"' in english.text
        refused = await http.get("/t/nothing", headers=GERMAN)
        assert refused.status_code == 404
        assert "Dieser Link gilt nicht mehr" in refused.text
        form = await http.post("/tickets/status", data={"csrf_token": await token_of(http)}, headers=GERMAN)
        assert form.status_code == 422
        assert "Geben Sie Ihre E-Mail-Adresse ein" in form.text
        assert (await http.get("/docs", headers=GERMAN)).headers["content-language"] == "en"


async def test_a_choice_outlives_what_the_browser_asks_for(intake: IntakeHarness) -> None:
    async with intake.browser() as http:
        switched = await switch(http, "de", "/search?q=card")
        assert switched.url.path == "/search"
        assert 'lang="de"' in switched.text
        assert 'lang="de"' in (await http.get("/", headers={"Accept-Language": "en"})).text
        assert '<html lang="de"' in (await switch(http, "xx")).text
        forged = await http.post("/language", data={"language": "en"})
        assert forged.status_code == 403


@pytest.mark.parametrize("tag", ["de", "de-AT", "pt-BR"])
async def test_programs_name_the_language_of_their_requester(intake: IntakeHarness, tag: str) -> None:
    requester = {"email": f"ida-{tag.casefold()}@bank.example", "name": "Ida", "language": tag}
    made = await intake.submit(requester=requester)
    assert made["requester"]["language"] == tag
    assert (await intake.stored(made["id"])).requester_language == tag


async def test_a_language_that_is_none_is_refused(intake: IntakeHarness) -> None:
    async with intake.client(intake.key) as http:
        for tag in ("german language", "d", "de_DE", "", "x" * 60):
            requester = {"email": "ida@bank.example", "name": "Ida", "language": tag}
            body = {"requester": requester, "subject": "Help", "body": "Please"}
            assert (await http.post("/v1/tickets", json=body)).status_code == 422, tag


async def test_a_ticket_s_page_is_in_its_language_and_later_tickets_inherit_it(intake: IntakeHarness) -> None:
    person = {"email": "lena.language@bank.example", "name": "Lena"}
    first = await intake.submit(requester=person | {"language": "de"})
    later = await intake.submit(requester=person)
    async with intake.browser() as http:
        for ticket in (first, later):
            page = await http.get(httpx2.URL(ticket["access_url"]).path, headers={"Accept-Language": "en"})
            assert "Wir haben Ihre Anfrage und sehen sie uns bald an." in page.text
        await switch(http, "en")
        assert "We have your request" in (await http.get(httpx2.URL(first["access_url"]).path)).text
