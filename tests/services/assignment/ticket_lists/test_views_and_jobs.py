"""Saved views, one action on many tickets, lists as files: through the API."""

import csv
import io
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from services.assignment.desk_jobs import bulk_runner, export_writer
from services.assignment.models import BulkJob, BulkTicket, Export, LoggedEvent
from services.assignment.schemas.csv_tables import text_cell
from shared.kit.clock import new_id
from shared.kit.db import Session
from tests.services.assignment.desk import AgentApi, Desk, Json, agent_id, team_id
from tests.services.assignment.permissions.test_permissions import make
from tests.support.eventually import eventually


@pytest.fixture(scope="module")
async def three(desk: Desk) -> list[Json]:
    """Tickets that only this module is about."""
    subject = "q" + "".join(chr(ord("a") + int(digit, 16)) for digit in new_id().hex[-10:])
    return [await desk.ticket("online-banking", subject=f"{subject} {number}") for number in range(3)]


def mark_of(three: list[Json]) -> str:
    return str(three[0]["subject"]).split()[0]


async def assignments(desk: Desk, ids: list[str]) -> int:
    """How often these tickets were assigned."""
    tickets = LoggedEvent.ticket_id.in_([UUID(one) for one in ids])
    async with desk.database.begin() as session:
        query = select(func.count()).where(tickets, LoggedEvent.type == "ticket.assigned")
        return await session.scalar(query) or 0


async def finished(api: AgentApi, path: str) -> Json:
    async def done() -> Json:
        job = await api.get(path)
        assert job["state"] not in ("queued", "running"), job
        return job

    return await eventually(done, within=30)


async def test_a_view_is_saved_listed_changed_counted_and_deleted(desk: Desk, three: list[Json]) -> None:
    ada = await desk.agent("ada")
    body = {
        "name": "Banking, urgent first",
        "filters": {"view": "all", "team": "online-banking", "status": ["open", "pending"]},
        "columns": ["status", "due"],
        "sort": "-priority",
    }
    made = await ada.post("/v1/views", body, Idempotency_Key=str(new_id()))
    assert (made["name"], made["columns"], made["sort"], made["is_editable"]) == (
        "Banking, urgent first",
        ["status", "due"],
        "-priority",
        True,
    )
    assert made["count"] >= 3
    views = (await ada.get("/v1/views"))["items"]
    assert [view["id"] for view in views[:5]] == ["mine", "team", "unassigned", "overdue", "all"]
    assert made["id"] in [view["id"] for view in views]
    listed = await ada.get("/v1/tickets", view=made["id"], limit=200)
    assert {one["id"] for one in three} <= {item["id"] for item in listed["items"]}
    assert {item["team"]["slug"] for item in listed["items"]} == {"online-banking"}
    changed = await ada.patch(f"/v1/views/{made['id']}", {"filters": {"status": ["closed"]}, "sort": "created_at"})
    assert (changed["version"], changed["filters"], changed["sort"]) == (2, {"status": ["closed"]}, "created_at")
    assert (await ada.send("DELETE", f"/v1/views/{made['id']}")).status_code == 204
    await ada.get("/v1/tickets", expect=404, view=made["id"])


async def test_who_sees_and_changes_a_view(desk: Desk) -> None:
    ada = await desk.agent("ada")
    mate = await make(desk, "teams", ["ticket.view"])
    stranger = await make(desk, "teams", ["ticket.view"], "service-desk")
    own = await ada.post("/v1/views", {"name": "Ada's own"})
    teams = await ada.post("/v1/views", {"name": "Team", "sharing": "team", "team_id": str(team_id("online-banking"))})
    everybodys = await ada.post("/v1/views", {"name": "All of us", "sharing": "everybody"})

    async def sees(api: AgentApi) -> set[str]:
        return {view["id"] for view in (await api.get("/v1/views"))["items"]} & {
            own["id"],
            teams["id"],
            everybodys["id"],
        }

    assert await sees(ada) == {own["id"], teams["id"], everybodys["id"]}
    assert await sees(mate.api) == {teams["id"], everybodys["id"]}
    assert await sees(stranger.api) == {everybodys["id"]}
    assert (await mate.api.send("PATCH", f"/v1/views/{own['id']}", json={"name": "x"})).status_code == 404
    assert (await mate.api.send("PATCH", f"/v1/views/{teams['id']}", json={"name": "x"})).status_code == 403
    assert (await stranger.api.send("DELETE", f"/v1/views/{teams['id']}")).status_code == 404
    await mate.api.post("/v1/views", {"name": "x", "sharing": "everybody"}, expect=403)
    for view in (own, teams, everybodys):
        assert (await ada.send("DELETE", f"/v1/views/{view['id']}")).status_code == 204


async def test_a_view_that_means_nothing_is_refused_at_its_field(desk: Desk) -> None:
    ada = await desk.agent("ada")
    for body in (
        {"name": "x", "filters": {"q": "is:opne"}},
        {"name": "x", "filters": {"due": "soon"}},
        {"name": "x", "columns": ["secrets"]},
        {"name": "x", "sort": "subject"},
        {"name": "x", "sharing": "team"},
    ):
        await ada.post("/v1/views", body, expect=422)


async def test_the_desk_is_shown_as_its_agent_wants(desk: Desk) -> None:
    ada = await desk.agent("ada")
    wanted = {"density": "dense", "time_zone": "Asia/Tokyo", "has_reading_pane": True}
    assert (await ada.send("PUT", "/v1/me/desk", json=wanted)).json() == wanted
    assert await ada.get("/v1/me/desk") == wanted
    assert (await ada.send("PUT", "/v1/me/desk", json={"time_zone": "Mars/Base"})).status_code == 422
    assert (await ada.send("PUT", "/v1/me/desk", json={})).status_code == 200


async def test_one_action_on_many_has_a_result_for_each(desk: Desk, three: list[Json]) -> None:
    ada = await desk.agent("ada")
    nowhere = str(new_id())
    ids = [*(ticket["id"] for ticket in three), nowhere]
    job = await ada.post(
        "/v1/bulk", {"action": "prioritise", "body": {"priority": "high"}, "ticket_ids": [*ids, ids[0]]}, expect=202
    )
    assert (job["total"], job["state"]) == (4, "queued")
    done = await finished(ada, f"/v1/bulk/{job['id']}")
    assert [(one["ticket_id"], one["state"]) for one in done["items"]] == [
        *((ticket["id"], "done") for ticket in three),
        (nowhere, "refused"),
    ]
    assert done["items"][3]["code"] == "not_found"
    assert (done["counts"]["done"], done["counts"]["refused"]) == (3, 1)
    for ticket in three:
        assert (await ada.get(f"/v1/tickets/{ticket['id']}"))["priority"] == "high"
    page = await ada.get(f"/v1/bulk/{job['id']}", limit=3)
    rest = await ada.get(f"/v1/bulk/{job['id']}", limit=3, cursor=page["next_cursor"])
    assert [one["ticket_id"] for one in rest["items"]] == [nowhere]


async def test_one_action_on_all_that_a_filter_finds(desk: Desk, three: list[Json]) -> None:
    ada, word = await desk.agent("ada"), mark_of(three)
    body = {"action": "tags", "body": {"add": ["swept"]}, "filter": {"q": word}}
    refused = await ada.post("/v1/bulk", {**body, "expected": 2}, expect=409)
    assert refused["code"] == "more_tickets"
    job = await ada.post("/v1/bulk", {**body, "expected": 3}, expect=202)
    done = await finished(ada, f"/v1/bulk/{job['id']}")
    assert done["counts"]["done"] == done["total"] == 3
    tagged = await ada.get("/v1/tickets", tag="swept", q=word)
    assert {item["id"] for item in tagged["items"]} == {ticket["id"] for ticket in three}


async def test_permission_is_looked_at_for_each_ticket(desk: Desk, three: list[Json]) -> None:
    other = await desk.ticket("access")
    someone = await make(desk, "teams", ["ticket.view", "ticket.note"])
    ids = [three[0]["id"], other["id"]]
    noting = {"action": "notes", "body": {"body": "Looked at."}, "ticket_ids": ids}
    done = await finished(someone.api, f"/v1/bulk/{(await someone.api.post('/v1/bulk', noting, expect=202))['id']}")
    assert [(one["state"], one["code"]) for one in done["items"]] == [("done", None), ("refused", "not_found")]
    assert done["items"][1]["number"] is None
    closing = {"action": "close", "body": {"reason": "spam"}, "ticket_ids": ids}
    job = await someone.api.post("/v1/bulk", closing, expect=202)
    done = await finished(someone.api, f"/v1/bulk/{job['id']}")
    assert [one["code"] for one in done["items"]] == ["not_permitted", "not_found"]
    await (await desk.agent("ada")).get(f"/v1/bulk/{job['id']}", expect=404)


async def test_a_job_that_died_half_way_is_done_once_for_each_ticket(desk: Desk, three: list[Json]) -> None:
    ada = await desk.agent("ada")
    ids = [ticket["id"] for ticket in three]
    job = await ada.post(
        "/v1/bulk", {"action": "assign", "body": {"agent_id": str(agent_id("ada"))}, "ticket_ids": ids}, expect=202
    )
    await finished(ada, f"/v1/bulk/{job['id']}")
    job_id, before = UUID(job["id"]), await assignments(desk, ids)
    async with desk.database.begin() as session:
        await session.execute(update(BulkJob).where(BulkJob.id == job_id).values(state="running", finished_at=None))
        await session.execute(update(BulkTicket).where(BulkTicket.job_id == job_id).values(state="queued"))
    await bulk_runner.work_off(desk.context)
    again = await finished(ada, f"/v1/bulk/{job['id']}")
    assert again["counts"]["done"] == 3
    assert await assignments(desk, ids) == before, "nobody is assigned twice"


@pytest.mark.parametrize(
    "body",
    [
        {"action": "nothing-such", "ticket_ids": [str(new_id())]},
        {"action": "prioritise", "body": {"priority": "hot"}, "ticket_ids": [str(new_id())]},
        {"action": "claim"},
        {"action": "claim", "ticket_ids": []},
        {"action": "claim", "ticket_ids": [str(new_id())], "filter": {}},
        {"action": "claim", "filter": {"q": "is:opne"}},
    ],
)
async def test_an_action_that_makes_no_sense_is_refused_at_once(desk: Desk, body: Json) -> None:
    await (await desk.agent("ada")).post("/v1/bulk", body, expect=422)


async def test_a_list_becomes_a_file_that_no_spreadsheet_calculates(desk: Desk, three: list[Json]) -> None:
    ada, word = await desk.agent("ada"), mark_of(three)
    await desk.ticket("online-banking", subject=f'=HYPERLINK("http://evil.example";"{word}")')
    export = await ada.post("/v1/exports", {"filters": {"q": word}, "columns": ["status", "requester"]}, expect=202)
    done = await finished(ada, f"/v1/exports/{export['id']}")
    assert (done["state"], done["rows"]) == ("done", 4)
    answer = await ada.send("GET", done["url"])
    assert answer.headers["content-type"].startswith("text/csv")
    assert int(answer.headers["content-length"]) == len(answer.content) == done["size"]
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0] == ["number", "subject", "status", "requester"]
    assert {row[0] for row in rows[1:]} >= {ticket["number"] for ticket in three}
    assert next(row[1] for row in rows if "HYPERLINK" in row[1]).startswith("'=")
    stranger = await make(desk, "teams", ["ticket.view"], "service-desk")
    assert (await stranger.api.send("GET", done["url"])).status_code == 404
    theirs = await stranger.api.post("/v1/exports", {"filters": {"q": word}}, expect=202)
    assert (await finished(stranger.api, f"/v1/exports/{theirs['id']}"))["rows"] == 0


async def test_a_file_that_cannot_be_written_holds_up_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    write_part = export_writer._write_part

    async def breaks(session: Session, export: Export, *arguments: Any) -> str | None:
        if export.filters.get("q") == "breaks":
            raise ValueError("nobody thought of this")
        return await write_part(session, export, *arguments)

    monkeypatch.setattr(export_writer, "_write_part", breaks)
    ada = await desk.agent("ada")
    broken, other = [await ada.post("/v1/exports", {"filters": {"q": q}}, expect=202) for q in ("breaks", "works")]
    assert (await finished(ada, f"/v1/exports/{other['id']}"))["state"] == "done"
    assert (await finished(ada, f"/v1/exports/{broken['id']}"))["state"] == "failed"


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "\u00a0=1"])
def test_no_cell_begins_a_formula(cell: str) -> None:
    assert text_cell(cell).startswith("'")
