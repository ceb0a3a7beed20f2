"""Signed links: how long they open a ticket, how they are made useless, and that useless ones all look alike."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from uuid import UUID

import httpx2
import pytest
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import event

from services.intake.access.email_verification import COOKIE
from services.intake.access.key_scopes import KeyScope
from services.intake.models import Participant
from shared.contracts.base import TicketId
from shared.contracts.events import AccessLinkRequested
from shared.contracts.vocabulary import ParticipantState
from shared.kit.auth import TicketLink
from shared.kit.clock import new_id, utc_now
from tests.services.intake.api.test_submitting import announced
from tests.services.intake.event_stream_tools import client, served
from tests.services.intake.harness import IntakeHarness, Json
from tests.services.intake.web.test_portal import path_of, send
from tests.support.sse import reading

REQUESTER = "dana@bank.example"


@pytest.fixture
async def browser(intake: IntakeHarness) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody with a browser, at an address of their own."""
    async with intake.browser() as http:
        await http.get("/")
        yield http


def link_to(
    intake: IntakeHarness,
    ticket: Json,
    email: str = REQUESTER,
    *,
    age: timedelta = timedelta(),
    is_mailed: bool = False,
) -> str:
    """The path of a link as it would have been made some time ago."""
    link = TicketLink(TicketId(UUID(ticket["id"])), email, is_mailed=is_mailed, signed_at=utc_now() - age)
    return f"/t/{intake.app.state.app_state.links.token(link)}"


def sentences(page: httpx2.Response) -> str:
    """A page without what differs from visit to visit."""
    return re.sub(r'(csrf_token" value=")[^"]+', r"\1", page.text)


IS_OURS = ContextVar("is_ours", default=False)
"""Of the context of a test; the service's jobs have contexts of their own."""


@contextmanager
def statements(intake: IntakeHarness) -> Iterator[list[str]]:
    """What the service asks its database for those who ask it meanwhile, and not for jobs of its own."""
    engine, asked = intake.app.state.app_state.database.engine.sync_engine, list[str]()
    before = IS_OURS.set(True)

    def note(_c: object, _k: object, statement: str, *_: object) -> None:
        if not IS_OURS.get():
            return
        if "tickets.number" in statement or "link_revocations" in statement or "outbox" in statement:
            asked.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)
        IS_OURS.reset(before)


async def joined(
    intake: IntakeHarness, ticket: Json, email: str, state: ParticipantState = ParticipantState.JOINED
) -> None:
    """Puts somebody in copy."""
    async with intake.database.begin() as session:
        session.add(Participant(ticket_id=UUID(ticket["id"]), email=email, name="Bo Lind", state=state))


async def test_a_link_opens_its_ticket_for_ninety_days(intake: IntakeHarness, browser: httpx2.AsyncClient) -> None:
    ticket = await intake.submit()
    assert (await browser.get(link_to(intake, ticket, age=timedelta(days=89, hours=23)))).status_code == 200
    assert (await browser.get(link_to(intake, ticket, age=timedelta(days=90, minutes=1)))).status_code == 404


async def test_links_from_before_they_could_be_revoked_still_open_their_tickets(
    intake: IntakeHarness, browser: httpx2.AsyncClient
) -> None:
    ticket = await intake.submit()
    secret = intake.app.state.app_state.settings.link_secret.get_secret_value()
    old = URLSafeTimedSerializer(secret, salt="ticket-link").dumps([UUID(ticket["id"]).hex, REQUESTER])
    assert (await browser.get(f"/t/{old}")).status_code == 200
    assert COOKIE not in browser.cookies


async def test_useless_links_all_look_alike_and_cost_the_same(
    intake: IntakeHarness, browser: httpx2.AsyncClient
) -> None:
    ticket, revoked = await intake.submit(), await intake.submit()
    await browser.get(path_of(revoked["access_url"]))
    await send(browser, f"{path_of(revoked['access_url'])}/revoke")
    stranger = {"id": str(new_id())}
    useless = {
        "expired": link_to(intake, ticket, age=timedelta(days=91)),
        "revoked": path_of(revoked["access_url"]),
        "forged": path_of(ticket["access_url"])[:-2] + "xx",
        "nonsense": "/t/x",
        "of no ticket": link_to(intake, stranger),
        "of somebody else": link_to(intake, ticket, "mallory@bank.example"),
    }
    pages, asked = {}, {}
    for name, path in useless.items():
        with statements(intake) as seen:
            pages[name] = await browser.get(path)
        asked[name] = len(seen)
    assert {page.status_code for page in pages.values()} == {404}
    assert len({sentences(page) for page in pages.values()}) == 1
    assert set(asked.values()) == {1}, asked
    assert 'href="/tickets/status"' in pages["forged"].text
    for page in ("reply", "close", "reopen", "revoke"):
        assert (await send(browser, f"{useless['revoked']}/{page}", body="x")).status_code == 404


async def test_the_requester_makes_earlier_links_useless_and_gets_a_new_one(
    intake: IntakeHarness, browser: httpx2.AsyncClient
) -> None:
    ticket = await intake.submit()
    path = path_of(ticket["access_url"])
    assert f'href="{path}/revoke"' in (await browser.get(path)).text
    assert "Make them useless" in (await browser.get(f"{path}/revoke")).text
    done = await send(browser, f"{path}/revoke")
    assert "A new one is on its way" in done.text
    assert path_of(str(done.url)) == "/tickets/links-revoked"
    wanted = AccessLinkRequested.of(await announced(intake, f"everdesk.access.requested.v1.{ticket['id']}"))
    assert str(wanted.ticket_id) == ticket["id"]
    for dead in (path, link_to(intake, ticket, age=timedelta(minutes=5), is_mailed=True)):
        assert (await browser.get(dead)).status_code == 404
    assert (await browser.get(link_to(intake, ticket))).status_code == 200


async def test_a_page_that_is_open_stops_hearing_when_its_link_is_revoked(intake: IntakeHarness) -> None:
    ticket = await intake.submit()
    path = path_of(ticket["access_url"])
    async with served(intake) as url, client(url, intake.key) as http, reading(http, f"{path}/events") as stream:
        assert stream.status == 200
        async with intake.browser() as browser:
            await browser.get("/")
            await send(browser, f"{path}/revoke")
        await stream.rest()
        assert (await http.get(f"{path}/events")).status_code == 404


async def test_an_administrator_makes_the_links_of_everybody_useless(
    intake: IntakeHarness, browser: httpx2.AsyncClient
) -> None:
    ticket = await intake.submit()
    await joined(intake, ticket, "bo@bank.example")
    path = f"/v1/admin/tickets/{ticket['number']}/revoke-links"
    async with intake.client(await intake.make_key(KeyScope.ADMIN)) as admin:
        answer = await admin.post(path)
        assert (answer.status_code, answer.json()["ticket_id"]) == (200, ticket["id"])
        assert datetime.fromisoformat(answer.json()["made_before"]) <= utc_now()
        assert (await admin.post("/v1/admin/tickets/99/revoke-links")).status_code == 404
    async with intake.client(await intake.make_key(KeyScope.CREATE, KeyScope.READ, KeyScope.REPLY)) as http:
        assert (await http.post(path)).status_code == 403
    for email in (REQUESTER, "bo@bank.example"):
        assert (await browser.get(link_to(intake, ticket, email, age=timedelta(seconds=30)))).status_code == 404
        assert (await browser.get(link_to(intake, ticket, email))).status_code == 200


async def test_who_is_in_copy_reads_and_writes_under_their_own_name(
    intake: IntakeHarness, browser: httpx2.AsyncClient
) -> None:
    ticket = await intake.submit()
    path = link_to(intake, ticket, "bo@bank.example")
    assert (await browser.get(path)).status_code == 404, "nobody who is not in copy"
    await joined(intake, ticket, "bo@bank.example")
    assert (await browser.get(path)).status_code == 200
    page = (await send(browser, f"{path}/reply", body="I see it too.")).text
    assert "Your message from Bo Lind" in page
    assert "Message from Dana Ruiz" in page
    assert "Message in copy from Bo Lind" in (await browser.get(path_of(ticket["access_url"]))).text
    assert "/revoke" not in page
    for move in ("close", "reopen", "revoke"):
        assert (await send(browser, f"{path}/{move}")).status_code == 403


@pytest.mark.parametrize("state", [ParticipantState.INVITED, ParticipantState.DECLINED, ParticipantState.REMOVED])
async def test_who_has_not_joined_sees_nothing(
    intake: IntakeHarness, browser: httpx2.AsyncClient, state: ParticipantState
) -> None:
    ticket = await intake.submit()
    await joined(intake, ticket, "bo@bank.example", state)
    assert (await browser.get(link_to(intake, ticket, "bo@bank.example"))).status_code == 404


async def test_only_a_link_out_of_the_mail_proves_an_address(
    intake: IntakeHarness, browser: httpx2.AsyncClient
) -> None:
    """Whoever opens a ticket in somebody's name is shown a link, too."""
    ticket = await intake.submit()
    await browser.get(path_of(ticket["access_url"]))
    assert COOKIE not in browser.cookies
    page = await browser.get(link_to(intake, ticket, is_mailed=True))
    attributes = set(page.headers["set-cookie"].lower().split("; "))
    assert {"httponly", "samesite=lax", "max-age=604800"} <= attributes
    assert COOKIE in browser.cookies


async def test_asking_for_a_link_costs_the_same_whether_address_and_number_belong_together(
    intake: IntakeHarness, browser: httpx2.AsyncClient
) -> None:
    ticket = await intake.submit()
    asked = []
    for email, number in ((REQUESTER, ticket["number"]), (REQUESTER, "99"), ("x@bank.example", ticket["number"])):
        with statements(intake) as seen:
            await send(browser, "/tickets/status", email=email, number=number)
        asked.append(seen)
    assert asked[0] == asked[1] == asked[2]
    assert len(asked[0]) == 2


async def test_whoever_takes_part_may_ask_for_their_link_and_who_was_only_asked_may_not(
    intake: IntakeHarness, browser: httpx2.AsyncClient
) -> None:
    ticket = await intake.submit()
    await joined(intake, ticket, "bo@bank.example")
    await joined(intake, ticket, "cy@bank.example", ParticipantState.INVITED)
    pages = [
        await send(browser, "/tickets/status", email=email, number=f"#{ticket['number']}")
        for email in ("cy@bank.example", "Bo@Bank.example")
    ]
    assert pages[0].text.replace("cy@bank.example", "x") == pages[1].text.replace("Bo@bank.example", "x")
    wanted = AccessLinkRequested.of(await announced(intake, f"everdesk.access.requested.v1.{ticket['id']}"))
    assert wanted.email == "bo@bank.example"
