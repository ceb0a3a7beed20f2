"""Who may only read puts nothing before others, by whatever way."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, union

from services.assignment.models import (
    AgentFile,
    Follower,
    HeldReply,
    LoggedEvent,
    Message,
    Note,
    ReportSchedule,
    SavedReport,
    SavedView,
    TicketPresence,
    WallBoard,
)
from services.assignment.web.page_base import SESSION_COOKIE
from shared.kit.clock import new_id
from shared.kit.tables import outbox, outbox_published
from tests.services.assignment.desk import Desk, Json, agent_id, team_id
from tests.services.assignment.permissions.permission_table import ROUTES, form_token
from tests.services.assignment.permissions.test_permissions import Someone, make
from tests.support.eventually import eventually

ADA = str(agent_id("ada"))
BANKING = str(team_id("online-banking"))
WEEKLY = {"frequency": "weekly", "weekday": 1, "at": "07:00", "time_zone": "UTC"}


@pytest.fixture
async def reader(desk: Desk) -> Someone:
    return await make(desk, "teams", ["ticket.view", "report.view"])


async def outcome(desk: Desk, someone: Someone, method: str, path: str, body: Json | None = None) -> Json:
    answer = await someone.api.send(method, path, **({} if body is None else {"json": body}))
    assert answer.status_code == 403, (path, answer.status_code, answer.text)
    found: Json = answer.json()
    return found


async def test_a_view_or_report_of_a_reader_stays_their_own(desk: Desk, reader: Someone) -> None:
    for body in ({"sharing": "team", "team_id": BANKING}, {"sharing": "everybody"}):
        await outcome(desk, reader, "POST", "/v1/views", {"name": "Look at this", **body})
    own = await reader.api.post("/v1/views", {"name": "Mine"}, expect=201)
    shared: Json = {"sharing": "team", "team_id": BANKING}
    assert (await outcome(desk, reader, "PATCH", f"/v1/views/{own['id']}", shared))["code"] == "view_only"
    assert (await reader.api.patch(f"/v1/views/{own['id']}", {"name": "Mine, still"}))["name"] == "Mine, still"
    report: Json = {"name": "Look at this", "report": "activity"}
    await outcome(desk, reader, "POST", "/v1/saved-reports", report | {"team_id": BANKING})
    saved = await reader.api.post("/v1/saved-reports", report, expect=201)
    await outcome(desk, reader, "PATCH", f"/v1/saved-reports/{saved['id']}", {"team_id": BANKING})
    assert (await reader.api.send("DELETE", f"/v1/saved-reports/{saved['id']}")).status_code == 204
    assert (await reader.api.send("DELETE", f"/v1/views/{own['id']}")).status_code == 204


async def test_what_was_shared_before_is_not_written_anew(desk: Desk) -> None:
    ada = await desk.agent("ada")
    former = await make(desk, "teams", ["ticket.view", "ticket.note", "report.view"])
    shared: Json = {"name": "Ours", "sharing": "team", "team_id": BANKING}
    view = await former.api.post("/v1/views", shared, expect=201)
    report = {"name": "Ours", "report": "activity", "team_id": BANKING}
    saved = await former.api.post("/v1/saved-reports", report, expect=201)
    schedule: Json = {"name": "Ours", "report": "sla", "recipients": [ADA], **WEEKLY}
    sent = await former.api.post("/v1/report-schedules", schedule, expect=201)
    role = (await ada.get(f"/v1/agents/{former.id}"))["memberships"][0]["role_id"]
    await ada.patch(f"/v1/roles/{role}", {"permissions": ["ticket.view", "report.view"]})
    for path in (f"/v1/views/{view['id']}", f"/v1/saved-reports/{saved['id']}", f"/v1/report-schedules/{sent['id']}"):
        await outcome(desk, former, "PATCH", path, {"name": "Listen, everybody"})
    await outcome(desk, former, "POST", f"/v1/report-schedules/{sent['id']}/run", {})
    assert (await former.api.send("DELETE", f"/v1/report-schedules/{sent['id']}")).status_code == 204


async def test_reports_are_mailed_to_a_reader_and_nobody_else(desk: Desk, reader: Someone) -> None:
    schedule: Json = {"name": "Look at this", "report": "sla", **WEEKLY}
    for recipients in ([ADA], [reader.id, ADA]):
        await outcome(desk, reader, "POST", "/v1/report-schedules", schedule | {"recipients": recipients})
    own = await reader.api.post("/v1/report-schedules", schedule | {"recipients": [reader.id]}, expect=201)
    await outcome(desk, reader, "PATCH", f"/v1/report-schedules/{own['id']}", {"recipients": [reader.id, ADA]})
    assert (await reader.api.patch(f"/v1/report-schedules/{own['id']}", {"name": "Mine"}))["name"] == "Mine"
    assert (await reader.api.post(f"/v1/report-schedules/{own['id']}/run"))["sent_to"] == 1


async def test_a_reader_makes_and_revokes_no_wall_board(desk: Desk, reader: Someone) -> None:
    ada = Someone(await desk.agent("ada"), ADA)
    assert await page(desk, ada, "/reports/boards", name=f"Board {new_id()}", team="online-banking") == 200
    async with desk.database.begin() as session:
        board = await session.scalar(select(WallBoard.id).where(WallBoard.agent_id == agent_id("ada")).limit(1))
    assert await page(desk, reader, "/reports/boards", name="Mine", team="online-banking") == 403
    assert await page(desk, reader, f"/reports/boards/{board}/revoke") == 403
    async with desk.database.begin() as session:
        assert (await session.get_one(WallBoard, board)).revoked_at is None
    assert await page(desk, ada, f"/reports/boards/{board}/revoke") in {200, 303}


async def page(desk: Desk, someone: Someone, path: str, **fields: str) -> int:
    """Sends a form of the desk; returns the status."""
    cookies = f"{SESSION_COOKIE}={someone.api.token}"
    csrf = await form_token(desk, someone.api.token, cookies)
    headers = {"Cookie": f"{cookies}; everdesk_csrf={csrf}"}
    return (await desk.http.post(path, data={"csrf_token": csrf, **fields}, headers=headers)).status_code


async def test_a_reader_sends_no_file(desk: Desk, reader: Someone) -> None:
    answer = await reader.api.send("POST", "/v1/attachments", files={"file": ("a.txt", b"hello")})
    assert (answer.status_code, answer.json()["code"]) == (403, "view_only")


async def test_a_reader_looks_on_and_never_types(desk: Desk, reader: Someone) -> None:
    ticket = await desk.some_ticket()
    await reader.api.post(f"/v1/tickets/{ticket['id']}/presence", {"is_typing": True})
    seen = (await (await desk.agent("ada")).get(f"/v1/tickets/{ticket['id']}/presence"))["items"]
    assert [one["is_typing"] for one in seen if one["agent"]["id"] == reader.id] == [False]


async def test_a_reader_has_colleagues_follow_nothing_and_takes_nobodys_reply_back(desk: Desk, reader: Someone) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    path = f"/v1/tickets/{ticket['id']}"
    await outcome(desk, reader, "POST", f"{path}/followers", {"agent_id": ADA})
    held = await ada.post(f"{path}/held-replies", {"body": "Soon."}, expect=202)
    answer = await reader.api.send("DELETE", f"{path}/held-replies/{held['id']}")
    assert answer.status_code == 404

    async def goes_out() -> None:
        assert "Soon." in str((await ada.get(f"{path}/messages"))["items"])

    await eventually(goes_out, within=30)


async def test_one_action_on_many_does_nothing_for_a_reader(desk: Desk, reader: Someone) -> None:
    ticket = await desk.ticket()
    before = await (await desk.agent("ada")).get(f"/v1/tickets/{ticket['id']}")
    actions: dict[str, Json] = {
        "notes": {"body": "Here."},
        "replies": {"body": "Here."},
        "tags": {"add": ["here"]},
        "assign": {"agent_id": reader.id},
        "close": {"reason": "spam"},
        "prioritise": {"priority": "urgent"},
    }
    for action, body in actions.items():
        job: Json = {"action": action, "body": body, "ticket_ids": [ticket["id"]]}
        answer = await reader.api.send("POST", "/v1/bulk", json=job)
        if answer.status_code in {403, 422}:
            continue
        assert answer.status_code == 202, answer.text

        async def done(job_id: str = answer.json()["id"]) -> Json:
            found = await reader.api.get(f"/v1/bulk/{job_id}")
            assert found["state"] == "done"
            return found

        result = await eventually(done)
        assert [one["state"] for one in result["items"]] == ["refused"], (action, result)
    assert await (await desk.agent("ada")).get(f"/v1/tickets/{ticket['id']}") == before


ON_TICKET: tuple[Any, ...] = (Message, Note, LoggedEvent, HeldReply, Follower)
OWN = ("/followers", "/following/start", "/following/stop", "/presence", "/saved-reports", "/report-schedules")
"""What readers have for themselves; the tests above say how far that goes."""


async def rows(desk: Desk, ticket: Json, someone: Someone) -> dict[str, int]:
    """How much there is of all that somebody else could see."""
    here, theirs = UUID(ticket["id"]), UUID(someone.id)
    queries = {table.__tablename__: select(table).where(table.ticket_id == here) for table in ON_TICKET}
    queries["views"] = select(SavedView).where(SavedView.owner_id == theirs, SavedView.sharing != "personal")
    queries["reports"] = select(SavedReport).where(SavedReport.owner_id == theirs, SavedReport.team_id.is_not(None))
    queries["schedules"] = select(ReportSchedule).where(ReportSchedule.owner_id == theirs)
    queries["boards"] = select(WallBoard).where(WallBoard.agent_id == theirs)
    queries["files"] = select(AgentFile).where(AgentFile.agent_id == theirs)
    queries["typing"] = select(TicketPresence).where(TicketPresence.agent_id == theirs, TicketPresence.is_typing)
    kept = (outbox, outbox_published)
    told = union(*(select(table.c.event_id).where(table.c.subject.endswith(ticket["id"])) for table in kept))
    async with desk.database.begin() as session:
        events = await session.scalar(select(func.count()).select_from(told.subquery())) or 0
        return {"events": events} | {
            name: await session.scalar(select(func.count()).select_from(query.subquery())) or 0
            for name, query in queries.items()
        }


async def test_no_route_that_writes_leaves_anything(desk: Desk, reader: Someone) -> None:
    """Every route with a plausible body; those that readers have for themselves apart."""
    ticket = await desk.ticket()
    before = await rows(desk, ticket, reader)
    body: Json = {"body": "Here I am.", "title": "Here", "name": "Here", "subject": "Here", "to": "x@y.example"}
    for route in ROUTES:
        if route.method == "GET" or route.needs == "nothing" or route.path.endswith(OWN) or "/account" in route.path:
            continue
        if route.path in {"/v1/sessions", "/sign-out", "/v1/sessions/{session_id}", "/v1/bulk", "/queue/bulk/start"}:
            continue
        path = route.at(ticket)
        if route.is_page:
            status = await page(desk, reader, path, **{name: str(value) for name, value in (body | route.body).items()})
        else:
            sent = {} if route.method == "DELETE" else {"json": route.body or body}
            status = (await reader.api.send(route.method, path, **sent)).status_code
        assert status < 500 or status == 503, (route, status)
    after = await rows(desk, ticket, reader)
    assert {name: after[name] - before[name] for name in before} == dict.fromkeys(before, 0)
