"""SCIM 2.0: a directory keeps users and groups, in the shapes that Entra ID and Okta send."""

from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import delete

from services.assignment.access.scim.names import ENTERPRISE, GROUP, LIST, PATCH, USER
from services.assignment.models import GroupRole
from services.assignment.seed.organisation import id_of
from shared.kit.clock import new_id
from tests.services.assignment.access.test_service_tokens import made, program
from tests.services.assignment.desk import AgentApi, Desk, Json, agent_id, team_id
from tests.services.assignment.permissions.test_permissions import make


class Scim:
    """A directory, with its service token."""

    def __init__(self, api: AgentApi) -> None:
        self.api = api

    async def send(self, method: str, path: str, body: Any = None, expect: int = 200, **more: Any) -> Json:
        headers = {"Content-Type": "application/scim+json"} | more.pop("headers", {})
        answer: httpx2.Response = await self.api.send(
            method, f"/scim/v2/{path}", **({"json": body} if body is not None else {}), headers=headers, **more
        )
        assert answer.status_code == expect, answer.text
        if answer.content:
            assert answer.headers["content-type"] == "application/scim+json"
        if expect >= 400:
            assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
            assert answer.json()["status"] == str(expect)
        found: Json = answer.json() if answer.content else {}
        return found

    async def find(self, condition: str, kind: str = "Users") -> list[Json]:
        listed = await self.send("GET", kind, params={"filter": condition})
        assert listed["totalResults"] == len(listed["Resources"])
        return list(listed["Resources"])

    async def user(self, **more: Any) -> Json:
        return await self.send("POST", "Users", new_user(**more), 201)

    async def patch(self, path: str, *operations: Json, expect: int = 200) -> Json:
        return await self.send("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)}, expect)


def new_user(**more: Any) -> Json:
    word = new_id().hex[-12:]
    return {
        "schemas": [USER],
        "userName": f"{word}@everdesk.example",
        "externalId": f"ext-{word}",
        "name": {"givenName": "Ines", "familyName": "Prado"},
        "emails": [{"value": f"{word}@everdesk.example", "type": "work", "primary": True}],
        "active": True,
        **more,
    }


@pytest.fixture(scope="session")
async def scim(desk: Desk) -> Scim:
    return Scim(program(desk, await made(desk, ["admin.agents"])))


async def test_a_user_is_created_found_changed_and_deleted(desk: Desk, scim: Scim) -> None:
    sent = new_user(title="Lead", phoneNumbers=[{"value": "+34 600", "type": "mobile"}])
    user = await scim.send("POST", "Users", sent, 201)
    assert {name: user[name] for name in ("userName", "externalId", "active", "title", "phoneNumbers", "name")} == {
        name: sent[name] for name in ("userName", "externalId", "active", "title", "phoneNumbers", "name")
    }
    assert ("displayName" in user, user["meta"]["resourceType"]) == (False, "User")
    assert user["meta"]["location"].endswith(f"/scim/v2/Users/{user['id']}")
    assert (await scim.send("GET", f"Users/{user['id']}"))["meta"] == user["meta"]
    agent = await (await desk.agent("ada")).get(f"/v1/agents/{user['id']}")
    assert (agent["name"], agent["email"], agent["is_active"]) == ("Ines Prado", sent["userName"], True)
    assert (await scim.send("POST", "Users", sent, 409))["scimType"] == "uniqueness"
    replaced = await scim.send("PUT", f"Users/{user['id']}", {**sent, "displayName": "Ines P.", "title": None})
    assert (replaced["displayName"], "title" in replaced) == ("Ines P.", False)
    await scim.send("DELETE", f"Users/{user['id']}", expect=204)
    await scim.send("GET", f"Users/{user['id']}", expect=404)
    await scim.send("PATCH", f"Users/{user['id']}", {"Operations": [{"op": "add", "value": {"title": "x"}}]}, 404)
    assert await scim.find(f'userName eq "{sent["userName"]}"') == []
    gone = await (await desk.agent("ada")).get(f"/v1/agents/{user['id']}")
    assert gone["is_active"] is False
    again = await scim.send("POST", "Users", sent, 201)
    assert (again["id"], again["active"]) == (user["id"], True)


async def test_agents_that_were_there_before_are_found_by_their_address(scim: Scim) -> None:
    (bruno,) = await scim.find('userName eq "BRUNO@everdesk.example"')
    assert bruno["id"] == str(agent_id("bruno"))
    linked = await scim.patch(
        f"Users/{bruno['id']}", {"op": "add", "path": "externalId", "value": f"ext-{new_id().hex}"}
    )
    assert (await scim.find(f'externalId eq "{linked["externalId"]}"'))[0]["id"] == bruno["id"]


async def test_filters_find_what_they_say(scim: Scim) -> None:
    word = new_id().hex[-10:]
    one = await scim.user(displayName=f"Zoe {word}", nickName=word, title="Engineer")
    two = await scim.user(displayName=f"Yan {word}", nickName=word, active=False)
    mail = one["emails"][0]["value"]
    expected = {
        f'nickName eq "{word}"': {one["id"], two["id"]},
        f'NICKNAME EQ "{word.upper()}"': {one["id"], two["id"]},
        f'nickName eq "{word}" and active eq true': {one["id"]},
        f'nickName eq "{word}" and not (active eq true)': {two["id"]},
        f'displayName co "{word}" and displayName sw "zo"': {one["id"]},
        f'displayName ew "{word}" and title pr': {one["id"]},
        f'displayName eq "Zoe {word}" or displayName eq "Yan {word}"': {one["id"], two["id"]},
        f'emails[type eq "work" and value eq "{mail}"]': {one["id"]},
        f'emails.value eq "{mail}"': {one["id"]},
        f'emails co "{mail[:14]}"': {one["id"]},
        f'{USER}:userName eq "{one["userName"]}"': {one["id"]},
        f'id eq "{two["id"]}"': {two["id"]},
        f'id eq "{new_id()}"': set(),
        f'nickName eq "{word}" and meta.created gt "2020-01-01T00:00:00Z"': {one["id"], two["id"]},
        f'nickName eq "{word}" and (title eq "none" or name.familyName ne "Prado")': set(),
    }
    for condition, ids in expected.items():
        assert {user["id"] for user in await scim.find(condition)} == ids, condition
    for wrong in ("userName eq", 'userName xx "a"', 'userName eq "a" and', '(userName eq "a"', "a eq b", "(" * 900):
        answer = await scim.send("GET", "Users", expect=400, params={"filter": wrong})
        assert answer["scimType"] == "invalidFilter", wrong


async def test_lists_come_in_pages(scim: Scim) -> None:
    word = new_id().hex[-10:]
    ids = [(await scim.user(nickName=word))["id"] for _ in range(3)]
    condition = {"filter": f'nickName eq "{word}"'}
    first = await scim.send("GET", "Users", params={**condition, "count": "2"})
    assert (first["schemas"], first["totalResults"], first["itemsPerPage"], first["startIndex"]) == ([LIST], 3, 2, 1)
    rest = await scim.send("GET", "Users", params={**condition, "count": "2", "startIndex": "3"})
    assert [one["id"] for one in (*first["Resources"], *rest["Resources"])] == ids
    none = await scim.send("GET", "Users", params={"count": "0"})
    assert (none["itemsPerPage"], none["totalResults"] > 3) == (0, True)
    assert (await scim.send("GET", "Users", params={"startIndex": "-5", "count": "1"}))["startIndex"] == 1
    await scim.send("GET", "Users", expect=400, params={"startIndex": "first"})
    few = await scim.send("GET", "Users", params={**condition, "attributes": "userName,name.givenName"})
    assert set(few["Resources"][0]) == {"schemas", "id", "userName", "name"}
    assert few["Resources"][0]["name"] == {"givenName": "Ines"}
    without = await scim.send("GET", "Users", params={**condition, "excludedAttributes": "emails,meta"})
    assert not {"emails", "meta"} & set(without["Resources"][0])
    found = await scim.send("POST", "Users/.search", {"schemas": ["…"], "count": 1, **condition})
    assert (found["totalResults"], len(found["Resources"])) == (3, 1)


async def test_patches_as_entra_id_sends_them(scim: Scim) -> None:
    user = await scim.user()
    path = f"Users/{user['id']}"
    changed = await scim.patch(
        path,
        {"op": "Replace", "path": "displayName", "value": "Ana Ruiz"},
        {"op": "Add", "path": "name.givenName", "value": "Ana"},
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": f"ana-{user['userName']}"},
        {"op": "Add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "+49 151"},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Payments"},
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": str(agent_id("ada"))},
    )
    assert (changed["displayName"], changed["name"]["givenName"]) == ("Ana Ruiz", "Ana")
    assert changed["emails"][0]["value"] == f"ana-{user['userName']}"
    assert changed["phoneNumbers"] == [{"type": "mobile", "value": "+49 151"}]
    assert changed[ENTERPRISE] == {"department": "Payments", "manager": {"value": str(agent_id("ada"))}}
    assert ENTERPRISE in changed["schemas"]
    off = await scim.patch(path, {"op": "Replace", "path": "active", "value": "False"})
    on = await scim.patch(path, {"op": "replace", "value": {"active": "True", "name.familyName": "Sol"}})
    assert (off["active"], on["active"], on["name"]["familyName"]) == (False, True, "Sol")
    less = await scim.patch(
        path, {"op": "Remove", "path": f"{ENTERPRISE}:manager"}, {"op": "remove", "path": "phoneNumbers"}
    )
    assert (less[ENTERPRISE], "phoneNumbers" in less) == ({"department": "Payments"}, False)


async def test_patches_as_okta_sends_them(scim: Scim) -> None:
    user = await scim.user()
    off = await scim.patch(f"Users/{user['id']}", {"op": "replace", "value": {"active": False}})
    assert off["active"] is False
    group = await scim.send("POST", "Groups", {"schemas": [GROUP], "displayName": f"g-{new_id().hex}"}, 201)
    name = f"renamed-{new_id().hex}"
    renamed = await scim.patch(
        f"Groups/{group['id']}", {"op": "replace", "value": {"id": group["id"], "displayName": name}}
    )
    assert renamed["displayName"] == name
    added = await scim.patch(
        f"Groups/{group['id']}",
        {"op": "add", "path": "members", "value": [{"value": user["id"], "display": user["userName"]}]},
    )
    assert [one["value"] for one in added["members"]] == [user["id"]]
    removed = await scim.patch(f"Groups/{group['id']}", {"op": "remove", "path": f'members[value eq "{user["id"]}"]'})
    assert removed["members"] == []


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ({"op": "remove"}, "noTarget"),
        ({"op": "replace", "path": 'emails[type eq "other"].value', "value": "a@b.example"}, "noTarget"),
        ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
        ({"op": "add", "path": "groups", "value": []}, "mutability"),
        ({"op": "add", "path": "shoeSize", "value": 42}, "invalidPath"),
        ({"op": "add", "path": "name.shoeSize", "value": "42"}, "invalidPath"),
        ({"op": "add", "path": "emails[type eq", "value": "x"}, "invalidPath"),
        ({"op": "add", "path": "emails[type xx 1]", "value": {}}, "invalidFilter"),
        ({"op": "replace", "path": "active", "value": "perhaps"}, "invalidValue"),
        ({"op": "replace", "path": "userName", "value": ""}, "invalidValue"),
        ({"op": "replace", "path": "title", "value": {"a": 1}}, "invalidValue"),
        ({"op": "replace", "path": "title", "value": "a\0b"}, "invalidValue"),
        ({"op": "replace", "path": "emails", "value": [{"value": "no address"}]}, "invalidValue"),
        ({"op": "move", "path": "title", "value": "x"}, "invalidSyntax"),
        ("remove", "invalidSyntax"),
    ],
)
async def test_a_patch_that_makes_no_sense_is_refused_and_changes_nothing(
    scim: Scim, operation: Any, kind: str
) -> None:
    (bruno,) = await scim.find(f'id eq "{agent_id("bruno")}"')
    refused = await scim.patch(f"Users/{bruno['id']}", operation, expect=400)
    assert refused["scimType"] == kind, refused
    assert await scim.find(f'id eq "{agent_id("bruno")}"') == [bruno]


async def test_a_user_may_have_a_name_that_is_no_address(desk: Desk, scim: Scim) -> None:
    name = f"bjensen-{new_id().hex[-8:]}"
    user = await scim.send("POST", "Users", {"schemas": [USER], "userName": name}, 201)
    assert (user["userName"], "emails" in user) == (name, False)
    assert (await scim.send("POST", "Users", {"schemas": [USER], "userName": name.upper()}, 409))["status"] == "409"
    agent = await (await desk.agent("ada")).get(f"/v1/agents/{user['id']}")
    assert (agent["name"], agent["email"].endswith("@directory.invalid")) == (name, True)
    mail = f"{name}@everdesk.example"
    told = await scim.patch(f"Users/{user['id']}", {"op": "add", "path": "emails", "value": [{"value": mail}]})
    assert [one["value"] for one in told["emails"]] == [mail]
    assert (await (await desk.agent("ada")).get(f"/v1/agents/{user['id']}"))["email"] == mail


async def test_all_resources_are_searched_at_once_and_the_rest_is_refused(scim: Scim) -> None:
    user = await scim.user()
    group = await scim.send("POST", "Groups", {"displayName": f"g-{new_id().hex}"}, 201)
    either = f'id eq "{user["id"]}" or id eq "{group["id"]}"'
    found = await scim.send("POST", ".search", {"filter": either})
    assert [one["id"] for one in found["Resources"]] == [user["id"], group["id"]]
    last = await scim.send("POST", ".search", {"filter": either, "startIndex": 2, "count": 5})
    assert ([one["id"] for one in last["Resources"]], last["totalResults"]) == ([group["id"]], 2)
    await scim.send("DELETE", "Schemas", expect=405)
    await scim.send("GET", "Elsewhere", expect=404)


async def test_versions_guard_against_lost_changes(scim: Scim) -> None:
    user = await scim.user()
    path, stale = f"Users/{user['id']}", {"If-Match": user["meta"]["version"]}
    await scim.patch(path, {"op": "add", "path": "title", "value": "One"})
    await scim.send("PUT", path, new_user(), 412, headers=stale)
    await scim.send("DELETE", path, expect=412, headers=stale)
    now = await scim.send("GET", path)
    same = await scim.api.send("GET", f"/scim/v2/{path}", headers={"If-None-Match": now["meta"]["version"]})
    assert (same.status_code, same.headers["etag"]) == (304, now["meta"]["version"])
    await scim.send("PUT", path, new_user(), 200, headers={"If-Match": now["meta"]["version"]})


async def test_deactivation_ends_sessions_at_once_and_gives_tickets_back(desk: Desk, scim: Scim) -> None:
    ticket, leaver = await desk.ticket("online-banking"), await make(desk, "teams", ["ticket.view", "ticket.claim"])
    await (await desk.agent("ada")).post(f"/v1/tickets/{ticket['id']}/assign", {"agent_id": leaver.id})
    await scim.patch(f"Users/{leaver.id}", {"op": "Replace", "path": "active", "value": "False"})
    await leaver.api.get("/v1/me", expect=401)
    await desk.seen(ticket["id"], assignee=None)


async def mapped(desk: Desk, *rows: tuple[str, str, str]) -> None:
    """Says which group stands for which role in which team."""
    body = [{"group": group, "team_id": str(team_id(team)), "role_id": role} for group, team, role in rows]
    answer = await (await desk.agent("ada")).send("PUT", "/v1/group-roles", json={"group_roles": body})
    assert answer.status_code == 200, answer.text


@pytest.fixture
async def no_groups(desk: Desk) -> Any:
    yield None
    async with desk.database.begin() as session:
        await session.execute(delete(GroupRole))


def role_id(name: str) -> str:
    return str(id_of("role", name))


async def roles_of(desk: Desk, user: Json) -> dict[str, str]:
    agent = await (await desk.agent("ada")).get(f"/v1/agents/{user['id']}")
    return {one["team"]: one["role"] for one in agent["memberships"]}


async def test_groups_stand_for_roles_in_teams(desk: Desk, scim: Scim, no_groups: None) -> None:
    word = new_id().hex[-8:]
    readers, workers = f"Readers {word}", f"object-id-{word}"
    await mapped(
        desk,
        (workers, "online-banking", role_id("Limited")),
        (readers.upper(), "online-banking", role_id("View only")),
        (readers, "access-management", role_id("View only")),
    )
    user, other = await scim.user(), await scim.user()
    group = await scim.send(
        "POST", "Groups", {"displayName": readers, "members": [{"value": user["id"]}, {"value": other["id"]}]}, 201
    )
    assert await roles_of(desk, user) == {"online-banking": "View only", "access-management": "View only"}
    named = {"displayName": f"Workers {word}", "externalId": workers, "members": [{"value": user["id"]}]}
    work = await scim.send("POST", "Groups", named, 201)
    assert await roles_of(desk, user) == {"online-banking": "Limited", "access-management": "View only"}
    seen = await scim.send("GET", f"Users/{user['id']}")
    assert {one["display"] for one in seen["groups"]} == {readers, named["displayName"]}
    await scim.patch(f"Groups/{group['id']}", {"op": "Remove", "path": "members", "value": [{"value": user["id"]}]})
    assert await roles_of(desk, user) == {"online-banking": "Limited"}
    assert await roles_of(desk, other) == {"online-banking": "View only", "access-management": "View only"}
    await scim.send("DELETE", f"Groups/{work['id']}", expect=204)
    assert await roles_of(desk, user) == {}
    await mapped(desk, (readers, "access-management", role_id("Limited")))
    assert await roles_of(desk, other) == {"online-banking": "View only", "access-management": "Limited"}
    listed = await scim.send("GET", "Groups", params={"excludedAttributes": "members", "count": "200"})
    assert "members" not in next(one for one in listed["Resources"] if one["id"] == group["id"])
    found = await scim.find(f'displayName eq "{readers.lower()}" and members[value eq "{other["id"]}"]', "Groups")
    assert [one["id"] for one in found] == [group["id"]]


async def test_a_directory_gives_no_more_than_its_tokens_owner_has(desk: Desk, scim: Scim, no_groups: None) -> None:
    word = new_id().hex[-8:]
    await mapped(desk, (f"Lords {word}", "online-banking", role_id("All access")))
    owner = await make(desk, "teams", ["admin.agents", "ticket.view"])
    weak = Scim(program(desk, await made(desk, ["admin.agents"], owner.api)))
    user = await weak.user()
    refused = await weak.send(
        "POST", "Groups", {"displayName": f"Lords {word}", "members": [{"value": user["id"]}]}, 403
    )
    assert "do not have yourself" in refused["detail"]
    assert await weak.find(f'displayName eq "Lords {word}"', "Groups") == []
    group = await weak.send("POST", "Groups", {"displayName": f"Other {word}", "members": [{"value": user["id"]}]}, 201)
    await weak.patch(
        f"Groups/{group['id']}", {"op": "replace", "path": "displayName", "value": f"Lords {word}"}, expect=403
    )
    await weak.patch(
        f"Users/{agent_id('bruno')}",
        {"op": "replace", "path": "emails", "value": [{"value": "x@y.example"}]},
        expect=403,
    )
    assert await roles_of(desk, user) == {}
    lords = {"group": f"Lords {word}", "team_id": str(team_id("online-banking")), "role_id": role_id("All access")}
    answer = await owner.api.send("PUT", "/v1/group-roles", json={"group_roles": [lords]})
    assert answer.status_code == 200, "what is mapped already may stay"
    wider = [{**lords, "team_id": str(team_id("access-management"))}]
    assert (await owner.api.send("PUT", "/v1/group-roles", json={"group_roles": wider})).status_code == 403


async def test_the_last_administrator_stays(desk: Desk, scim: Scim) -> None:
    for name in ("ada", "bruno"):
        assert (await scim.find(f'id eq "{agent_id(name)}"'))[0]["active"] is True
    logged = (await (await desk.agent("ada")).get("/v1/audit-log", kind="directory-user"))["items"]
    assert logged[0]["actor_id"].startswith("program:")


async def test_what_is_wrong_with_a_request_is_told_in_scims_words(desk: Desk, scim: Scim) -> None:
    assert (await scim.send("POST", "Users", {"schemas": [USER]}, 400))["scimType"] == "invalidValue"
    assert (await scim.send("POST", "Groups", {"displayName": "x", "members": [{"value": str(new_id())}]}, 400))[
        "scimType"
    ] == "invalidValue"
    await scim.send("GET", f"Users/{new_id()}", expect=404)
    await scim.send("GET", "Users/not-an-id", expect=404)
    broken = await scim.api.send("POST", "/scim/v2/Users", content=b"{", headers={"Content-Type": "application/json"})
    assert (broken.status_code, broken.json()["scimType"]) == (400, "invalidSyntax")
    nobody = await desk.http.get("/scim/v2/Users")
    assert (nobody.status_code, nobody.headers["content-type"]) == (401, "application/scim+json")
    reader = Scim(program(desk, await made(desk, ["ticket.view"])))
    await reader.send("GET", "Users", expect=403)


async def test_a_directory_is_told_what_there_is(scim: Scim) -> None:
    said = await scim.send("GET", "ServiceProviderConfig")
    assert (said["patch"], said["bulk"]["supported"], said["etag"]) == ({"supported": True}, False, {"supported": True})
    kinds = await scim.send("GET", "ResourceTypes")
    assert {one["endpoint"] for one in kinds["Resources"]} == {"/Users", "/Groups"}
    schemas = await scim.send("GET", "Schemas")
    assert {one["id"] for one in schemas["Resources"]} == {USER, GROUP, ENTERPRISE}
    user = await scim.send("GET", f"Schemas/{USER}")
    names = {one["name"]: one for one in user["attributes"]}
    assert (names["userName"]["required"], names["groups"]["mutability"]) == (True, "readOnly")
    await scim.send("GET", "ResourceTypes/User")
    await scim.send("GET", "Schemas/none", expect=404)
    assert UUID(new_id().hex)
