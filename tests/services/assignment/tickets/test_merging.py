"""Merging: one line of time, the earliest start, and back again."""

from datetime import timedelta
from urllib.parse import quote

from shared.contracts.events import TicketSplit
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.browsing import Surfer
from tests.services.assignment.conversation.test_composing import announced
from tests.services.assignment.desk import AgentApi, Desk, Json
from tests.services.assignment.permissions.test_permissions import make
from tests.support.eventually import eventually


async def pair(desk: Desk, minutes: int = 30) -> tuple[Json, Json]:
    """A duplicate that came before the ticket it is merged into."""
    duplicate = await desk.ticket(received_at=utc_now() - timedelta(minutes=minutes), subject="Cannot log in")
    return duplicate, await desk.ticket()


async def merge(ada: AgentApi, ticket: Json, into: Json, key: str | None = None) -> Json:
    keyed = {"Idempotency_Key": key or new_id().hex}
    return await ada.post(f"/v1/tickets/{ticket['id']}/merge", {"into": into["number"]}, None, **keyed)


def clocks(ticket: Json) -> dict[str, tuple[str, str | None]]:
    """Start and due instant of each clock."""
    return {clock["metric"]: (clock["started_at"], clock["due_at"]) for clock in ticket["sla"]["clocks"]}


async def test_a_duplicate_and_its_ticket_are_one_line_of_time_and_the_earliest_start_wins(desk: Desk) -> None:
    (duplicate, ticket), ada = await pair(desk), await desk.agent("ada")
    await ada.post(f"/v1/tickets/{duplicate['id']}/notes", {"body": "Looks like the outage."})
    merged = await merge(ada, duplicate, ticket, key="m1")
    assert (merged["status"], merged["close_reason"]) == ("closed", "duplicate")
    assert merged["merged_into"]["number"] == ticket["number"]
    assert await merge(ada, duplicate, ticket, key="m1") == merged
    now = await ada.get(f"/v1/tickets/{ticket['id']}")
    assert [one["number"] for one in now["merged"]] == [duplicate["number"]]
    assert {start for start, _ in clocks(now).values()} == {duplicate["created_at"]}
    entries = (await ada.get(f"/v1/tickets/{ticket['id']}/messages"))["items"]
    assert [(one["kind"], (one["merged_from"] or {}).get("number")) for one in entries] == [
        ("message", duplicate["number"]),
        ("message", None),
        ("note", duplicate["number"]),
    ]
    lines = (await ada.get(f"/v1/tickets/{ticket['number']}/timeline", limit=200))["items"]
    assert {line["type"] for line in lines if line["merged_from"]} >= {"ticket.opened", "ticket.closed"}
    assert "ticket.absorbed" in {line["type"] for line in lines if not line["merged_from"]}
    links = (await ada.get(f"/v1/tickets/{ticket['id']}/links"))["items"]
    assert [(one["ticket"]["id"], one["kind"]) for one in links] == [(duplicate["id"], "duplicated_by")]


async def test_unmerging_brings_both_back_with_their_clocks(desk: Desk) -> None:
    (duplicate, ticket), ada = await pair(desk), await desk.agent("ada")
    before = [clocks(await ada.get(f"/v1/tickets/{one['id']}")) for one in (duplicate, ticket)]
    await merge(ada, duplicate, ticket)
    back = await ada.post(f"/v1/tickets/{duplicate['id']}/unmerge", Idempotency_Key="u1")
    assert (back["status"], back["close_reason"], back["merged_into"]) == ("open", None, None)
    assert await ada.post(f"/v1/tickets/{duplicate['id']}/unmerge", Idempotency_Key="u1") == back
    after = [await ada.get(f"/v1/tickets/{one['id']}") for one in (duplicate, ticket)]
    assert [clocks(one) for one in after] == before
    assert after[1]["merged"] == []
    assert (await ada.get(f"/v1/tickets/{ticket['id']}/links"))["items"] == []
    assert len((await ada.get(f"/v1/tickets/{ticket['id']}/messages"))["items"]) == 1
    await ada.post(f"/v1/tickets/{duplicate['id']}/unmerge", expect=409)
    again = await merge(ada, duplicate, ticket)
    assert again["merged_into"]["id"] == ticket["id"]


async def test_merges_that_cannot_be_are_refused_and_change_nothing(desk: Desk) -> None:
    (duplicate, ticket), ada = await pair(desk), await desk.agent("ada")
    path = f"/v1/tickets/{duplicate['id']}/merge"
    for spelling in ("{}", "#{}", " #{} ", "[#{}].", "ticket #{}"):
        await ada.post(path, {"into": spelling.format(duplicate["number"])}, expect=409)
    await ada.post(path, {"into": str(new_id())}, expect=404)
    await ada.post(path, {}, expect=422)
    await ada.post(path, {"into": ticket["id"]}, expect=412, If_Match='"999"')
    closed = await desk.ticket()
    await ada.post(f"/v1/tickets/{closed['id']}/close", {"reason": "spam"})
    refused = await ada.post(path, {"into": closed["id"]}, expect=409)
    assert "reopen" in refused["detail"]
    limited = await make(desk, "teams", ["ticket.view", "ticket.edit"])
    assert (await limited.api.post(path, {"into": ticket["id"]}, expect=403))["permission"] == "ticket.merge"
    elsewhere = await desk.ticket("access")
    allowed = await make(desk, "teams", ["ticket.view", "ticket.merge"])
    await allowed.api.post(path, {"into": elsewhere["id"]}, expect=404)
    await allowed.api.post(f"/v1/tickets/{elsewhere['id']}/merge", {"into": ticket["id"]}, expect=404)
    assert (await ada.get(f"/v1/tickets/{duplicate['id']}"))["revision"] == duplicate["revision"]


async def test_chains_lead_to_the_last_ticket_and_a_merged_one_stays_as_it_is(desk: Desk) -> None:
    (first, second), last = await pair(desk), await desk.ticket()
    ada = await desk.agent("ada")
    await merge(ada, first, second)
    await merge(ada, second, last)
    third = await desk.ticket()
    assert (await merge(ada, third, first))["merged_into"]["id"] == last["id"]
    entries = (await ada.get(f"/v1/tickets/{last['id']}/messages"))["items"]
    assert {(one["merged_from"] or {}).get("id") for one in entries} == {first["id"], second["id"], third["id"], None}
    assert {start for start, _ in clocks(await ada.get(f"/v1/tickets/{last['id']}")).values()} == {first["created_at"]}
    refused = await ada.post(f"/v1/tickets/{last['id']}/merge", {"into": first["number"]}, expect=409)
    assert "part of it" in refused["detail"]
    for action, body in (("reopen", {}), ("replies", {"body": "Hello"}), ("merge", {"into": last["id"]})):
        refused = await ada.post(f"/v1/tickets/{first['id']}/{action}", body, expect=409)
        assert refused["code"] == "ticket_merged"


async def test_only_clocks_that_still_ran_count_for_the_other_ticket(desk: Desk) -> None:
    (duplicate, ticket), ada = await pair(desk), await desk.agent("ada")
    await ada.post(f"/v1/tickets/{duplicate['id']}/replies", {"body": "We are on it."})
    await merge(ada, duplicate, ticket)
    now = clocks(await ada.get(f"/v1/tickets/{ticket['id']}"))
    assert now["resolution"][0] == duplicate["created_at"]
    assert now["first_response"][0] == ticket["created_at"]


async def test_the_page_ticks_tasks_off_merges_and_unmerges_without_script(desk: Desk) -> None:
    (duplicate, ticket), ada = await pair(desk), await desk.agent("ada")
    page = Surfer.of(desk.app)
    await page.sign_in("ada@everdesk.example")
    await page.open(f"/tickets/{duplicate['number']}")
    title, blocks = "Call <the> branch", "1"
    await page.send(f"/tickets/{duplicate['number']}/tasks", task_title=title, task_is_blocking=blocks)
    await page.open(f"/tickets/{duplicate['number']}")
    assert "Call &lt;the&gt; branch" in page.page
    assert "Blocks resolving" in page.page
    task = (await ada.get(f"/v1/tickets/{duplicate['id']}/tasks"))["items"][0]
    await page.send(f"/tickets/{duplicate['number']}/tasks/{task['id']}", change="done")
    assert (await ada.get(f"/v1/tickets/{duplicate['id']}/tasks"))["items"][0]["is_done"]
    search = f"/tickets/{duplicate['number']}/merge"
    for words in (ticket["number"], f"#{ticket['number']}", ticket["subject"], ticket["requester"]["email"]):
        await page.open(f"{search}?q={quote(words)}")
        assert f"{search}?into={ticket['number']}" in page.page
        assert f"{search}?into={duplicate['number']}" not in page.page
    await page.open(f"{search}?into={ticket['number']}")
    for one in (ticket, duplicate):
        assert one["requester"]["email"] in page.page
    assert "The entries of" in page.page
    for into, words in (("no-such", "There is no such ticket"), (duplicate["number"], "merged into itself")):
        await page.open(f"{search}?into={into}")
        assert words in page.page
    await page.send(f"/tickets/{duplicate['number']}/merge", into="no-such", form_id=new_id().hex)
    assert "no such ticket to merge into" in page.page
    await page.send(f"/tickets/{duplicate['number']}/merge", into=ticket["number"], form_id=new_id().hex)
    await page.open(f"/tickets/{duplicate['number']}")
    assert f"from {duplicate['number']}" in page.page
    assert f"/tickets/{duplicate['number']}/unmerge" in page.page
    await page.send(f"/tickets/{duplicate['number']}/unmerge", form_id=new_id().hex)
    assert (await ada.get(f"/v1/tickets/{duplicate['id']}"))["status"] == "open"


async def test_a_later_message_of_the_requester_can_be_split_off_once(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    await desk.write(ticket["id"], "Also: cards are declined.")

    async def both() -> list[Json]:
        entries: list[Json] = (await ada.get(f"/v1/tickets/{ticket['id']}/messages"))["items"]
        assert len(entries) == 2
        return entries

    first, second = await eventually(both)
    path = f"/v1/tickets/{ticket['id']}/split"
    await ada.post(path, {"message_id": first["id"]}, expect=422)
    opened = await ada.post(path, {"message_id": second["id"], "subject": "Cards"}, expect=201)
    assert opened["split_from"] == ticket["id"]
    assert len((await ada.get(f"/v1/tickets/{ticket['id']}/messages"))["items"]) == 1
    await ada.post(path, {"message_id": second["id"]}, expect=422)
    event = await announced(desk, TicketSplit, ticket)
    assert (str(event.new_ticket_id), str(event.message_id), event.subject) == (opened["id"], second["id"], "Cards")
