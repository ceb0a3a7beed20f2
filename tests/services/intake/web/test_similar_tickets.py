"""Similar tickets: offered to the person who asked before, and to nobody who merely types their address."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx2
import pytest

from services.intake.similar_tickets import ENOUGH, resemblance
from shared.contracts.events import TicketClosed, TicketResolved
from shared.kit.clock import new_id
from tests.services.intake.access.test_links import link_to
from tests.services.intake.event_stream_tools import tell
from tests.services.intake.harness import AN_HOUR, IntakeHarness, Json, after
from tests.services.intake.live.test_event_streams import CLOSED
from tests.services.intake.web.test_portal import FORM, path_of, send


@pytest.fixture
async def browser(intake: IntakeHarness) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody with a browser, at an address of their own."""
    async with intake.browser() as http:
        await http.get("/")
        yield http


@pytest.fixture
def email() -> str:
    """An address nobody else uses."""
    return f"kim-{new_id().hex[-12:]}@bank.example"


async def asked_before(intake: IntakeHarness, email: str, subject: str = "Online banking system down") -> Json:
    """A ticket of that address."""
    return await intake.submit(requester={"email": email, "name": "Kim"}, subject=subject)


async def offered(browser: httpx2.AsyncClient, email: str, subject: str = "online banking is down") -> list[str]:
    """The numbers that are offered for a subject."""
    answer = await browser.get("/tickets/similar", params={"subject": subject}, headers={"Requester-Email": email})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    return [item["number"] for item in answer.json()["items"]]


@pytest.mark.parametrize(
    ("one", "other", "is_alike"),
    [
        ("Online banking system down", "online-banking DOWN again", True),
        ("Card blocked abroad", "My card was blocked", True),
        ("Online banking system down", "Card blocked abroad", False),
        ("Überweisung hängt", "überweisungen hängen", True),
        ("", "Card blocked", False),
        ("?!", "?!", False),
    ],
)
def test_subjects_are_alike_or_not(one: str, other: str, is_alike: bool) -> None:
    assert (resemblance(one, other) >= ENOUGH) is is_alike


async def test_who_came_by_the_mail_is_offered_what_they_asked_before(
    intake: IntakeHarness, browser: httpx2.AsyncClient, email: str
) -> None:
    ticket, other = await asked_before(intake, email), await asked_before(intake, email, "Card blocked abroad")
    await browser.get(link_to(intake, ticket, email, is_mailed=True))
    assert await offered(browser, email) == [ticket["number"]]
    assert await offered(browser, email.upper(), "card is blocked") == [other["number"]]
    answer = await browser.get(
        "/tickets/similar", params={"subject": "online banking"}, headers={"Requester-Email": email}
    )
    assert (await browser.get(answer.json()["items"][0]["url"])).status_code == 200


async def test_a_stranger_who_types_the_address_learns_nothing(
    intake: IntakeHarness, browser: httpx2.AsyncClient, email: str
) -> None:
    ticket, own = await asked_before(intake, email), await asked_before(intake, f"own-{email}")
    assert await offered(browser, email) == []
    await browser.get(path_of(ticket["access_url"]))
    assert await offered(browser, email) == [], "the link that a page has shown proves nothing"
    await browser.get(link_to(intake, own, f"own-{email}", is_mailed=True))
    assert await offered(browser, email) == [], "another address was proved"
    browser.cookies.set("everdesk_address", "ImtpbUBiYW5rLmV4YW1wbGUi.forged.forged")
    assert await offered(browser, email) == []


async def test_solved_ones_are_offered_and_closed_ones_are_not(
    intake: IntakeHarness, browser: httpx2.AsyncClient, email: str
) -> None:
    solved, closed = await asked_before(intake, email), await asked_before(intake, email)
    await tell(
        intake,
        after(TicketResolved, solved, seq=2, status="resolved"),
        after(TicketClosed, closed, seq=2, status="closed", details=CLOSED),
    )
    await browser.get(link_to(intake, solved, email, is_mailed=True))
    assert await offered(browser, email) == [solved["number"]]


async def test_making_links_useless_ends_the_proof_that_one_of_them_gave(
    intake: IntakeHarness, browser: httpx2.AsyncClient, email: str
) -> None:
    ticket = await asked_before(intake, email)
    path = link_to(intake, ticket, email, is_mailed=True)
    await browser.get(path)
    assert await offered(browser, email) == [ticket["number"]]
    await send(browser, f"{path}/revoke")
    assert await offered(browser, email) == []


async def test_without_script_they_are_offered_with_what_is_to_correct(
    intake: IntakeHarness, browser: httpx2.AsyncClient, email: str
) -> None:
    ticket = await asked_before(intake, email)
    wrong = FORM | {"email": email, "body": " "}
    assert "data-similar hidden" in (await send(browser, "/tickets/new", **wrong)).text
    await browser.get(link_to(intake, ticket, email, age=timedelta(days=2), is_mailed=True))
    page = (await send(browser, "/tickets/new", **wrong)).text
    assert "data-similar hidden" not in page
    assert f">{ticket['number']}: Online banking system down</a>" in page


async def test_one_address_may_look_so_often(intake: IntakeHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake.app.state.app_state.similar_limiter, "window", AN_HOUR)
    async with intake.browser() as browser:
        answers = [await browser.get("/tickets/similar?subject=card") for _ in range(61)]
    assert [answer.status_code for answer in answers] == [200] * 60 + [429]
