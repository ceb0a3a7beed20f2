"""Saved reports and reports by mail: seen and sent only where permissions reach, and never sent twice."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update

from services.assignment.models import Agent, Membership, ReportSchedule
from services.assignment.reporting.report_sending import send_one_due
from shared.contracts.events import Envelope, ReportReady
from shared.kit.clock import new_id, utc_now
from shared.kit.tables import outbox, outbox_published
from tests.services.assignment.browsing import TOKEN
from tests.services.assignment.desk import Desk, Json, agent_id
from tests.services.assignment.permissions.test_permissions import make
from tests.services.assignment.reporting.test_reports import a_team
from tests.support.eventually import eventually

WEEKLY: Json = {"frequency": "weekly", "weekday": 1, "at": "08:00", "time_zone": "Europe/Berlin"}


async def announced(desk: Desk, schedule: str) -> list[ReportReady]:
    """What was made of a schedule, whether or not the relay has taken it already."""
    async with desk.database.begin() as session:
        rows = [
            row
            for table in (outbox, outbox_published)
            for row in await session.scalars(select(table.c.envelope).where(table.c.subject.endswith(schedule)))
        ]
    return [ReportReady.of(Envelope.model_validate_json(one)) for one in {bytes(row) for row in rows}]


async def make_due(desk: Desk, schedule: str) -> None:
    async with desk.database.begin() as session:
        due_at = utc_now() - timedelta(days=30)
        await session.execute(
            update(ReportSchedule).where(ReportSchedule.id == UUID(schedule)).values(next_due_at=due_at)
        )


async def send_all(desk: Desk) -> None:
    while await send_one_due(desk.context, utc_now()):
        pass


async def test_a_saved_report_is_shared_with_a_team_renamed_and_deleted(desk: Desk) -> None:
    slug, team = await a_team(desk)
    ada = await desk.agent("ada")
    someone = await make(desk, "teams", ["report.view"], team=team)
    parameters = {"days": 7, "time_zone": "Europe/Berlin", "team": slug, "group_by": "agent", "interval": "day"}
    body = {"name": f"Week of {slug}", "report": "activity", "parameters": parameters}
    saved = await ada.post("/v1/saved-reports", body, expect=201)
    path = f"/v1/saved-reports/{saved['id']}"
    await someone.api.get(path, expect=404)
    await ada.patch(path, {"team_id": str(team), "name": f"Team {slug}"})
    seen = await someone.api.get(path)
    assert (seen["name"], seen["is_editable"], seen["parameters"]) == (f"Team {slug}", False, parameters)
    assert (await someone.api.send("DELETE", path)).status_code == 403
    page = await desk.http.get(saved["link"], headers={"Cookie": f"everdesk_session={someone.api.token}"})
    assert page.status_code == 303
    address = page.headers["location"]
    assert address.startswith("/reports/activity?by=agent&days=7&tz=Europe%2FBerlin")
    assert "interval=day" in address
    assert (await ada.send("DELETE", path)).status_code == 204
    await someone.api.get(path, expect=404)
    for wrong in ({"report": "nothing"}, {"name": ""}, {"parameters": {"time_zone": "Europe/Atlantis"}}):
        await ada.post("/v1/saved-reports", body | wrong, expect=422)


async def test_the_pages_save_a_report_and_have_it_sent(desk: Desk) -> None:
    ada, name = await desk.agent("ada"), f"Saved {new_id().hex[-8:]}"
    session = f"everdesk_session={ada.token}"

    async def send(page: str, path: str, **fields: str) -> Any:
        shown = await desk.http.get(page, headers={"Cookie": session})
        assert shown.status_code == 200, shown.text
        token = TOKEN.search(shown.text)
        assert token
        sent = {"Cookie": f"{session}; everdesk_csrf={shown.cookies['everdesk_csrf']}"}
        return await desk.http.post(path, data={"csrf_token": token[1]} | fields, headers=sent)

    form = "/reports/saved?report=csat&by=agent&days=7&tz=UTC"
    saved = await send(form, "/reports/saved", name=name, report="csat", days="7", tz="UTC", group_by="agent")
    assert saved.status_code == 303, saved.text
    (one,) = [one for one in (await ada.get("/v1/saved-reports"))["items"] if one["name"] == name]
    fields = {"frequency": "monthly", "day": "31", "at": "07:30", "time_zone": "UTC", "weekday": "1"}
    page = "/reports/schedules"
    wrong = await send(page, page, name=name, report=f"saved:{one['id']}", recipients="nobody@x.example", **fields)
    assert (wrong.status_code, "No active agent has the address" in wrong.text) == (422, True)
    made = await send(page, page, name=name, report=f"saved:{one['id']}", recipients="ada@everdesk.example", **fields)
    assert made.status_code == 303, made.text
    (schedule,) = [one for one in (await ada.get("/v1/report-schedules"))["items"] if one["name"] == name]
    assert (schedule["report"], schedule["day"], schedule["weekday"]) == ("csat", 31, None)
    form = f"{page}/{schedule['id']}"
    changed = {"name": f"{name}!", "report": "as-it-is", "recipients": "ada@everdesk.example", **fields}
    assert "Frequency" in (await send(form, form, **changed | {"frequency": "hourly"})).text
    assert (await send(form, form, **changed | {"frequency": "weekly", "weekday": "3"})).status_code == 303
    after = await ada.get(f"/v1/report-schedules/{schedule['id']}")
    assert (after["name"], after["report"], after["weekday"], after["day"]) == (f"{name}!", "csat", 3, None)
    assert after["parameters"] == schedule["parameters"]
    assert after["next_due_at"] != schedule["next_due_at"]
    assert (await send(page, f"{form}/run")).status_code == 303
    shown = await desk.http.get(page, headers={"Cookie": session})
    assert "Sent, " in shown.text
    assert (await send(page, f"{page}/{schedule['id']}/delete")).status_code == 303


async def test_a_report_is_sent_once_to_those_who_may_see_it_then(desk: Desk) -> None:
    slug, team = await a_team(desk)
    ada = await desk.agent("ada")
    reader, former, gone = [await make(desk, "teams", ["report.view"], team=team) for _ in range(3)]
    recipients = [str(agent_id("ada")), *(one.id for one in (reader, former, gone))]
    body = {"name": f"Mail {slug}", "report": "sla", "recipients": recipients, **WEEKLY}
    schedule = await ada.post("/v1/report-schedules", body, expect=201)
    path = f"/v1/report-schedules/{schedule['id']}"
    await reader.api.get(path, expect=404)
    async with desk.database.begin() as session:
        await session.execute(update(Agent).where(Agent.id == UUID(gone.id)).values(is_active=False))
        await session.execute(delete(Membership).where(Membership.agent_id == UUID(former.id)))
    await make_due(desk, schedule["id"])

    async def sent() -> list[ReportReady]:
        await send_all(desk)
        made = await announced(desk, schedule["id"])
        assert {str(one.agent_id) for one in made} == {str(agent_id("ada")), reader.id}
        return made

    made = await eventually(sent, within=10)
    assert len(made) == 2
    assert all(one.last_day and one.first_day and (one.last_day - one.first_day).days == 6 for one in made)
    assert all(one.csv.startswith("from,to,time_zone") for one in made)
    after = await ada.get(path)
    assert [(run["result"], run["sent_to"]) for run in after["runs"]] == [("sent", 2)]
    assert after["next_due_at"] > utc_now().isoformat()
    daily = await ada.patch(path, {"frequency": "daily", "at": "06:15"})
    assert (daily["frequency"], daily["weekday"], daily["at"]) == ("daily", None, "06:15")
    await ada.patch(path, {"frequency": "monthly"}, expect=422)
    paused = await ada.patch(path, {"is_paused": True})
    assert (paused["is_paused"], paused["next_due_at"]) == (True, None)
    await make_due(desk, schedule["id"])
    await send_all(desk)
    assert len((await ada.get(path))["runs"]) == 1
    run = await ada.post(f"{path}/run")
    assert (run["result"], run["sent_to"]) == ("sent", 2)
    assert f"Mail {slug}" in str(await ada.get("/v1/audit", limit=100))
    assert (await ada.send("DELETE", path)).status_code == 204


async def test_a_schedule_that_does_not_fit_is_refused(desk: Desk) -> None:
    ada = await desk.agent("ada")
    body = {"name": "Wrong", "report": "sla", "recipients": [str(agent_id("ada"))], **WEEKLY}
    misfits: tuple[Json, ...] = (
        {"weekday": None},
        {"frequency": "monthly"},
        {"frequency": "daily"},
        {"at": "24:00"},
        {"time_zone": "Europe/Atlantis"},
        {"recipients": []},
        {"recipients": [str(new_id())]},
        {"report": "passwords"},
    )
    for wrong in misfits:
        await ada.post("/v1/report-schedules", body | wrong, expect=422)
    dmitri = await desk.agent("dmitri")
    await dmitri.get("/v1/report-schedules", expect=403)
    await dmitri.post("/v1/report-schedules", body, expect=403)
