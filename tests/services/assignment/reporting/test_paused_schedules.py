"""Reports by mail pause while their owner could not have them sent, and go on afterwards."""

from uuid import UUID

from sqlalchemy import delete, update

from services.assignment.models import Agent, Membership
from tests.services.assignment.desk import Desk, Json, agent_id
from tests.services.assignment.permissions.test_permissions import Someone, make
from tests.services.assignment.reporting.test_saved_reports import WEEKLY, announced, make_due, send_all
from tests.support.eventually import eventually

WRITES = ["ticket.view", "ticket.note", "report.view"]
ONLY_READS = ["ticket.view", "report.view"]
READER_WORDS = "its owner may only read now, and has nothing sent to others"


async def role_of(desk: Desk, someone: Someone) -> str:
    agent = await (await desk.agent("ada")).get(f"/v1/agents/{someone.id}")
    return f"/v1/roles/{agent['memberships'][0]['role_id']}"


async def scheduled(someone: Someone, *recipients: str) -> Json:
    body = {"name": "Week", "report": "activity", "recipients": list(recipients), **WEEKLY}
    return await someone.api.post("/v1/report-schedules", body, expect=201)


async def last_run(desk: Desk, schedule: Json, someone: Someone, runs: int) -> tuple[str, str]:
    """What came of the newest run, when there are so many."""
    await make_due(desk, schedule["id"])

    async def ran() -> Json:
        await send_all(desk)
        found: Json = await someone.api.get(f"/v1/report-schedules/{schedule['id']}")
        assert len(found["runs"]) == runs
        return found

    run = (await eventually(ran, within=10))["runs"][0]
    return run["result"], run["detail"]


async def test_a_schedule_to_others_pauses_while_its_owner_may_only_read(desk: Desk) -> None:
    ada, someone = await desk.agent("ada"), await make(desk, "teams", WRITES)
    role = await role_of(desk, someone)
    schedule = await scheduled(someone, str(agent_id("ada")), someone.id)
    path = f"/v1/report-schedules/{schedule['id']}"
    assert schedule["paused_because"] is None
    await ada.patch(role, {"permissions": ONLY_READS})
    paused = await someone.api.get(path)
    assert (paused["paused_because"], paused["next_due_at"], paused["is_paused"]) == (READER_WORDS, None, False)
    page = await desk.http.get("/reports/schedules", headers={"Cookie": f"everdesk_session={someone.api.token}"})
    assert READER_WORDS in page.text
    assert await last_run(desk, schedule, someone, 1) == ("skipped", READER_WORDS)
    assert await announced(desk, schedule["id"]) == []
    await someone.api.post(f"{path}/run", expect=403)
    await ada.patch(role, {"permissions": WRITES})
    again = await someone.api.get(path)
    assert (again["paused_because"], bool(again["next_due_at"])) == (None, True)


async def test_what_a_reader_has_sent_to_themselves_goes_on(desk: Desk) -> None:
    ada, someone = await desk.agent("ada"), await make(desk, "teams", WRITES)
    schedule = await scheduled(someone, str(agent_id("ada")), someone.id)
    own = await scheduled(someone, someone.id)
    await ada.patch(await role_of(desk, someone), {"permissions": ONLY_READS})
    assert await last_run(desk, own, someone, 1) == ("sent", "")
    path = f"/v1/report-schedules/{schedule['id']}"
    changed = await someone.api.patch(path, {"recipients": [someone.id]})
    assert changed["paused_because"] is None
    assert (await someone.api.post(f"{path}/run"))["result"] == "sent"


async def test_a_schedule_pauses_with_its_owner_and_comes_back_with_them(desk: Desk) -> None:
    someone = await make(desk, "teams", WRITES)
    schedule, one = await scheduled(someone, str(agent_id("ada"))), UUID(someone.id)
    async with desk.database.begin() as session:
        await session.execute(update(Agent).where(Agent.id == one).values(is_active=False))
    await make_due(desk, schedule["id"])
    await send_all(desk)
    async with desk.database.begin() as session:
        await session.execute(update(Agent).where(Agent.id == one).values(is_active=True))
    assert await announced(desk, schedule["id"]) == []
    first = (await someone.api.get(f"/v1/report-schedules/{schedule['id']}"))["runs"][0]
    assert (first["result"], first["detail"]) == ("skipped", "its owner is deactivated")
    run = await someone.api.post(f"/v1/report-schedules/{schedule['id']}/run")
    assert run["result"] == "sent"
    async with desk.database.begin() as session:
        await session.execute(delete(Membership).where(Membership.agent_id == one))
    await make_due(desk, schedule["id"])
    await send_all(desk)
    assert len(await announced(desk, schedule["id"])) == 1
