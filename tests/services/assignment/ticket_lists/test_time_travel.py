"""Tickets, lists and reports of a past instant: equal to what was shown then."""

import random
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

import pytest

from services.assignment.consumers.projection import project
from shared.contracts.base import TicketId
from shared.contracts.events import RequesterErased
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.browsing import Surfer
from tests.services.assignment.desk import AgentApi, Desk, Json, team_id
from tests.services.assignment.random_life import RandomLife, take_in

CHANGING = ("allowed_actions", "is_overdue", "permissions")
"""What an answer about the past leaves out, or what is about the instant of asking."""


def compared(view: Json) -> Json:
    return {name: value for name, value in view.items() if name not in CHANGING}


def lists() -> Iterator[Json]:
    yield {"view": "all", "sort": "-updated_at"}
    yield {"view": "unassigned", "sort": "-priority"}
    yield {"view": "all", "status": "closed", "sort": "created_at"}
    yield {"view": "all", "status": ["open", "resolved"], "sort": "due_at", "assignee": "ada@everdesk.example"}


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_instant_of_a_random_past_is_what_was_shown_then(desk: Desk, seed: int) -> None:
    chance, ada = random.Random(seed), await desk.agent("ada")
    slug = f"past-{new_id().hex[-10:]}"
    team = await ada.post("/v1/teams", {"slug": slug, "name": slug})
    lives = [RandomLife(chance, UUID(team["id"])) for _ in range(3)]
    for life in lives:
        await take_in(desk, life, chance)
    seen: list[tuple[datetime, UUID, Json]] = []
    listed: list[tuple[datetime, Json, list[str]]] = []
    backlogs: list[tuple[datetime, int]] = []
    while len(seen) < 36:
        life = min(lives, key=lambda one: one.next_at)
        life.happen()
        await take_in(desk, life, chance)
        now = life.now
        live = await ada.get(f"/v1/tickets/{life.id}")
        seen.append((now, life.id, compared(live)))
        if len({one for _, one, _ in seen}) == 3 and len(seen) % 3 == 0:
            for query in lists():
                page = await ada.get("/v1/tickets", team=slug, **query)
                listed.append((now, query, [item["id"] for item in page["items"]]))
            backlog = await ada.get("/v1/reports/backlog", team=slug)
            backlogs.append((now, backlog["total"]["open"]))
    assert len({tuple(ids) for _, _, ids in listed}) > 4, "the lists change"
    for at, ticket_id, live in seen:
        past = await ada.get(f"/v1/tickets/{ticket_id}", as_of=at.isoformat())
        assert compared(past) == live
        assert past["allowed_actions"] == []
    for at, query, ids in listed:
        found, cursor = list[str](), None
        for _ in range(4):
            more: Json = {"cursor": cursor} if cursor else {}
            page = await ada.get("/v1/tickets", team=slug, **query, limit=1, **more, as_of=at.isoformat())
            found += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert found == ids, (at, query)
    await check_bounds(ada, lives[0])
    for at, count in backlogs:
        assert (await ada.get("/v1/reports/backlog", team=slug, as_of=at.isoformat()))["total"]["open"] == count


async def check_bounds(ada: AgentApi, life: RandomLife) -> None:
    path = f"/v1/tickets/{life.id}"
    before, tomorrow = life.opened_at - timedelta(seconds=1), utc_now() + timedelta(days=1)
    for tail in ("", "/timeline", "/messages"):
        assert (await ada.get(path + tail, expect=404, as_of=before.isoformat()))["code"] == "not_found"
        refused = await ada.get(path + tail, expect=422, as_of=tomorrow.isoformat())
        assert refused["errors"][0]["pointer"] == "query:as_of"
    for nonsense in ("yesterday", "1700000000", "2026-01-01", "2026-01-01T00:00:00", "9999-12-31T23:59:59-14:00"):
        await ada.get(path, expect=422, as_of=nonsense)
    await ada.get(path, expect=404, as_of="0001-01-01T00:00:00+14:00")
    opened = await ada.get(f"{path}/timeline", as_of=life.opened_at.isoformat())
    assert [line["type"] for line in opened["items"]] == ["ticket.opened"]


async def test_what_was_erased_or_edited_since(desk: Desk) -> None:
    ticket = await desk.ticket_of("ada")
    ada, path = await desk.agent("ada"), f"/v1/tickets/{ticket['id']}"
    note = await ada.post(f"{path}/notes", {"body": "First words"})
    before = utc_now()
    await ada.patch(f"{path}/messages/{note['message_id']}", {"body": "Second words"})
    await ada.post(f"{path}/notes", {"body": "A later one"})
    then = (await ada.get(f"{path}/messages", as_of=before.isoformat()))["items"]
    assert [(one["body"], one["edited_at"]) for one in then][1:] == [("First words", None)]
    assert [one["body"] for one in (await ada.get(f"{path}/messages"))["items"]][1:] == ["Second words", "A later one"]
    erased = RequesterErased(requester_id=new_id(), ticket_ids=(TicketId(UUID(ticket["id"])),), erased_at=utc_now())
    await project(desk.database, desk.ids, "time-travel", [erased.envelope(f"erased:{ticket['id']}", utc_now())])
    past = await ada.get(path, as_of=before.isoformat())
    assert (past["subject"], past["requester"]["email"], past["status"]) == ("[erased]", "", "open")
    assert {one["body"] for one in (await ada.get(f"{path}/messages", as_of=before.isoformat()))["items"]} == {
        "[erased]"
    }


async def test_permissions_are_those_of_now(desk: Desk) -> None:
    """A ticket that has left an agent's teams is out of sight in its past as well, and one that came is in sight."""
    ticket = await desk.ticket("online-banking")
    ada = await desk.agent("ada")
    then = utc_now().isoformat()
    await ada.post(f"/v1/tickets/{ticket['id']}/transfer", {"team_id": str(team_id("service-desk"))})
    seen = {}
    for name in ("vera", "dmitri"):
        agent = await desk.agent(name)
        now = await agent.send("GET", f"/v1/tickets/{ticket['id']}")
        past = await agent.send("GET", f"/v1/tickets/{ticket['id']}", params={"as_of": then})
        listed = await agent.get("/v1/tickets", as_of=then, q=ticket["number"])
        seen[name] = (now.status_code, past.status_code, len(listed["items"]))
    assert set(seen.values()) <= {(200, 200, 1), (404, 404, 0)}


async def test_the_page_shows_the_past_without_buttons_and_leads_through_the_changes(desk: Desk) -> None:
    ticket = await desk.ticket_of("ada", "online-banking")
    ada, path = await desk.agent("ada"), f"/tickets/{ticket['number']}"
    then = utc_now().isoformat()
    await ada.post(f"/v1{path}/hold", {"reason": "vendor"})
    surfer = await Surfer.of(desk.app).sign_in("ada@everdesk.example")
    await surfer.open(path)
    assert f"{path}?change=0" in surfer.page
    await surfer.open(f"{path}?change=0")
    assert 'type="range"' in surfer.page
    await surfer.open(f"{path}?{urlencode({'as_of': then})}")
    assert (surfer.status, "status-open" in surfer.page, "status-on_hold" in surfer.page) == (200, True, False)
    assert "As of" in surfer.page
    assert f'action="{path}/' not in surfer.page, "no actions"
    later = re.search(r'rel="next" href="([^"]+)"', surfer.page)
    assert later
    await surfer.open(later[1].replace("&amp;", "&"))
    assert "status-on_hold" in surfer.page
    await surfer.open(f"{path}?change=1")
    assert "status-new" in surfer.page
    assert ">Edit</a>" not in surfer.page
    opened = {"view": "all", "as_of": ticket["created_at"], "sort": "due_at", "q": ticket["number"]}
    assert (await surfer.open(f"/queue?{urlencode(opened)}")).status == 200
    assert ticket["number"] in surfer.page
    assert (await surfer.open(f"{path}?as_of=2999-01-01T00:00")).status == 422
    await surfer.open(f"/queue?{urlencode({'view': 'all', 'as_of': then, 'q': ticket['number']})}")
    assert "status-open" in surfer.page
    assert ticket["number"] in surfer.page
    assert 'action="/queue/bulk"' not in surfer.page


async def test_a_desk_that_is_behind_says_so(desk: Desk) -> None:
    lag, surfer = desk.context.projection_lag, await Surfer.of(desk.app).sign_in("ada@everdesk.example")
    life = RandomLife(random.Random(1), new_id())
    async with lag.projecting(life.news()):
        assert lag.is_too_long
        assert "arrive late at present" in (await surfer.open("/queue")).page
