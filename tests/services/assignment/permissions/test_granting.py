"""Rights: nobody gives away what they do not have, and somebody who can administer always remains."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import select, update

from services.assignment.models import Agent, Membership, Role
from services.assignment.seed.organisation import id_of
from shared.kit.clock import new_id
from tests.services.assignment.desk import AgentApi, Desk, Json, agent_id, team_id
from tests.services.assignment.permissions.test_permissions import make

LIMITED_ADMIN = ["admin.agents", "ticket.view", "ticket.note"]


async def role_of(desk: Desk, scope: str, permissions: list[str]) -> Json:
    ada = await desk.agent("ada")
    body = {"name": f"r-{new_id().hex[-12:]}", "scope": scope, "permissions": permissions}
    made: Json = await ada.post("/v1/roles", body, expect=201)
    return made


def new_agent(role: Json, team: str = "online-banking") -> Json:
    membership = {"team_id": str(team_id(team)), "role_id": role["id"]}
    return {"email": f"{new_id().hex}@everdesk.example", "name": "New", "memberships": [membership]}


@pytest.mark.parametrize(
    ("scope", "permissions", "team", "is_allowed"),
    [
        ("teams", ["ticket.view", "ticket.note"], "online-banking", True),
        ("assigned", ["ticket.view"], "access-management", True),
        ("teams", ["admin.agents"], "access-management", True),
        ("teams", ["ticket.view"], "access-management", False),
        ("all", ["ticket.view"], "online-banking", False),
        ("teams", ["ticket.reply"], "online-banking", False),
        ("teams", ["admin.sla"], "online-banking", False),
    ],
)
async def test_an_administrator_of_one_team_gives_what_they_have(
    desk: Desk, scope: str, permissions: list[str], team: str, is_allowed: bool
) -> None:
    admin = (await make(desk, "teams", LIMITED_ADMIN)).api
    role = await role_of(desk, scope, permissions)
    answer = await admin.post("/v1/agents", new_agent(role, team), expect=201 if is_allowed else 403)
    plain = await make(desk, "assigned", ["ticket.view"])
    change = {"memberships": new_agent(role, team)["memberships"]}
    await admin.patch(f"/v1/agents/{plain.id}", change, expect=200 if is_allowed else 403)
    if not is_allowed:
        assert answer["code"] == "exceeds_own_rights"


async def test_nobody_makes_themselves_more_powerful(desk: Desk) -> None:
    admin = await make(desk, "teams", LIMITED_ADMIN)
    whole = {"memberships": [{"team_id": str(team_id("online-banking")), "role_id": str(id_of("role", "All access"))}]}
    await admin.api.patch(f"/v1/agents/{admin.id}", whole, expect=403)
    own_role = (await admin.api.get(f"/v1/agents/{admin.id}"))["memberships"][0]["role_id"]
    for change in ({"permissions": [*LIMITED_ADMIN, "ticket.close"]}, {"scope": "all"}):
        await admin.api.patch(f"/v1/roles/{own_role}", change, expect=403)
    await admin.api.patch(f"/v1/roles/{own_role}", {"permissions": ["admin.agents", "ticket.view"]})


async def test_whoever_has_less_sets_no_password_and_no_address_of_whoever_has_more(desk: Desk) -> None:
    admin, plain = await make(desk, "teams", LIMITED_ADMIN), await make(desk, "teams", ["ticket.view"])
    path = f"/v1/agents/{agent_id('bruno')}"
    await admin.api.patch(path, {"password": "plum-orbit-lantern-42"}, expect=403)
    await admin.api.patch(path, {"email": "taken-over@everdesk.example"}, expect=403)
    await admin.api.patch(path, {"skills": ["patience"]})
    await admin.api.patch(path, {"skills": []})
    await admin.api.patch(f"/v1/agents/{plain.id}", {"password": "plum-orbit-lantern-42"})


async def holders(desk: Desk) -> set[UUID]:
    """Active agents who administer agents and can sign in."""
    query = (
        select(Agent.id)
        .join(Membership, Membership.agent_id == Agent.id)
        .join(Role, Role.id == Membership.role_id)
        .where(Agent.is_active, Agent.password_hash.is_not(None), Role.permissions.contains(["admin.agents"]))
    )
    async with desk.database.begin() as session:
        return set(await session.scalars(query))


async def test_the_last_administrator_stays_however_two_of_them_try(desk: Desk) -> None:
    ada, bruno = await desk.agent("ada"), await desk.agent("bruno")
    others = await holders(desk) - {agent_id("ada"), agent_id("bruno")}
    async with desk.database.begin() as session:
        await session.execute(update(Agent).where(Agent.id.in_(others)).values(is_active=False))

    async def deactivate(by: AgentApi, name: str) -> int:
        return (await by.send("PATCH", f"/v1/agents/{agent_id(name)}", json={"is_active": False})).status_code

    try:
        statuses = await asyncio.gather(deactivate(ada, "bruno"), deactivate(bruno, "ada"))
        assert sorted(statuses) in ([200, 401], [200, 409])
        (left,) = await holders(desk)
        last = ada if left == agent_id("ada") else bruno
        changes: tuple[Json, ...] = ({"memberships": []}, {"is_active": False})
        for change in changes:
            await last.patch(f"/v1/agents/{left}", change, expect=409)
        powers = str(id_of("role", "All access"))
        refused = await last.patch(f"/v1/roles/{powers}", {"permissions": ["ticket.view"]}, expect=409)
        assert refused["code"] == "last_administrator"
    finally:
        async with desk.database.begin() as session:
            await session.execute(
                update(Agent).where(Agent.id.in_({agent_id("ada"), agent_id("bruno"), *others})).values(is_active=True)
            )
        desk.tokens.clear()


async def test_a_role_cut_to_view_only_counts_from_the_next_request(desk: Desk) -> None:
    ada, ticket = await desk.agent("ada"), await desk.some_ticket()
    someone = await make(desk, "all", ["ticket.view", "ticket.note"])
    await someone.api.post(f"/v1/tickets/{ticket['id']}/notes", {"body": "Still allowed."}, expect=201)
    role = (await ada.get(f"/v1/agents/{someone.id}"))["memberships"][0]["role_id"]
    await ada.patch(f"/v1/roles/{role}", {"permissions": ["ticket.view"]})
    await someone.api.post(f"/v1/tickets/{ticket['id']}/notes", {"body": "Not any more."}, expect=403)
    await someone.api.get(f"/v1/tickets/{ticket['id']}")
