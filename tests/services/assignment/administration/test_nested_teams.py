"""Teams that are part of others: no circles, rights that reach downwards, and rules of their own for new tickets."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from services.assignment.models import StoredSnapshot
from shared.kit.clock import new_id
from tests.services.assignment.desk import AgentApi, Desk, Json, agent_id, team_id
from tests.services.assignment.permissions.test_permissions import make
from tests.support.eventually import eventually

EVERYTHING = ["admin.teams", "ticket.view"]


async def add(desk: Desk, **changes: Any) -> Json:
    ada, name = await desk.agent("ada"), f"t-{new_id().hex[-10:]}"
    return await ada.post("/v1/teams", {"slug": name, "name": name, **changes}, expect=201)


async def moved(desk: Desk, team: Json, parent: str | None, expect: int = 200, by: AgentApi | None = None) -> Json:
    return await (by or await desk.agent("ada")).patch(f"/v1/teams/{team['id']}", {"parent_id": parent}, expect=expect)


async def ticket_in(desk: Desk, team: Json) -> Json:
    ada, ticket = await desk.agent("ada"), await desk.ticket("access")
    return await ada.post(f"/v1/tickets/{ticket['id']}/transfer", {"team_id": team["id"]})


async def test_a_team_cannot_be_part_of_itself_however_far_round(desk: Desk) -> None:
    top = await add(desk)
    middle = await add(desk, parent_id=top["id"])
    bottom = await add(desk, parent_id=middle["id"])
    for parent in (top, middle, bottom):
        refused = await moved(desk, top, parent["id"], expect=422)
        assert refused["errors"][0]["pointer"] == "/parent_id"
    await moved(desk, top, str(new_id()), expect=422)
    assert (await moved(desk, bottom, None))["parent_id"] is None
    assert (await moved(desk, top, bottom["id"]))["parent_id"] == bottom["id"]
    await moved(desk, bottom, middle["id"], expect=422)


async def test_teams_are_nested_so_deep_and_no_deeper(desk: Desk) -> None:
    deepest = await add(desk)
    for _ in range(7):
        deepest = await add(desk, parent_id=deepest["id"])
    other = await add(desk)
    await moved(desk, other, deepest["id"], expect=422)


async def test_members_reach_what_is_below_as_far_as_their_scope_goes(desk: Desk) -> None:
    parent = await add(desk)
    child = await add(desk, parent_id=parent["id"])
    ticket = await ticket_in(desk, await add(desk, parent_id=child["id"]))
    above = await make(desk, "teams", ["ticket.view", "ticket.claim"], UUID(parent["id"]))
    below = await make(desk, "teams", ["ticket.view"], UUID(child["id"]))
    own = await make(desk, "assigned", ["ticket.view"], UUID(parent["id"]))
    path = f"/v1/tickets/{ticket['id']}"
    await above.api.get(path)
    await below.api.get(path)
    await own.api.get(path, expect=404)
    listed = await above.api.get("/v1/tickets", view="all")
    assert ticket["id"] in [one["id"] for one in listed["items"]]
    assert (await above.api.post(f"{path}/claim"))["assignee"]["id"] == above.id
    upwards = await ticket_in(desk, parent)
    await below.api.get(f"/v1/tickets/{upwards['id']}", expect=404)


async def test_moving_a_team_away_ends_what_members_above_could_do_and_gives_their_tickets_back(desk: Desk) -> None:
    parent = await add(desk)
    child = await add(desk, parent_id=parent["id"])
    ticket = await ticket_in(desk, child)
    above = await make(desk, "teams", ["ticket.view", "ticket.claim"], UUID(parent["id"]))
    await above.api.post(f"/v1/tickets/{ticket['id']}/claim")
    await moved(desk, child, None)
    await above.api.get(f"/v1/tickets/{ticket['id']}", expect=404)

    async def is_given_back() -> None:
        assert (await desk.seen(ticket["id"]))["assignee"] is None

    await eventually(is_given_back, within=20)


async def test_nobody_gives_rights_by_moving_a_team_that_they_do_not_have(desk: Desk) -> None:
    parent, child = await add(desk), await add(desk)
    await make(desk, "teams", ["ticket.view", "ticket.close"], UUID(parent["id"]))
    mover = await make(desk, "teams", ["admin.teams", "ticket.view"], UUID(child["id"]))
    refused = await moved(desk, child, parent["id"], expect=403, by=mover.api)
    assert refused["code"] == "exceeds_own_rights"
    assert (await moved(desk, child, parent["id"]))["parent_id"] == parent["id"]


async def test_a_teams_policy_and_hours_count_where_no_rule_names_a_policy(desk: Desk) -> None:
    ada, name = await desk.agent("ada"), f"p-{new_id().hex[-8:]}"
    policies = (await ada.get("/v1/sla-policies"))["items"]
    default = next(one for one in policies if one["is_default"])
    body = {"name": name, "calendar": "office-hours", "targets": {"normal": {"first_response": 7200}}}
    policy = await ada.post("/v1/sla-policies", body, expect=201)
    always = {"slug": name, "name": name, "timezone": "UTC", "weekly": {"mon": [["00:00", "24:00"]]}}
    await ada.post("/v1/calendars", always, expect=201)
    fallback = next(one for one in (await ada.get("/v1/teams"))["items"] if one["is_fallback"])
    await ada.patch(f"/v1/teams/{fallback['id']}", {"policy_id": policy["id"], "calendar": name})
    try:
        ticket = await desk.ticket("general")
        assert (ticket["team_id"], ticket["sla"]["policy_id"]) == (fallback["id"], policy["id"])
        async with desk.database.begin() as session:
            query = select(StoredSnapshot.calendar_slug).where(StoredSnapshot.policy_id == UUID(policy["id"]))
            assert list(await session.scalars(query)) == [name]
    finally:
        await ada.patch(f"/v1/teams/{fallback['id']}", {"policy_id": None, "calendar": None})
    assert default["id"] != policy["id"]


@pytest.mark.parametrize(
    "wrong", [{"policy_id": str(new_id())}, {"calendar": "no-such-calendar"}, {"parent_id": str(agent_id("ada"))}]
)
async def test_defaults_must_exist(desk: Desk, wrong: Json) -> None:
    ada = await desk.agent("ada")
    refused = await ada.patch(f"/v1/teams/{team_id('access-management')}", wrong, expect=422)
    assert refused["errors"][0]["pointer"] == f"/{next(iter(wrong))}"
    assert UUID((await ada.get(f"/v1/teams/{team_id('access-management')}"))["id"])
