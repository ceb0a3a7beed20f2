"""The thread in the portal: its story in the requester's words, its files, and what is safe to show."""

import html
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import select, update

from services.intake.models import Attachment, AttachmentState, Message, Ticket
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import (
    AttachmentRef,
    IncidentChanged,
    MessageUnclaimed,
    TicketArchived,
    TicketAssigned,
    TicketClosed,
    TicketLinked,
    TicketOpened,
    TicketPended,
    TicketSubmitted,
)
from shared.contracts.tickets import SYSTEM
from shared.contracts.vocabulary import BodyFormat
from shared.kit.clock import new_id, utc_now
from shared.kit.http.form_tokens import CSRF_COOKIE
from shared.kit.http.pages import as_html
from tests.services.intake.access.test_links import link_to
from tests.services.intake.api.test_submitting import announced
from tests.services.intake.event_stream_tools import posted, tell
from tests.services.intake.harness import IntakeHarness, Json, after
from tests.services.intake.live.test_event_streams import AGENT, CLOSED
from tests.services.intake.web.test_portal import path_of
from tests.support.eventually import eventually

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32


@pytest.fixture
async def browser(intake: IntakeHarness) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody with a browser, at an address of their own."""
    async with intake.browser() as http:
        await http.get("/")
        yield http


async def send_with_file(
    browser: httpx2.AsyncClient, path: str, body: str, name: str = "log.txt", content: bytes = b"502"
) -> httpx2.Response:
    """Replies with a file, as a browser without script does."""
    page = (await browser.get(path)).text
    form_id = re.findall(r'name="form_id" value="([^"]+)"', page)[-1]
    fields = {"csrf_token": browser.cookies[CSRF_COOKIE], "form_id": form_id, "body": body}
    return await browser.post(f"{path}/reply", data=fields, files={"attachment": (name, content)})


def words(page: str) -> str:
    """What a page says, without its marks."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


async def test_a_thread_tells_what_happened_between_the_messages(
    intake: IntakeHarness, browser: httpx2.AsyncClient
) -> None:
    ticket = await intake.submit()
    await tell(
        intake,
        after(TicketOpened, ticket, seq=1, status="new"),
        after(TicketAssigned, ticket, seq=2, details={"agent_id": AGENT}),
        posted(ticket, body="Which browser?"),
        after(TicketPended, ticket, seq=3, status="pending"),
    )
    told = words((await browser.get(path_of(ticket["access_url"]))).text)
    story = [
        "The ticket was opened",
        "Your message Dana Ruiz",
        "Somebody is looking after it now",
        "Our answer Ada",
        "We need an answer to go on",
        "Waiting for you",
    ]
    places = [told.find(sentence) for sentence in story]
    assert -1 not in places, dict(zip(story, places, strict=True))
    assert places == sorted(places)


async def test_a_ticket_says_that_it_belongs_to_a_known_problem(
    intake: IntakeHarness, browser: httpx2.AsyncClient
) -> None:
    ticket, title, now = await intake.submit(), f"Cards <{new_id().hex}>", utc_now()
    child, parent = TicketId(UUID(ticket["id"])), TicketId(new_id())
    declared = IncidentChanged(
        ticket_id=parent, is_declared=True, public_title=title, actor=SYSTEM, changed_at=now - timedelta(seconds=9)
    )
    linked = TicketLinked(ticket_id=child, other_id=parent, kind="parent", actor=SYSTEM, linked_at=now)
    for event in (linked, declared):
        await intake.publish(event)

    async def says() -> None:
        page = (await browser.get(path_of(ticket["access_url"]))).text
        assert f"part of a known problem: {html.escape(title)}" in page

    await eventually(says)
    await intake.publish(declared.model_copy(update={"is_declared": False, "changed_at": now - timedelta(seconds=30)}))
    await intake.publish(declared.model_copy(update={"public_title": "", "changed_at": now}))

    async def is_silent() -> None:
        assert "known problem" not in (await browser.get(path_of(ticket["access_url"]))).text

    await eventually(is_silent)


async def test_what_changed_can_be_had_alone(intake: IntakeHarness, browser: httpx2.AsyncClient) -> None:
    ticket = await intake.submit()
    part = await browser.get(f"{path_of(ticket['access_url'])}/now")
    assert "data-live-list" in part.text
    assert "data-live-part" in part.text
    assert "<textarea" not in part.text


async def test_quoted_text_is_there_on_demand(intake: IntakeHarness, browser: httpx2.AsyncClient) -> None:
    ticket = await intake.submit()
    await tell(intake, posted(ticket, quoted="> <b>what was written before</b>"))
    page = (await browser.get(path_of(ticket["access_url"]))).text
    assert re.search(r"<details[^>]*><summary>Show quoted text</summary>.*&lt;b&gt;what was written before", page, re.S)


async def test_a_file_comes_with_an_answer_and_opens_as_long_as_the_link_does(
    intake: IntakeHarness, browser: httpx2.AsyncClient
) -> None:
    ticket, other = await intake.submit(), await intake.submit()
    path = path_of(ticket["access_url"])
    page = (await send_with_file(browser, path, "See the log.")).text
    found = re.search(rf'href="({path}/files/[0-9a-f-]+)"', page)
    assert found
    assert "log.txt" in words(page)
    file = await browser.get(found[1])
    assert (file.status_code, file.content) == (200, b"502")
    assert file.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in file.headers["content-security-policy"]
    elsewhere = found[1].replace(path, path_of(other["access_url"]))
    assert (await browser.get(elsewhere)).status_code == 404


@pytest.mark.parametrize(
    ("state", "remark"), [(AttachmentState.PENDING, "being checked"), (AttachmentState.QUARANTINED, "blocked")]
)
async def test_a_file_that_may_not_be_had_is_named_and_not_linked(
    intake: IntakeHarness, browser: httpx2.AsyncClient, state: AttachmentState, remark: str
) -> None:
    ticket = await intake.submit()
    path = path_of(ticket["access_url"])
    await send_with_file(browser, path, "See the log.")
    async with intake.database.begin() as session:
        await session.execute(update(Attachment).where(Attachment.ticket_id == UUID(ticket["id"])).values(state=state))
    page = (await browser.get(path)).text
    assert f"{path}/files/" not in page
    assert remark in words(page)


async def test_a_picture_in_a_body_is_shown_in_its_place(intake: IntakeHarness, browser: httpx2.AsyncClient) -> None:
    ticket = await intake.submit()
    path = path_of(ticket["access_url"])
    await send_with_file(browser, path, "Look", "shot.png", PNG)
    async with intake.database.begin() as session:
        file = (await session.scalars(select(Attachment).where(Attachment.ticket_id == UUID(ticket["id"])))).one()
        body = f'<p>Here: <img src="attachment:{file.id}" alt="Shot"><img src="http://spy.example/x.png" alt="spy"></p>'
        await session.execute(
            update(Message).where(Message.id == file.message_id).values(body=body, body_format=BodyFormat.HTML)
        )
    page = (await browser.get(path)).text
    assert f'src="{path}/files/{file.id}?inline=1"' in page
    assert "spy.example" not in page
    assert "shot.png" not in words(page), "shown, so not listed"


@pytest.mark.parametrize(
    "body",
    [
        '<a href="attachment:0190aaaa-0000-7000-8000-000000000000">x</a>',
        '<img src="attachment:not-an-id">',
        '<img src="javascript:alert(1)" onerror="alert(1)">',
        '<img srcset="http://spy.example/x 2x" src="//spy.example/x">',
    ],
)
def test_nothing_but_attached_pictures_gets_an_address(body: str) -> None:
    known = {UUID("0190aaaa-0000-7000-8000-000000000000"): "/files/x"}
    shown = str(as_html(body, BodyFormat.HTML, known))
    assert not re.search(r"src=|attachment:|spy|alert|srcset", shown)


async def archived(intake: IntakeHarness) -> Json:
    """A ticket that is over."""
    ticket = await intake.submit()
    await tell(
        intake,
        after(TicketClosed, ticket, seq=8, status="closed", details=CLOSED),
        after(TicketArchived, ticket, seq=9, status="closed", is_archived=True),
    )
    return ticket


async def test_what_is_written_on_an_archived_ticket_goes_on_in_a_new_one(
    intake: IntakeHarness, browser: httpx2.AsyncClient
) -> None:
    ticket = await archived(intake)
    path = link_to(intake, ticket, is_mailed=True)
    assert "your message opens a new one" in (await browser.get(path)).text
    page = (await send_with_file(browser, path, "It is back.")).text
    assert "We are opening a new ticket for it." in page
    assert "its number appears here in a moment" not in page
    async with intake.database.begin() as session:
        message = (
            await session.scalars(
                select(Message).where(Message.ticket_id == UUID(ticket["id"])).order_by(Message.id.desc())
            )
        ).first()
    assert message
    await tell(intake, MessageUnclaimed(ticket_id=TicketId(UUID(ticket["id"])), message_id=MessageId(message.id)))
    async with intake.database.begin() as session:
        new = (await session.scalars(select(Ticket).where(Ticket.follows == UUID(ticket["id"])))).one()
    old_page = (await browser.get(path)).text
    assert "its number appears here" not in old_page
    unproved = (await browser.get(path_of(ticket["access_url"]))).text
    assert "A new ticket goes on from here" in words(unproved)
    assert "goes on from here: <a" not in unproved, "a link that was not mailed opens one ticket"
    onward = re.search(r'A new ticket goes on from here: <a href="(/t/[^"]+)"', old_page)
    assert onward
    new_page = (await browser.get(onward[1])).text
    assert "Goes on from <a href=" in new_page
    assert "log.txt" in words(new_page), "files go along"
    event = TicketSubmitted.of(await announced(intake, f"everdesk.ticket.submitted.v1.{new.id}"))
    assert [ref.name for ref in event.attachments] == ["log.txt"]
    assert isinstance(event.attachments[0], AttachmentRef)
