"""Major incidents: similar tickets, children attached in bulk, one update to all requesters, children resolved."""

from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from services.assignment.desk_jobs import bulk_runner
from services.assignment.models import BulkJob, BulkTicket, LoggedEvent, MajorIncident, Message, Ticket
from services.assignment.queries.ticket_page.sought_words import SoughtWord, words_of
from shared.contracts.events import IncidentChanged
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.conversation.test_composing import announced
from tests.services.assignment.desk import AgentApi, Desk, Json
from tests.services.assignment.permissions.test_permissions import make
from tests.services.assignment.ticket_lists.test_queue_page import Browser
from tests.services.assignment.ticket_lists.test_views_and_jobs import finished
from tests.support.eventually import eventually


def a_word() -> str:
    """Letters only, as nobody else writes them."""
    return "q" + "".join(chr(ord("a") + int(digit, 16)) for digit in new_id().hex[-12:])


async def incident(desk: Desk, subject: str) -> Json:
    """A ticket that ada declared a major incident."""
    ticket, ada = await desk.ticket(subject=subject), await desk.agent("ada")
    await ada.post(f"/v1/tickets/{ticket['id']}/incident", expect=201)
    return ticket


async def done(api: AgentApi, parent: Json, path: str, body: Json, **headers: str) -> Json:
    """What became of each child of an action on children."""
    job = await api.post(f"/v1/tickets/{parent['id']}/{path}", body, expect=202, **headers)
    return await finished(api, f"/v1/tickets/{parent['id']}/incident/jobs/{job['id']}")


async def attach(api: AgentApi, parent: Json, *children: Json) -> Json:
    return await done(api, parent, "children", {"ticket_ids": [one["id"] for one in children]})


async def said(desk: Desk, ticket: Json, words: str) -> int:
    """How many messages of a ticket say this."""
    async with desk.database.begin() as session:
        query = select(func.count()).where(Message.ticket_id == UUID(ticket["id"]), Message.body == words)
        return await session.scalar(query) or 0


async def logged(desk: Desk, ticket: Json, kind: str) -> list[Json]:
    """The lines of a kind in a ticket's log, oldest first."""
    async with desk.database.begin() as session:
        lines = select(LoggedEvent.data).where(LoggedEvent.ticket_id == UUID(ticket["id"]), LoggedEvent.type == kind)
        return list(await session.scalars(lines.order_by(LoggedEvent.at)))


async def children_of(api: AgentApi, parent: Json, show: str = "all") -> set[str]:
    page = await api.get(f"/v1/tickets/{parent['id']}/children", show=show)
    return {one["ticket"]["id"] for one in page["items"]}


async def test_similar_tickets_are_suggested_and_attached_in_bulk(desk: Desk) -> None:
    first, second = a_word(), a_word()
    parent, ada = await incident(desk, f"{first} {second}"), await desk.agent("ada")
    alike = await desk.ticket(subject=f"{first} {second} is down")
    by_text = await desk.ticket(subject="Cannot pay", body=f"Since this morning {first} of {second} fails.")
    other = await desk.ticket(subject="A new chair")
    path = f"/v1/tickets/{parent['id']}"
    suggested = (await ada.get(f"{path}/children/suggestions"))["items"]
    assert [one["ticket"]["id"] for one in suggested][:1] == [alike["id"]]
    assert {alike["id"], by_text["id"]} <= {one["ticket"]["id"] for one in suggested}
    assert other["id"] not in {one["ticket"]["id"] for one in suggested}
    nowhere = str(new_id())
    result = await done(ada, parent, "children", {"ticket_ids": [alike["id"], by_text["id"], parent["id"], nowhere]})
    assert [one["state"] for one in result["items"]] == ["done", "done", "refused", "refused"]
    assert await children_of(ada, parent) == {alike["id"], by_text["id"]}
    left = {one["ticket"]["id"] for one in (await ada.get(f"{path}/children/suggestions"))["items"]}
    assert not left & {alike["id"], by_text["id"]}
    for written in (
        parent["id"],
        *(text.format(parent["number"]) for text in ("#{}", "[#{}]", '"ticket #{}."')),
    ):
        spelt = await ada.get("/v1/tickets", q=f"parent:{written}")
        assert {one["id"] for one in spelt["items"]} == {alike["id"], by_text["id"]}, written
    found = await ada.get("/v1/tickets", q=f"parent:{parent['number']}")
    assert {one["id"] for one in found["items"]} == {alike["id"], by_text["id"]}
    assert {one["id"] for one in (await ada.get("/v1/tickets", q=f"{first} -is:child"))["items"]} == {parent["id"]}
    assert {one["id"] for one in (await ada.get("/v1/tickets", q=f"{first} is:incident"))["items"]} == {parent["id"]}
    assert await logged(desk, parent, "ticket.linked") == []
    await done(ada, parent, "children/detach", {"ticket_ids": [by_text["id"]]})
    changes = [line["change"] for line in await logged(desk, parent, "ticket.incident_changed")]
    assert changes == ["declared", "attach", "detach"], "one line for all"
    assert [line["kind"] for line in await logged(desk, by_text, "ticket.unlinked")] == ["parent"]
    assert await children_of(ada, parent) == {alike["id"]}
    again = await done(ada, parent, "children/detach", {"ticket_ids": [by_text["id"]]})
    assert [one["state"] for one in again["items"]] == ["refused"]


async def test_words_are_compared_by_their_stems_in_english_and_german(desk: Desk) -> None:
    ada = await desk.agent("ada")
    cards, transfers = await incident(desk, "Card payments down"), await incident(desk, "Überweisung hängt")
    declined = await desk.ticket(subject="Cards declined at terminals")
    written = await desk.ticket(subject="At the till", body="All our cards are refused, no payment goes through.")
    german = await desk.ticket(subject="Alle Überweisungen von heute früh fehlen")
    other = await desk.ticket(subject="A cardigan was left downstairs")
    found = await suggested(ada, cards)
    assert found[declined["id"]] == 0.5
    assert found[written["id"]] == 1
    assert not {german["id"], other["id"]} & set(found)
    assert german["id"] in await suggested(ada, transfers)
    assert cards["number"] in await Browser(desk, ada.token).get(f"/tickets/{declined['number']}")


async def suggested(api: AgentApi, parent: Json) -> dict[str, float]:
    """The likeness of each ticket that is suggested."""
    page = await api.get(f"/v1/tickets/{parent['id']}/children/suggestions", limit=200)
    return {one["ticket"]["id"]: one["likeness"] for one in page["items"]}


@pytest.mark.parametrize(
    ("word", "query"),
    [
        (SoughtWord("cards", "card", "card"), "'cards' | 'card':*"),
        (SoughtWord("server", "server", "serv"), "'server' | 'server':*"),
        (SoughtWord("payments", "payment", "payment"), "'payments' | 'payment':*"),
        (SoughtWord("überweisungen", "überweisungen", "uberweis"), "'überweisungen' | 'überweisungen':*"),
        (SoughtWord("faxe", "fax", "fax"), "'faxe'"),
    ],
)
def test_longer_texts_are_looked_through_by_how_a_word_begins(word: SoughtWord, query: str) -> None:
    assert word.query == query


async def test_an_update_reaches_each_child_once_and_is_its_first_response(desk: Desk) -> None:
    parent, ada = await incident(desk, a_word()), await desk.agent("ada")
    children = [await desk.ticket() for _ in range(3)]
    await ada.post(f"/v1/tickets/{children[2]['id']}/close", {"reason": "spam"})
    await attach(ada, parent, *children)
    words, key = f"We know of it: {a_word()}", str(new_id())
    sent = await done(ada, parent, "updates", {"body": words}, Idempotency_Key=key)
    same = await done(ada, parent, "updates", {"body": words}, Idempotency_Key=key)
    assert (sent["id"], sent["total"], sent["counts"]["done"]) == (same["id"], 2, 2)
    job_id = UUID(sent["id"])
    async with desk.database.begin() as session:
        await session.execute(update(BulkJob).where(BulkJob.id == job_id).values(state="running", finished_at=None))
        await session.execute(update(BulkTicket).where(BulkTicket.job_id == job_id).values(state="queued"))
    await bulk_runner.work_off(desk.context)
    await finished(ada, f"/v1/tickets/{parent['id']}/incident/jobs/{job_id}")
    assert [await said(desk, one, words) for one in (*children, parent)] == [1, 1, 0, 0]
    ticket = await ada.get(f"/v1/tickets/{children[0]['id']}")
    clock = next(one for one in ticket["sla"]["clocks"] if one["metric"] == "first_response")
    assert (clock["state"], clock["outcome"]) == ("settled", "met")
    jobs = (await ada.get(f"/v1/tickets/{parent['id']}/incident/jobs"))["items"]
    assert [(one["action"], one["text"]) for one in jobs] == [("replies", words), ("attach", "")]


async def test_children_are_resolved_and_what_stands_in_the_way_is_said(desk: Desk) -> None:
    parent, ada = await incident(desk, a_word()), await desk.agent("ada")
    plain, closed, blocked = [await desk.ticket() for _ in range(3)]
    await ada.post(f"/v1/tickets/{closed['id']}/close", {"reason": "withdrawn"})
    await ada.post(f"/v1/tickets/{blocked['id']}/tasks", {"title": "Pay back", "is_blocking": True}, expect=201)
    await attach(ada, parent, plain, closed, blocked)
    await ada.post(f"/v1/tickets/{parent['id']}/resolve")
    result = await done(ada, parent, "children/resolve", {})
    became = {one["ticket_id"]: (one["state"], one["code"]) for one in result["items"]}
    assert became == {
        plain["id"]: ("done", None),
        closed["id"]: ("refused", "illegal_transition"),
        blocked["id"]: ("refused", "blocked_by_tasks"),
    }
    assert (await ada.get(f"/v1/tickets/{plain['id']}"))["status"] == "resolved"
    await ada.post(f"/v1/tickets/{plain['id']}/reopen")
    await desk.seen(plain["id"], status="open")
    view = await ada.get(f"/v1/tickets/{parent['id']}/incident")
    assert view["children"] == {"total": 3, "open": 2, "reopened": 1}
    assert await children_of(ada, parent, "reopened") == {plain["id"]}


async def test_who_may_declare_and_what(desk: Desk) -> None:
    ada, parent = await desk.agent("ada"), await incident(desk, a_word())
    event = await announced(desk, IncidentChanged, parent)
    assert event.is_declared
    path = f"/v1/tickets/{parent['id']}/incident"
    await ada.post(path, expect=201)
    assert len(await logged(desk, parent, "ticket.incident_changed")) == 1
    assert parent["id"] in {one["ticket"]["id"] for one in (await ada.get("/v1/incidents"))["items"]}
    child = await desk.ticket()
    await attach(ada, parent, child)
    refused = await ada.post(f"/v1/tickets/{child['id']}/incident", expect=409)
    assert refused["code"] == "is_a_child"
    someone = await make(desk, "teams", ["ticket.view", "ticket.reply"], "service-desk")
    await someone.api.get(path, expect=404)
    mate = await make(desk, "teams", ["ticket.view", "ticket.edit"])
    refused = await mate.api.post(f"/v1/tickets/{parent['id']}/updates", {"body": "Hello."}, expect=403)
    assert refused["permission"] == "ticket.reply"
    assert (await ada.send("DELETE", path)).status_code == 204
    await ada.get(path, expect=404)
    await ada.post(f"/v1/tickets/{parent['id']}/updates", {"body": "Hello."}, expect=404)
    assert await children_of(ada, parent) == {child["id"]}


async def test_a_child_of_another_team_is_refused_by_its_own_permissions(desk: Desk) -> None:
    parent, ada = await incident(desk, a_word()), await desk.agent("ada")
    near, far = await desk.ticket(), await desk.ticket("access")
    await attach(ada, parent, near, far)
    mate = await make(desk, "teams", ["ticket.view", "ticket.reply"])
    sent = await done(mate.api, parent, "updates", {"body": "On our way."})
    assert {one["number"]: one["state"] for one in sent["items"]} == {near["number"]: "done", None: "refused"}
    assert await children_of(mate.api, parent) == {near["id"]}


async def test_everything_works_on_pages_without_scripts(desk: Desk) -> None:
    ada, first, second = await desk.agent("ada"), a_word(), a_word()
    browser = Browser(desk, ada.token)
    parent = await desk.ticket(subject=f"{first} {second} broken")
    late = await desk.ticket(subject=f"{first} {second} not working")
    path = f"/tickets/{parent['number']}"
    await browser.get(path)
    assert (await browser.post(f"{path}/incident")).headers["location"] == f"{path}/incident"
    page = await browser.get(f"{path}/incident")
    assert late["number"] in page
    assert page.index(f'action="{path}/incident/update"') < page.index('id="similar"') < page.index('id="children"')
    assert parent["number"] in await browser.get(f"/tickets/{late['number']}")
    await browser.post(f"{path}/incident/attach", ticket=late["id"])
    await _idle(ada, parent)
    assert f'value="{late["id"]}"' in await browser.get(f"{path}/incident?show=open")
    assert "1 child" in await browser.get(f"/queue?view=all&q={first}")
    await browser.get(f"{path}/incident")
    assert "ust not be blank" in (await browser.post(f"{path}/incident/update", 422, body=" ")).text
    await browser.post(f"{path}/incident/update", body="<b>Fixed soon</b>", form_id=str(new_id()))
    await _idle(ada, parent)
    assert await said(desk, late, "<b>Fixed soon</b>") == 1
    job = (await ada.get(f"/v1/tickets/{parent['id']}/incident/jobs"))["items"][0]
    assert late["number"] in await browser.get(f"{path}/incident/jobs/{job['id']}")
    await ada.post(f"/v1/tickets/{parent['id']}/resolve")
    assert "children are still open" in await browser.get(path)
    await browser.post(f"{path}/incident/resolve", form_id=str(new_id()))
    await _idle(ada, parent)
    assert (await ada.get(f"/v1/tickets/{late['id']}"))["status"] == "resolved"
    await browser.get(f"{path}/incident")
    await browser.post(f"{path}/incident/detach", ticket=late["id"])
    await browser.post(f"{path}/incident/end")


async def _idle(api: AgentApi, parent: Json) -> None:
    """Until no action on the children is under way."""
    for job in (await api.get(f"/v1/tickets/{parent['id']}/incident/jobs"))["items"]:
        await finished(api, f"/v1/tickets/{parent['id']}/incident/jobs/{job['id']}")


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("Online banking system down", ["online", "banking", "system", "down"]),
        ("Help", []),
        ("", []),
        ("ÄRGER mit der Überweisung, Überweisung", ["ärger", "überweisung"]),
        ("a b c it is so", []),
    ],
)
def test_only_longer_words_say_what_a_ticket_is_about(subject: str, words: list[str]) -> None:
    assert words_of(subject) == words


async def test_the_public_title_is_announced_and_kept_out_of_the_log(desk: Desk) -> None:
    ada, parent = await desk.agent("ada"), await incident(desk, a_word())
    path, title = f"/v1/tickets/{parent['id']}/incident", f"Payments {a_word()}"
    assert (await ada.post(path, {"public_title": title}))["public_title"] == title
    assert (await ada.post(path))["public_title"] == title

    async def told() -> None:
        assert (await announced(desk, IncidentChanged, parent)).public_title == title

    await eventually(told)
    lines = await logged(desk, parent, "ticket.incident_changed")
    assert {line["change"] for line in lines} == {"declared", "titled"}
    assert title not in str(lines)
    assert (await ada.post(path, {"public_title": ""}))["public_title"] == ""
    for wrong in ("a\nb", "x" * 256, " "):
        await ada.post(path, {"public_title": wrong}, expect=422)


async def closed_incidents(desk: Desk, like: Json, subject: str, count: int) -> None:
    """So many of the same team, declared later and closed."""
    now = utc_now()
    values: Json = {"status": "closed", "priority": "normal", "priority_rank": 1, "created_at": now, "updated_at": now}
    async with desk.database.begin() as session:
        [model] = await session.scalars(select(Ticket).where(Ticket.id == UUID(like["id"])))
        closed = [
            Ticket(
                id=(ticket_id := new_id()),
                number=f"{subject}{n}",
                subject=subject,
                team_id=model.team_id,
                snapshot=model.snapshot | {"ticket_id": str(ticket_id), "number": f"{subject}{n}", "status": "closed"},
                **values,
            )
            for n in range(count)
        ]
        session.add_all(closed)
        await session.flush()
        session.add_all(MajorIncident(ticket_id=one.id, declared_by=new_id(), declared_at=now) for one in closed)


async def test_an_incident_that_lasts_is_known_beside_many_newer_ones_that_are_over(desk: Desk) -> None:
    first, second = a_word(), a_word()
    parent, ada = await incident(desk, f"{first} {second}"), await desk.agent("ada")
    over = a_word()
    await closed_incidents(desk, parent, over, 250)
    assert parent["id"] in await open_incidents(ada)
    assert over not in {one["subject"] for one in (await open_incidents(ada)).values()}
    late = await desk.ticket(subject=f"{first} {second} again")
    assert parent["number"] in await Browser(desk, ada.token).get(f"/tickets/{late['number']}")


async def test_an_incident_is_listed_while_it_is_declared_and_worked_on(desk: Desk) -> None:
    parent, ada = await incident(desk, a_word()), await desk.agent("ada")
    path = f"/v1/tickets/{parent['id']}"
    await ada.post(f"{path}/resolve")
    assert parent["id"] not in await open_incidents(ada)
    await ada.post(f"{path}/reopen")
    assert parent["id"] in await open_incidents(ada)
    await ada.send("DELETE", f"{path}/incident")
    assert parent["id"] not in await open_incidents(ada)
    await ada.post(f"{path}/incident", expect=201)
    assert parent["id"] in await open_incidents(ada)


async def open_incidents(api: AgentApi) -> dict[str, Json]:
    """Those that are listed, by their ids."""
    return {one["ticket"]["id"]: one["ticket"] for one in (await api.get("/v1/incidents"))["items"]}
