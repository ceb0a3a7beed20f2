"""The portal's forms, as a browser without script sends them."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import urlsplit

import httpx2
import pytest

from shared.contracts.base import TicketId
from shared.contracts.events import AccessLinkRequested, TicketArchived, TicketClosed, TicketResolved
from shared.kit.auth import AgentProofs, TicketLink
from shared.kit.clock import new_id
from shared.kit.http.form_tokens import CSRF_COOKIE
from tests.services.intake.api.test_submitting import announced
from tests.services.intake.harness import AN_HOUR, IntakeHarness, after
from tests.support.eventually import eventually

FORM = {
    "email": "dana@bank.example",
    "name": "Dana Ruiz",
    "phone": "",
    "topic": "online-banking",
    "subject": "Online banking system down",
    "body": "Log-in answers 502.\r\nSince nine.",
    "website": "",
}


@pytest.fixture
async def browser(intake: IntakeHarness) -> AsyncIterator[httpx2.AsyncClient]:
    """Someone who has just opened the support centre, at an address of their own."""
    async with intake.browser() as http:
        assert (await http.get("/")).status_code == 200
        yield http


async def send(browser: httpx2.AsyncClient, path: str, **fields: str | list[str]) -> httpx2.Response:
    """Sends a form with its token."""
    return await browser.post(path, data={"csrf_token": browser.cookies[CSRF_COOKIE]} | fields)


def path_of(url: str) -> str:
    """An address without its host."""
    return urlsplit(url).path


async def mailed_link(intake: IntakeHarness) -> str:
    """The path of the link that the acknowledgement of the newest ticket brings."""
    ticket = await intake.newest()
    link = TicketLink(TicketId(ticket.id), ticket.requester_email, is_mailed=True)
    return f"/t/{intake.app.state.app_state.links.token(link)}"


async def test_the_support_centre_offers_two_ways_and_the_topics(browser: httpx2.AsyncClient) -> None:
    page = (await browser.get("/")).text
    for expected in ("/tickets/new", "/tickets/status", "/tickets/new?topic=online-banking"):
        assert f'href="{expected}"' in page


async def test_a_request_by_form_ends_with_a_receipt(intake: IntakeHarness, browser: httpx2.AsyncClient) -> None:
    answer = await send(browser, "/tickets/new", **FORM)
    assert answer.status_code == 200
    number = re.search(r'ticket-number num">(\d+)<', answer.text)
    assert number
    assert "/t/" not in answer.text, "anybody may have typed that address"
    assert "We mail the link" in answer.text
    thread = await browser.get(await mailed_link(intake))
    assert number[1] in thread.text
    assert "Log-in answers 502.\nSince nine." in thread.text
    assert "Received" in thread.text
    assert thread.headers["cache-control"] == "no-store"


async def test_what_is_wrong_is_said_at_its_field_and_the_rest_is_kept(
    intake: IntakeHarness, browser: httpx2.AsyncClient
) -> None:
    before = await intake.count("tickets")
    answer = await send(browser, "/tickets/new", **FORM | {"email": "dana", "body": " ", "phone": "call me"})
    assert answer.status_code == 422
    for name in ("email", "body", "phone"):
        assert f'id="f-{name}-error"' in answer.text
        assert f'href="#f-{name}"' in answer.text
    assert 'value="Online banking system down"' in answer.text
    assert 'value="dana"' in answer.text
    assert '<option value="online-banking" selected>' in answer.text
    assert await intake.count("tickets") == before


async def test_sending_a_form_twice_opens_one_ticket(intake: IntakeHarness, browser: httpx2.AsyncClient) -> None:
    form_id = re.search(r'name="form_id" value="([^"]+)"', (await browser.get("/tickets/new?topic=access")).text)
    assert form_id
    before = await intake.count("tickets")
    first, second = [await send(browser, "/tickets/new", **FORM, form_id=form_id[1]) for _ in range(2)]
    assert first.url == second.url
    assert await intake.count("tickets") == before + 1


@pytest.fixture
def asking(intake: IntakeHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """The portal asks about what was sent before; other tests here send the same words over and over."""
    monkeypatch.setattr(type(intake.settings), "repeat_window", timedelta(minutes=10))


@pytest.mark.usefixtures("asking")
async def test_the_same_words_sent_anew_are_asked_about_first(
    intake: IntakeHarness, browser: httpx2.AsyncClient
) -> None:
    form, before = FORM | {"body": "Only once, please"}, await intake.count("tickets")
    answers = await asyncio.gather(
        *(send(browser, "/tickets/new", **form, form_id=f"the-page-of-{n:012}") for n in range(2))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    again = await send(browser, "/tickets/new", **form | {"body": "only  once,\nPLEASE"})
    number = (await intake.newest()).number
    assert (again.status_code, f"ticket {number}" in again.text) == (409, True)
    assert "/t/" not in again.text
    assert "Send anyway" in again.text
    assert await intake.count("tickets") == before + 1
    assert (await send(browser, "/tickets/new", **form, do="send_anyway")).status_code == 200
    other = await send(browser, "/tickets/new", **form | {"email": "somebody.else@bank.example"})
    assert (other.status_code, await intake.count("tickets")) == (200, before + 3)


@pytest.mark.usefixtures("asking")
async def test_what_is_sent_anyway_has_its_files(intake: IntakeHarness, browser: httpx2.AsyncClient) -> None:
    form = FORM | {"body": "See the picture", "csrf_token": browser.cookies[CSRF_COOKIE]}
    for n in range(2):
        page = {"form_id": f"page-with-files-{n:012}"}
        answer = await browser.post("/tickets/new", data=form | page, files={"attachment": ("log.txt", b"502")})
    assert answer.status_code == 409
    kept = re.findall(r'name="attachment" value="([0-9a-f-]{36})"', answer.text)
    assert len(kept) == 1, "the file need not be chosen again"
    again = await browser.post("/tickets/new", data=form | page | {"attachment": kept[0], "do": "send_anyway"})
    assert again.status_code == 200
    assert "log.txt" in (await browser.get(await mailed_link(intake))).text


@pytest.mark.usefixtures("asking")
async def test_the_same_message_sent_anew_is_asked_about_first(
    intake: IntakeHarness, browser: httpx2.AsyncClient
) -> None:
    path = path_of((await intake.submit())["access_url"])
    for n in range(2):
        answer = await send(browser, f"{path}/reply", body="Any news?", form_id=f"the-page-of-{n:012}")
    assert answer.status_code == 409
    assert "You have sent this message already" in answer.text
    assert answer.text.count("Any news?") == 2, "in the thread and in the form"
    sent = await send(browser, f"{path}/reply", body="Any news?", do="send_anyway", form_id="another-page-of-it")
    assert (sent.status_code, sent.text.count("Any news?")) == (200, 2)


async def test_a_robot_is_thanked_and_forgotten(intake: IntakeHarness, browser: httpx2.AsyncClient) -> None:
    before = await intake.count("tickets")
    answer = await send(browser, "/tickets/new", **FORM | {"website": "http://spam.example"})
    assert (answer.status_code, path_of(str(answer.url))) == (200, "/tickets/thanks")
    assert await intake.count("tickets") == before


@pytest.mark.parametrize("token", ["", "wrong", "\u00e9"])
async def test_a_form_from_elsewhere_is_refused_as_a_page(browser: httpx2.AsyncClient, token: str) -> None:
    answer = await browser.post("/tickets/new", data=FORM | {"csrf_token": token})
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")


async def test_one_address_may_send_so_many_forms(intake: IntakeHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake.app.state.app_state.form_limiter, "window", AN_HOUR)
    async with intake.browser() as browser:
        await browser.get("/")
        answers = [await send(browser, "/tickets/status", email="x") for _ in range(21)]
    assert [answer.status_code for answer in answers] == [422] * 20 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "A little slower" in answers[-1].text


async def test_a_text_the_bus_could_not_carry_is_refused(intake: IntakeHarness, browser: httpx2.AsyncClient) -> None:
    """Control characters grow sixfold in JSON; in a form they come in small."""
    before = await intake.count("tickets")
    answer = await send(browser, "/tickets/new", **FORM | {"body": "x" + "\x01" * 170_000})
    assert answer.status_code == 422
    assert await intake.count("tickets") == before


async def test_a_lost_link_is_mailed_to_its_owner_and_the_page_tells_nothing(
    intake: IntakeHarness, browser: httpx2.AsyncClient
) -> None:
    ticket = await intake.submit()
    before = await intake.count("outbox")
    right = await send(browser, "/tickets/status", email="Dana@Bank.example", number=f"#{ticket['number']}")
    event = AccessLinkRequested.of(await announced(intake, f"everdesk.access.requested.v1.{ticket['id']}"))
    assert str(event.ticket_id) == ticket["id"]
    wrong = await send(browser, "/tickets/status", email="Dana@Bank.example", number="999999999999")
    other = await send(browser, "/tickets/status", email="mallory@bank.example", number=ticket["number"])
    assert right.text == wrong.text == other.text.replace("mallory@bank.example", "Dana@bank.example")
    assert await intake.count("outbox") <= before


async def test_the_status_form_says_what_is_missing(browser: httpx2.AsyncClient) -> None:
    answer = await send(browser, "/tickets/status", email="", number="abc")
    assert answer.status_code == 422
    assert 'id="f-email-error"' in answer.text
    assert 'id="f-number-error"' in answer.text


async def test_a_reply_joins_the_thread_once(intake: IntakeHarness, browser: httpx2.AsyncClient) -> None:
    ticket = await intake.submit()
    path = path_of(ticket["access_url"])
    empty = await send(browser, f"{path}/reply", body=" ")
    assert empty.status_code == 422
    assert 'id="f-body-error"' in empty.text
    for _ in range(2):
        answer = await send(browser, f"{path}/reply", body="It works again", form_id="one")
    assert answer.text.count("It works again") == 1
    assert "Your message has been added." in answer.text


@pytest.mark.parametrize("token", ["x", "a.b.c", "%00", "\u00e9"])
async def test_a_link_that_is_not_ours_leads_nowhere(browser: httpx2.AsyncClient, token: str) -> None:
    for path in (f"/t/{token}", f"/t/{token}/close", f"/tickets/thanks/{token}"):
        answer = await browser.get(path)
        assert answer.status_code == 404
        assert "/tickets/status" in answer.text


async def test_the_thread_speaks_the_requesters_words(intake: IntakeHarness, browser: httpx2.AsyncClient) -> None:
    ticket = await intake.submit()
    path = path_of(ticket["access_url"])

    async def shows(*words: str) -> None:
        page = (await browser.get(path)).text
        for word in words:
            assert word in page

    await shows("Received", f"{path}/close")
    await intake.publish(after(TicketResolved, ticket, seq=2, status="resolved"))
    await eventually(lambda: shows("Solved", f"{path}/reopen", f"{path}/close"))
    closed = {"reason": "resolved", "cause": "timer"}
    await intake.publish(after(TicketClosed, ticket, seq=3, status="closed", details=closed))
    await eventually(lambda: shows("This request is closed.", f"{path}/reopen"))
    await intake.publish(after(TicketArchived, ticket, seq=4, status="closed", is_archived=True))
    await eventually(lambda: shows("closed for good"))
    page = (await browser.get(path)).text
    assert f"{path}/reopen" not in page
    assert f"{path}/close" not in page


async def test_closing_is_asked_first(browser: httpx2.AsyncClient, intake: IntakeHarness) -> None:
    ticket = await intake.submit()
    page = (await browser.get(f"{path_of(ticket['access_url'])}/close")).text
    assert "Close ticket" in page
    assert 'value="resolved" checked' in page


async def test_an_html_body_is_shown_clean(intake: IntakeHarness, browser: httpx2.AsyncClient) -> None:
    body = '<p onclick="x()">Hi <img src="http://tracker.example/a.png"><a href="javascript:x()">there</a></p>'
    ticket = await intake.submit(body=body, body_format="html")
    page = (await browser.get(path_of(ticket["access_url"]))).text
    assert "onclick" not in page
    assert "tracker.example" not in page
    assert "javascript:" not in page


@pytest.mark.usefixtures("asking")
async def test_what_agents_open_for_somebody_twice_is_asked_about_first(intake: IntakeHarness) -> None:
    words = {"subject": "Card swallowed", "body": "By the machine in Harbour Street", "topic": "access"}
    wanted = {"requester": {"email": f"{new_id().hex}@bank.example", "name": "Dana"}, **words}
    headers = {"X-Everdesk-Agent": AgentProofs(intake.settings).sign(new_id())}
    colleague = {"X-Everdesk-Agent": AgentProofs(intake.settings).sign(new_id())}
    before = await intake.count("tickets")
    async with intake.browser() as http:

        async def opened(repeated: str, by: dict[str, str] = headers, **changes: str) -> httpx2.Response:
            key = {"Idempotency-Key": str(new_id())}
            path = f"/internal/tickets{repeated and f'?repeated={repeated}'}"
            return await http.post(path, json=wanted | changes, headers=by | key)

        first = await asyncio.gather(*(opened("asked") for _ in range(3)))
        assert sorted(answer.status_code for answer in first) == [201, 409, 409]
        number = next(answer.json()["number"] for answer in first if answer.status_code == 201)
        again = await opened("asked", colleague, body="By  the machine in HARBOUR Street ")
        assert (again.status_code, again.json()["code"]) == (409, "sent_already")
        assert number in again.json()["detail"]
        others = [await opened("asked", topic="feedback"), await opened("taken"), await opened("", colleague)]
        assert [answer.status_code for answer in others] == [201, 201, 201]
    assert await intake.count("tickets") == before + 4
