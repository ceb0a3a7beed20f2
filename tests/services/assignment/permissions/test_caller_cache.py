"""Who asks is remembered for seconds; a change of what they may do counts with their next request, in every process."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest
from sqlalchemy import event

from services.assignment.app import build
from services.assignment.settings import AssignmentSettings
from shared.contracts.vocabulary import Channel
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import AgentApi, Desk, Json, team_id
from tests.support.eventually import eventually


@pytest.fixture(scope="module")
async def replica(desk: Desk, settings: AssignmentSettings) -> AsyncIterator[Desk]:
    """Another process of the service, on the same database."""
    app = build(settings)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://desk.example") as http,
    ):
        yield replace(desk, app=app, http=http, tokens={})


async def a_member(desk: Desk, *permissions: str) -> tuple[Json, Json, AgentApi]:
    """A role, an agent who has it, and their API."""
    ada, name = await desk.agent("ada"), f"c{new_id().hex[-10:]}"
    role = await ada.post("/v1/roles", {"name": name, "scope": "all", "permissions": list(permissions)})
    place = {"team_id": str(team_id("online-banking")), "role_id": role["id"]}
    agent = await ada.post("/v1/agents", {"email": f"{name}@everdesk.example", "name": name, "memberships": [place]})
    return role, agent, await desk.session_of(agent["id"])


async def is_remembered(desk: Desk, agent: AgentApi) -> None:
    """Has them remembered, and sees that their next request does not ask the database who they are."""
    await eventually(lambda: found_without_query(desk, agent))


async def found_without_query(desk: Desk, agent: AgentApi) -> None:
    statements: list[str] = []
    engine = desk.context.database.engine.sync_engine

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "FROM sessions" in statement:
            statements.append(statement)

    event.listen(engine, "before_cursor_execute", count)
    try:
        assert await desk.context.callers.find(agent.token, Channel.API, utc_now())
    finally:
        event.remove(engine, "before_cursor_execute", count)
    assert not statements


async def test_a_role_that_loses_a_permission_counts_with_the_next_request(desk: Desk, replica: Desk) -> None:
    role, _, agent = await a_member(desk, "ticket.view", "report.view")
    there = AgentApi(replica.http, agent.token)
    for place, api in ((desk, agent), (replica, there)):
        await api.get("/v1/reports/sla")
        await is_remembered(place, api)
    ada = await desk.agent("ada")
    await ada.patch(f"/v1/roles/{role['id']}", {"permissions": ["ticket.view"]})
    await agent.get("/v1/reports/sla", expect=403)
    await eventually(lambda: there.get("/v1/reports/sla", expect=403), within=1)


async def test_an_agent_who_is_shut_out_is_shut_out_everywhere(desk: Desk, replica: Desk) -> None:
    _, person, agent = await a_member(desk, "ticket.view")
    there = AgentApi(replica.http, agent.token)
    for place, api in ((desk, agent), (replica, there)):
        await api.get("/v1/me")
        await is_remembered(place, api)
    ada = await desk.agent("ada")
    await ada.patch(f"/v1/agents/{person['id']}", {"is_active": False})
    await agent.get("/v1/me", expect=401)
    await eventually(lambda: there.get("/v1/me", expect=401), within=1)


async def test_a_sign_in_of_somebody_else_forgets_nobody(desk: Desk) -> None:
    _, other, _ = await a_member(desk, "ticket.view")
    _, _, agent = await a_member(desk, "ticket.view")

    async def found_after_a_sign_in() -> None:
        await desk.session_of(other["id"])
        await found_without_query(desk, agent)

    await agent.get("/v1/me")
    await is_remembered(desk, agent)
    await eventually(found_after_a_sign_in)


async def test_a_session_that_was_ended_is_over(desk: Desk, replica: Desk) -> None:
    _, _, agent = await a_member(desk, "ticket.view")
    there = AgentApi(replica.http, agent.token)
    await there.get("/v1/me")
    await is_remembered(replica, there)
    response = await agent.send("DELETE", "/v1/sessions")
    assert response.status_code == 204, response.text
    await agent.get("/v1/me", expect=401)
    await eventually(lambda: there.get("/v1/me", expect=401), within=1)


async def test_nobody_is_remembered_beyond_the_end_of_the_session(desk: Desk) -> None:
    _, _, agent = await a_member(desk, "ticket.view")
    await is_remembered(desk, agent)
    known = await desk.context.callers.find(agent.token, Channel.API, utc_now())
    assert known is not None
    assert known.signed_in_until is not None
    assert await desk.context.callers.find(agent.token, Channel.API, known.signed_in_until) is None
