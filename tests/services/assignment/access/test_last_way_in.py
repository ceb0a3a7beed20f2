"""While passwords are for those alone who are not linked to the provider, an administrator with one always remains."""

# ruff: noqa: F811 - fixtures are used by name

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import delete, select, update

from services.assignment.models import Agent, DirectoryGroup, ProviderIdentity
from shared.contracts.vocabulary import Permission
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.access.office import (  # noqa: F401 - fixtures
    Office,
    connected,
    provider,
    said,
)
from tests.services.assignment.access.test_scim import Scim
from tests.services.assignment.access.test_service_tokens import made, program
from tests.services.assignment.desk import PASSWORD, Json, agent_id
from tests.services.assignment.permissions.test_permissions import make
from tests.services.assignment.permissions.test_rights_attacks import WHOLE, map_groups, row

ADA = agent_id("ada")


@pytest.fixture
async def last_way(connected: Office) -> AsyncIterator[Json]:
    """Ada is the only administrator with a password who is not linked; Bruno has one too, and is linked."""
    desk = connected.desk
    ada, _ = await desk.agent("ada"), await desk.agent("bruno")
    found: Json = await ada.get(f"/v1/agents/{ADA}")
    async with desk.database.begin() as session:
        kept = {ADA, agent_id("bruno")}
        query = select(Agent.id).where(Agent.is_active, Agent.password_hash.is_not(None), Agent.id.not_in(kept))
        others = (await session.scalars(query)).all()
        await session.execute(update(Agent).where(Agent.id.in_(others)).values(is_active=False))
        now = utc_now()
        link = {"subject": f"b-{new_id()}", "agent_id": agent_id("bruno"), "linked_at": now, "last_used_at": now}
        session.add(ProviderIdentity(issuer=connected.provider.issuer, **link))
    await connected.set(passwords="unlinked_only")
    yield found
    async with desk.database.begin() as session:
        await session.execute(delete(ProviderIdentity))
        await session.execute(update(Agent).where(Agent.id.in_(others)).values(is_active=True))
        await session.execute(delete(DirectoryGroup))
    desk.tokens.clear()
    await connected.set(passwords="allowed")


async def test_the_last_unlinked_administrator_is_neither_deactivated_nor_demoted(
    connected: Office, last_way: Json
) -> None:
    bruno, path = await connected.desk.agent("bruno"), f"/v1/agents/{ADA}"
    changes: tuple[Json, ...] = ({"is_active": False}, {"memberships": []})
    for change in changes:
        refused = await bruno.patch(path, change, expect=409)
        assert (refused["code"], "nobody gets in while" in refused["detail"]) == ("last_administrator", True)
    await bruno.patch(path, {"name": "Ada of the Keys"})
    await bruno.patch(path, {"name": last_way["name"]})


async def test_a_directory_takes_not_the_last_unlinked_administrator(connected: Office, last_way: Json) -> None:
    desk = connected.desk
    rival = await make(desk, "all", [one.value for one in Permission])
    scim = Scim(program(desk, await made(desk, ["admin.agents"], rival.api)))
    user = await scim.send("GET", f"Users/{ADA}")
    await scim.patch(f"Users/{user['id']}", {"op": "replace", "path": "active", "value": False}, expect=409)
    await scim.send("DELETE", f"Users/{user['id']}", expect=409)
    group = await scim.send("POST", "Groups", {"displayName": "Keepers", "members": [{"value": user["id"]}]}, 201)
    teams = [one["team_id"] for one in last_way["memberships"]]
    await map_groups(rival.api, *[row("Nobody", WHOLE, team) for team in teams], expect=409)
    await map_groups(rival.api, *[row("Keepers", WHOLE, team) for team in teams])
    await scim.send("DELETE", f"Groups/{group['id']}", expect=409)
    assert (await rival.api.get(f"/v1/agents/{ADA}"))["memberships"]


async def test_the_last_unlinked_administrator_is_not_linked_by_signing_in_there(
    connected: Office, last_way: Json
) -> None:
    ada: Json = {"sub": f"a-{new_id()}", "email": last_way["email"], "email_verified": True}
    refused = await connected.sign_in(403, **ada)
    assert "only administrator whose password works" in refused.text
    credentials = {"email": last_way["email"], "password": PASSWORD}
    assert (await connected.desk.http.post("/v1/sessions", json=credentials)).status_code == 201
    await connected.set(passwords="allowed")
    await connected.sign_in(**said(ada))
    refused_mode = await connected.set(409, passwords="unlinked_only")
    assert refused_mode["code"] == "no_way_in"


async def test_where_no_such_way_was_left_changes_are_not_refused_for_it(connected: Office, last_way: Json) -> None:
    now = utc_now()
    async with connected.desk.database.begin() as session:
        link = {"subject": f"a-{new_id()}", "agent_id": ADA, "linked_at": now, "last_used_at": now}
        session.add(ProviderIdentity(issuer=connected.provider.issuer, **link))
    bruno = await connected.desk.agent("bruno")
    await bruno.patch(f"/v1/agents/{ADA}", {"is_active": False})
    await bruno.patch(f"/v1/agents/{ADA}", {"is_active": True})
