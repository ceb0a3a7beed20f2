"""The ticket's page: the newest of a long conversation at once, all of it page by page."""

import re
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert

from services.assignment.models import LoggedEvent, Note, table_of
from services.assignment.web.page_base import SESSION_COOKIE
from services.assignment.web.ticket import PER_PAGE
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import Author, Envelope, MessagePosted
from shared.contracts.names import STREAM
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import Desk, Json, agent_id
from tests.support.eventually import eventually

LINES = 2 * PER_PAGE + 7


async def test_a_long_ticket_shows_its_newest_lines_and_all_older_ones_on_demand(desk: Desk) -> None:
    ticket, ada = await desk.ticket("online-banking"), await desk.agent("ada")
    now = utc_now()
    notes = [
        {
            "id": new_id(),
            "ticket_id": ticket["id"],
            "author_id": agent_id("ada"),
            "author_name": "Ada Lindqvist",
            "body": f"Line {number} of many.",
            "body_format": "text",
            "added_at": now + timedelta(seconds=number // 3),
        }
        for number in range(LINES)
    ]
    async with desk.database.begin() as session:
        await session.execute(insert(table_of(Note)), notes)
        await session.execute(
            insert(table_of(LoggedEvent)),
            [
                {
                    "event_id": f"test:{ticket['id']}:{number}",
                    "ticket_id": ticket["id"],
                    "seq": 1000 + number,
                    "type": "ticket.reopened",
                    "at": now + timedelta(seconds=number // 3),
                    "data": {"at": now.isoformat(), "seq": 1000 + number},
                }
                for number in range(LINES)
            ],
        )
    cookies = {"Cookie": f"{SESSION_COOKIE}={ada.token}"}
    path, seen, pages = f"/tickets/{ticket['number']}", [], 0
    while path:
        page = await desk.http.get(path, headers=cookies)
        assert page.status_code == 200
        numbers = [int(number) for number in re.findall(r"Line (\d+) of many", page.text)]
        assert len(numbers) <= PER_PAGE
        if not pages:
            assert LINES - 1 in numbers, "the newest line is on the first page"
        seen += numbers
        pages += 1
        older = re.search(r'href="([^"]+\?before=[^"#]+)', page.text)
        path = older[1].replace("&amp;", "&") if older else ""
    assert sorted(seen) == list(range(LINES)), "each line once"
    assert [number // 3 for number in seen] == sorted((number // 3 for number in seen), reverse=True)
    assert pages >= 4
    answer = await desk.http.get(f"/tickets/{ticket['number']}?before=nonsense", headers=cookies)
    assert answer.status_code == 422


async def test_a_number_as_mails_write_it_finds_its_ticket(desk: Desk) -> None:
    ticket, ada = await desk.some_ticket(), await desk.agent("ada")
    cookies = {"Cookie": f"{SESSION_COOKIE}={ada.token}"}
    forms = ("{}", "#{}", "[#{}]", " # {} ", "(#{})", "#{}.", "Ticket #{}:", "ticket#{}", "\uff03{}")
    for written in (form.format(ticket["number"]) for form in forms):
        found = await ada.get("/v1/tickets", q=written)
        assert [one["id"] for one in found["items"]] == [ticket["id"]], written
        page = await desk.http.get("/queue", params={"view": "all", "q": written}, headers=cookies)
        assert f"/tickets/{ticket['number']}" in page.text


async def test_an_archived_ticket_and_what_goes_on_from_it_show_each_other(desk: Desk) -> None:
    old, later = (TicketId(new_id()) for _ in range(2))
    ada, dmitri = await desk.agent("ada"), await desk.agent("dmitri")
    message = posted_to(old, follow_up_id=later, was_archived=True)
    await desk.publish(message)
    first = await desk.submit(ticket_id=later, subject="Re: Log-in is down", follows=old)
    await desk.submit("online-banking", ticket_id=old, subject="Log-in is <b>down</b>")
    await desk.publish(message.model_copy(update={"id": str(new_id())}))
    second = await desk.submit("online-banking", follows=later)
    await desk.publish(posted_to(old, follow_up_id=second.ticket_id, was_archived=True))

    async def related() -> None:
        before, middle, last = [await ada.get(f"/v1/tickets/{one}") for one in (old, later, second.ticket_id)]
        assert ids(before["followed_by"]) == [str(later), str(second.ticket_id)]
        assert (before["follows"], before["answers_from"]) == (None, [])
        assert middle["follows"] == {name: before[name] for name in ("id", "number", "subject", "status")}
        assert ids(middle["followed_by"]) == [str(second.ticket_id)]
        assert last["follows"]["number"] == first.number
        assert ids(last["answers_from"]) == [str(old)]

    await eventually(related)
    cookies = {"Cookie": f"{SESSION_COOKIE}={ada.token}"}
    number = (await ada.get(f"/v1/tickets/{old}"))["number"]
    for one, others in ((number, (first, second)), (first.number, (second,))):
        page = (await desk.http.get(f"/tickets/{one}", headers=cookies)).text
        for other in others:
            assert f'href="/tickets/{other.number}"' in page
    page = (await desk.http.get(f"/tickets/{first.number}", headers=cookies)).text
    card = page.partition('aria-labelledby="related"')[2].partition("</section>")[0]
    assert f'href="/tickets/{number}"' in card
    assert "Log-in is &lt;b&gt;down&lt;/b&gt;" in card
    assert "<b>" not in card

    for hidden in (old, second.ticket_id):
        await desk.seen(hidden, status="open")
        assert (await dmitri.send("GET", f"/v1/tickets/{hidden}")).status_code == 404, "of another team"
    seen = await dmitri.get(f"/v1/tickets/{later}")
    assert (seen["follows"], seen["followed_by"]) == (None, [])
    session = {"Cookie": f"{SESSION_COOKIE}={dmitri.token}"}
    assert 'aria-labelledby="related"' not in (await desk.http.get(f"/tickets/{first.number}", headers=session)).text


def ids(tickets: list[Json]) -> list[str]:
    return [str(one["id"]) for one in tickets]


def posted_to(ticket_id: TicketId, **changes: object) -> Envelope:
    """An answer of the requester's."""
    posted = MessagePosted(
        ticket_id=ticket_id,
        message_id=MessageId(new_id()),
        author=Author(kind=ActorKind.REQUESTER, name="Dana Ruiz", email="dana@bank.example"),
        body="It is down again.",
        body_format=BodyFormat.TEXT,
        channel=Channel.EMAIL,
        received_at=utc_now(),
    )
    return posted.model_copy(update=changes).envelope(f"message:{posted.message_id}", utc_now())


@pytest.mark.parametrize("then", ["resolve", "pend", ""])
async def test_a_reply_says_whether_its_form_resolves_the_ticket_as_well(desk: Desk, then: str) -> None:
    ticket, ada = await desk.ticket("online-banking"), await desk.agent("ada")
    cookies = {"Cookie": f"{SESSION_COOKIE}={ada.token}"}
    shown = await desk.http.get(f"/tickets/{ticket['number']}", headers=cookies)
    if "set-cookie" in shown.headers:
        cookies["Cookie"] += "; " + shown.headers["set-cookie"].partition(";")[0]
    token = re.search(r'name="csrf_token" value="([^"]+)"', shown.text)
    assert token is not None
    sent = {"csrf_token": token[1], "form_id": str(new_id()), "body": "Try it again.", "then": then}
    answer = await desk.http.post(f"/tickets/{ticket['number']}/replies", data=sent, headers=cookies)
    assert answer.status_code == 303, answer.text[:500]
    subject = posted_to(TicketId(UUID(ticket["id"]))).nats_subject

    async def published() -> MessagePosted:
        message = await (await desk.bus.jetstream()).get_last_msg(STREAM, subject)
        return MessagePosted.of(Envelope.model_validate_json(message.data or b""))

    posted = await eventually(published)
    assert (posted.body, posted.resolves) == ("Try it again.", then == "resolve")
