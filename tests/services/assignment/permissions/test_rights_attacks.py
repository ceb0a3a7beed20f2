"""Rights, attacked by administrators who have less: nobody gives, or gets, what they do not hold."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import delete, select, update

from services.assignment.access.scim.names import PATCH
from services.assignment.models import Agent, DirectoryGroup, GroupRole
from services.assignment.seed.organisation import id_of
from shared.kit.clock import new_id
from tests.services.assignment.access.test_scim import Scim
from tests.services.assignment.access.test_service_tokens import made, program
from tests.services.assignment.browsing import Surfer
from tests.services.assignment.desk import PASSWORD, AgentApi, Desk, Json, agent_id, team_id
from tests.services.assignment.permissions.test_granting import LIMITED_ADMIN, role_of
from tests.services.assignment.permissions.test_permissions import Someone, make

WHOLE = str(id_of("role", "All access"))
BANKING = str(team_id("online-banking"))


def row(group: str, role: str, team: str = BANKING) -> Json:
    return {"group": group, "team_id": team, "role_id": role}


async def map_groups(api: AgentApi, *rows: Json, expect: int = 200, path: str = "/v1/group-roles") -> Json:
    answer = await api.send("PUT", path, json={"group_roles": list(rows)})
    assert answer.status_code == expect, answer.text
    found: Json = answer.json()
    return found


@pytest.fixture
async def no_groups(desk: Desk) -> AsyncIterator[None]:
    yield None
    async with desk.database.begin() as session:
        await session.execute(delete(GroupRole))
        await session.execute(delete(DirectoryGroup))


@pytest.fixture
async def lesser(desk: Desk) -> Someone:
    """Administers agents, and may else only read one team's tickets and write notes there."""
    return await make(desk, "teams", LIMITED_ADMIN)


async def test_a_role_that_one_group_has_is_not_given_to_another(desk: Desk, lesser: Someone, no_groups: None) -> None:
    ada, own = await desk.agent("ada"), (await role_of(desk, "teams", ["ticket.view"]))["id"]
    lords = row("Lords", WHOLE)
    await map_groups(ada, lords)
    await map_groups(lesser.api, lords, row("Readers", own))
    refused = await map_groups(lesser.api, lords, row("Mine", WHOLE), expect=403)
    assert refused["code"] == "exceeds_own_rights"
    await map_groups(lesser.api, row("Mine", WHOLE), expect=403)
    await map_groups(lesser.api, row("lords", WHOLE))
    await map_groups(lesser.api, row("Readers", own))


async def test_the_order_of_groups_raises_nobody(desk: Desk, lesser: Someone, no_groups: None) -> None:
    ada, own = await desk.agent("ada"), (await role_of(desk, "teams", ["ticket.view"]))["id"]
    readers, lords = row("Readers", own), row("Lords", WHOLE)
    await map_groups(ada, readers, lords)
    await map_groups(lesser.api, lords, readers, expect=403)
    await map_groups(lesser.api, lords, expect=403)
    elsewhere = row("Readers", own, str(team_id("access-management")))
    await map_groups(ada, elsewhere, readers, lords)
    await map_groups(lesser.api, readers, lords)
    await map_groups(lesser.api, readers, row("More readers", own), lords)


async def test_a_role_that_groups_stand_for_is_not_widened_though_nobody_has_it_yet(
    desk: Desk, lesser: Someone, no_groups: None
) -> None:
    ada, role = await desk.agent("ada"), await role_of(desk, "teams", ["ticket.view"])
    path = f"/v1/roles/{role['id']}"
    await lesser.api.patch(path, {"permissions": ["ticket.view", "admin.teams"]})
    await ada.patch(path, {"permissions": ["ticket.view"]})
    await map_groups(ada, row("Readers", role["id"]))
    for change in ({"permissions": ["ticket.view", "admin.teams"]}, {"scope": "all"}):
        refused = await lesser.api.patch(path, change, expect=403)
        assert refused["code"] == "exceeds_own_rights"
    await lesser.api.patch(path, {"permissions": ["ticket.view", "ticket.note"]})


async def test_whoever_has_less_does_not_spare_whoever_has_more_the_second_factor(desk: Desk, lesser: Someone) -> None:
    ada = await desk.agent("ada")
    strong, weak = await role_of(desk, "all", ["ticket.close"]), await role_of(desk, "teams", ["ticket.note"])
    for role in (strong, weak):
        member = {"memberships": [{"team_id": BANKING, "role_id": role["id"]}], "is_available": False}
        await ada.post("/v1/agents", {"email": f"{new_id().hex}@everdesk.example", "name": "New"} | member)
        await ada.patch(f"/v1/roles/{role['id']}", {"requires_second_factor": True})
    refused = await lesser.api.patch(f"/v1/roles/{strong['id']}", {"requires_second_factor": False}, expect=403)
    assert refused["code"] == "exceeds_own_rights"
    await lesser.api.patch(f"/v1/roles/{weak['id']}", {"requires_second_factor": False})
    await ada.patch(f"/v1/roles/{strong['id']}", {"requires_second_factor": False})


async def strong_leaver(desk: Desk) -> str:
    """Somebody with rights that the lesser administrator lacks, who was deactivated."""
    leaver = await make(desk, "all", ["ticket.view", "ticket.close"])
    await (await desk.agent("ada")).patch(f"/v1/agents/{leaver.id}", {"is_active": False})
    return leaver.id


async def test_nobody_brings_back_somebody_with_more_rights(desk: Desk, lesser: Someone) -> None:
    leaver = await strong_leaver(desk)
    refused = await lesser.api.patch(f"/v1/agents/{leaver}", {"is_active": True}, expect=403)
    assert refused["code"] == "exceeds_own_rights"
    await lesser.api.patch(f"/v1/agents/{leaver}", {"memberships": [], "is_active": True})
    other = await strong_leaver(desk)
    await (await desk.agent("ada")).patch(f"/v1/agents/{other}", {"is_active": True})


async def test_a_directory_brings_back_nobody_with_more_rights_than_its_owner(desk: Desk, lesser: Someone) -> None:
    scim = Scim(program(desk, await made(desk, ["admin.agents"], lesser.api)))
    leaver = await strong_leaver(desk)
    path = f"Users/{leaver}"
    user = await scim.send("GET", path)
    for value in (True, "True"):
        await scim.patch(path, {"op": "Replace", "path": "active", "value": value}, expect=403)
    await scim.send("PUT", path, {**user, "active": True}, 403)
    await scim.send("DELETE", path, expect=204)
    again = {"userName": user["userName"], "displayName": "Back", "active": True}
    await scim.send("POST", "Users", again, 403)
    assert not (await lesser.api.get(f"/v1/agents/{leaver}"))["is_active"]


async def test_whoever_has_less_names_no_provider(desk: Desk, lesser: Someone) -> None:
    own = {"name": "Mine", "issuer": "https://mine.example", "client_id": "c", "is_enabled": True}
    await lesser.api.post("/v1/single-sign-on/providers", own, expect=403)
    for change in ({"trusts_addresses": True}, {"domains": "mine.example"}, {"second_factor": "always"}):
        await lesser.api.patch("/v1/single-sign-on", change, expect=403)
        await lesser.api.patch("/v1/single-sign-on/providers/1", change, expect=403)


async def test_a_token_is_taken_over_with_no_more_than_one_has(desk: Desk, lesser: Someone) -> None:
    strong = await made(desk, ["admin.agents", "admin.teams"])
    await lesser.api.post(f"/v1/service-tokens/{strong['id']}/take-over", {}, expect=403)
    await lesser.api.post("/v1/service-tokens", {"name": "x", "permissions": ["admin.teams"]}, expect=403)
    weak = await made(desk, ["admin.agents"])
    await lesser.api.post(f"/v1/service-tokens/{weak['id']}/take-over", {})
    body: Json = {"email": f"{new_id().hex}@everdesk.example", "name": "New"}
    body |= {"memberships": [{"team_id": BANKING, "role_id": WHOLE}]}
    await program(desk, weak).post("/v1/agents", body, expect=403)


async def test_an_invitation_carries_no_more_than_its_sender_has(desk: Desk, lesser: Someone) -> None:
    body = {"email": f"{new_id().hex}@everdesk.example", "name": "New", "invite": True}
    await lesser.api.post("/v1/agents", body | {"memberships": [{"team_id": BANKING, "role_id": WHOLE}]}, expect=403)
    guest = await lesser.api.post("/v1/agents", body, expect=201)
    await lesser.api.post(f"/v1/agents/{guest['id']}/invitation", {}, expect=202)
    membership = {"memberships": [{"team_id": BANKING, "role_id": WHOLE}]}
    await lesser.api.patch(f"/v1/agents/{guest['id']}", membership, expect=403)


async def test_the_pages_give_no_more_than_the_api(desk: Desk, lesser: Someone) -> None:
    leaver = await strong_leaver(desk)
    async with desk.database.begin() as session:
        hashed = await session.scalar(select(Agent.password_hash).where(Agent.id == agent_id("ada")))
        await session.execute(update(Agent).where(Agent.id == UUID(lesser.id)).values(password_hash=hashed))
    email = (await lesser.api.get(f"/v1/agents/{lesser.id}"))["email"]
    surfer = await Surfer.of(desk.app).sign_in(email, PASSWORD)
    for path, form in {
        f"/admin/agents/{leaver}": {"name": "Back", "email": f"{new_id().hex}@everdesk.example", "is_active": "yes"},
        f"/admin/agents/{leaver}/activity": {"is_active": "yes"},
        "/admin/agents/new": {"name": "N", "email": f"{new_id().hex}@everdesk.example", f"role-{BANKING}": WHOLE},
        f"/admin/roles/{WHOLE}": {"name": "All access", "scope": "all", "permissions": "ticket.view"},
    }.items():
        await surfer.open("/admin/agents/new")
        await surfer.send(path, **form)
    assert not (await lesser.api.get(f"/v1/agents/{leaver}"))["is_active"]
    own = await lesser.api.get(f"/v1/agents/{lesser.id}")
    assert [one["role_id"] == WHOLE for one in own["memberships"]] == [False]


async def only_ada_administers(desk: Desk) -> list[UUID]:
    """Takes the others' passwords, so that nobody but Ada counts; returns who they are."""
    async with desk.database.begin() as session:
        others = (
            await session.scalars(
                select(Agent.id).where(Agent.is_active, Agent.password_hash.is_not(None), Agent.id != agent_id("ada"))
            )
        ).all()
        await session.execute(update(Agent).where(Agent.id.in_(others)).values(is_active=False))
    return list(others)


async def test_whoever_has_less_does_not_end_the_last_of_whoever_has_everything(desk: Desk, lesser: Someone) -> None:
    async with desk.database.begin() as session:
        await session.execute(update(Agent).where(Agent.id == UUID(lesser.id)).values(password_hash="x"))
    others = await only_ada_administers(desk)
    path = f"/v1/agents/{agent_id('ada')}"
    changes: dict[str, list[Json]] = {
        path: [{"is_active": False}, {"memberships": []}],
        f"/v1/roles/{WHOLE}": [{"permissions": ["ticket.view", "admin.agents"]}, {"permissions": []}],
    }
    try:
        async with desk.database.begin() as session:
            await session.execute(update(Agent).where(Agent.id == UUID(lesser.id)).values(is_active=True))
        for at, bodies in changes.items():
            for body in bodies:
                refused = await lesser.api.patch(at, body, expect=409)
                assert (refused["code"], "every right" in refused["detail"]) == ("last_administrator", True)
    finally:
        async with desk.database.begin() as session:
            await session.execute(update(Agent).where(Agent.id.in_(others)).values(is_active=True))
            await session.execute(update(Agent).where(Agent.id == UUID(lesser.id)).values(password_hash=None))


async def test_the_last_administrator_stays_by_every_way(desk: Desk, no_groups: None) -> None:
    ada = await desk.agent("ada")
    every = (await ada.get(f"/v1/roles/{WHOLE}"))["permissions"]
    rival = await make(desk, "all", every)
    scim = Scim(program(desk, await made(desk, ["admin.agents"], rival.api)))
    user = await scim.send("GET", f"Users/{agent_id('ada')}")
    group = await scim.send("POST", "Groups", {"displayName": "Lords", "members": [{"value": user["id"]}]}, 201)
    before = await ada.get(f"/v1/agents/{agent_id('ada')}")
    teams = [one["team_id"] for one in before["memberships"]]
    others = await only_ada_administers(desk)
    path, rows = f"/v1/agents/{agent_id('ada')}", [row("Lords", WHOLE, team) for team in teams]
    reader = str(id_of("role", "View only"))
    try:
        for by in (rival.api, ada):
            changes: tuple[Json, ...] = ({"is_active": False}, {"memberships": []})
            for change in changes:
                await by.patch(path, change, expect=409)
            downgraded = [{"team_id": team, "role_id": reader} for team in teams]
            await by.patch(path, {"memberships": downgraded}, expect=409)
            await by.patch(f"/v1/roles/{WHOLE}", {"permissions": ["ticket.view"]}, expect=409)
            without = sorted(set(every) - {"admin.agents"})
            await by.patch(f"/v1/roles/{WHOLE}", {"permissions": without}, expect=409)
            assert (await by.send("DELETE", f"/v1/roles/{WHOLE}")).status_code == 405
            assert (await by.send("DELETE", path)).status_code == 405
        for value in (False, "False", "false"):
            await scim.patch(f"Users/{user['id']}", {"op": "Replace", "path": "active", "value": value}, expect=409)
            await scim.patch(f"Users/{user['id']}", {"op": "replace", "value": {"active": value}}, expect=409)
        await scim.send("PUT", f"Users/{user['id']}", {**user, "active": False}, 409)
        await scim.send("DELETE", f"Users/{user['id']}", expect=409)
        await scim.send("POST", "Bulk", {"Operations": [{"method": "DELETE", "path": f"/Users/{user['id']}"}]}, 501)
        await map_groups(rival.api, *rows)
        assert (await ada.get(path))["memberships"] == before["memberships"]
        members = f"Groups/{group['id']}"
        gone = {"op": "remove", "path": f'members[value eq "{user["id"]}"]'}
        await scim.send("PATCH", members, {"schemas": [PATCH], "Operations": [gone]}, 409)
        await scim.send("PUT", members, {"displayName": "Lords"}, 409)
        await scim.send("PUT", members, {"displayName": "Others", "members": [{"value": user["id"]}]}, 409)
        await scim.send("DELETE", members, expect=409)
        await map_groups(rival.api, *[row("Lords", reader, team) for team in teams], expect=409)
        await map_groups(rival.api, *[row("Nobody", WHOLE, team) for team in teams], expect=409)
        assert (await ada.get(path))["memberships"] == before["memberships"]
        await rival.api.patch(f"/v1/roles/{WHOLE}", {"requires_second_factor": True})
        surfer = await Surfer.of(desk.app).sign_in("ada@everdesk.example", PASSWORD)
        assert surfer.path == "/account/second-factor", "she is led to set one up, and not kept out"
    finally:
        await rival.api.patch(f"/v1/roles/{WHOLE}", {"requires_second_factor": False})
        async with desk.database.begin() as session:
            await session.execute(update(Agent).where(Agent.id.in_(others)).values(is_active=True))
        await (await desk.agent("ada")).patch(
            path,
            {"memberships": [{"team_id": one["team_id"], "role_id": one["role_id"]} for one in before["memberships"]]},
        )
        desk.tokens.clear()
