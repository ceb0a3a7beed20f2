"""Sessions: listed without their tokens, ended one by one, and over by themselves when they rest or grow old."""

from datetime import timedelta

from sqlalchemy import update

from services.assignment.models import Session
from shared.kit.auth import digest_of
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import PASSWORD, AgentApi, Desk, Json


async def make_agent(desk: Desk) -> tuple[str, str]:
    """A new agent's id and address."""
    ada, email = await desk.agent("ada"), f"{new_id().hex}@everdesk.example"
    agent = await ada.post("/v1/agents", {"email": email, "name": "Sessions", "password": PASSWORD})
    return agent["id"], email


async def signed_in(desk: Desk, email: str) -> AgentApi:
    body = {"email": email, "password": PASSWORD}
    answer = await desk.http.post("/v1/sessions", json=body, headers={"User-Agent": "tests/1"})
    assert answer.status_code == 201, answer.text
    return AgentApi(desk.http, answer.json()["access_token"])


async def works(agent: AgentApi) -> bool:
    return (await agent.send("GET", "/v1/me")).status_code == 200


async def set_session(desk: Desk, agent: AgentApi, **values: object) -> None:
    async with desk.database.begin() as session:
        await session.execute(update(Session).where(Session.digest == digest_of(agent.token)).values(**values))
    desk.context.callers.forget()


async def sessions_of(agent: AgentApi, **query: str) -> list[Json]:
    items: list[Json] = (await agent.get("/v1/sessions", 200, **query))["items"]
    return items


async def test_one_lists_ones_sessions_and_ends_one(desk: Desk) -> None:
    _, email = await make_agent(desk)
    first, second = await signed_in(desk, email), await signed_in(desk, email)
    listed = await sessions_of(first)
    assert [one["is_current"] for one in listed].count(True) == 1
    assert {one["user_agent"] for one in listed} == {"tests/1"}
    assert {(one["channel"], one["method"], one["second_factor"]) for one in listed} == {("api", "password", None)}
    assert not any(first.token in str(one) or second.token in str(one) for one in listed)
    other = next(one for one in listed if not one["is_current"])
    assert (await first.send("DELETE", f"/v1/sessions/{other['id']}")).status_code == 204
    assert (await works(first), await works(second)) == (True, False)
    assert (await first.send("DELETE", f"/v1/sessions/{other['id']}")).status_code == 404


async def test_all_others_end_at_once(desk: Desk) -> None:
    _, email = await make_agent(desk)
    first, second, third = [await signed_in(desk, email) for _ in range(3)]
    assert (await first.send("DELETE", "/v1/sessions?others=true")).status_code == 204
    assert [await works(one) for one in (first, second, third)] == [True, False, False]


async def test_only_administrators_see_and_end_sessions_of_others(desk: Desk) -> None:
    agent_id, email = await make_agent(desk)
    theirs, (_, mallory_email) = await signed_in(desk, email), await make_agent(desk)
    mallory, ada = await signed_in(desk, mallory_email), await desk.agent("ada")
    refused = await mallory.send("GET", "/v1/sessions", params={"agent_id": agent_id})
    assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
    (listed,) = await sessions_of(ada, agent_id=agent_id)
    assert not listed["is_current"]
    assert (await mallory.send("DELETE", f"/v1/sessions/{listed['id']}")).status_code == 404
    assert await works(theirs)
    assert (await ada.send("DELETE", f"/v1/sessions/{listed['id']}")).status_code == 204
    assert not await works(theirs)
    (entry, *_) = (await ada.get("/v1/audit-log", subject=agent_id))["items"]
    assert entry["action"] == "agent.sessions-ended"
    assert (await ada.send("GET", "/v1/sessions", params={"agent_id": str(new_id())})).status_code == 404


async def test_a_session_that_rests_or_grows_old_is_over(desk: Desk) -> None:
    _, email = await make_agent(desk)
    idle, settings = await signed_in(desk, email), desk.context.settings
    await set_session(desk, idle, last_seen_at=utc_now() - settings.session_idle + timedelta(seconds=30))
    assert await works(idle), "this very request is use"
    assert await works(idle)
    await set_session(desk, idle, last_seen_at=utc_now() - settings.session_idle)
    assert not await works(idle)
    old = await signed_in(desk, email)
    await set_session(desk, old, expires_at=utc_now() - timedelta(seconds=1))
    assert not await works(old)
