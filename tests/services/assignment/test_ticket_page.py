"""The ticket's page: the newest of a long conversation at once, all of it page by page."""

import re
from datetime import timedelta

from sqlalchemy import insert

from services.assignment.models import LoggedEvent, Note, table_of
from services.assignment.web.page_base import SESSION_COOKIE
from services.assignment.web.ticket import PER_PAGE
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import Desk, agent_id

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
                    "data": {},
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
    for written in (ticket["number"], f"#{ticket['number']}", f"[#{ticket['number']}]", f" # {ticket['number']} "):
        found = await ada.get("/v1/tickets", q=written)
        assert [one["id"] for one in found["items"]] == [ticket["id"]], written
        page = await desk.http.get("/queue", params={"view": "all", "q": written}, headers=cookies)
        assert f"/tickets/{ticket['number']}" in page.text
