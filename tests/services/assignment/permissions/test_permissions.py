"""Every route, role and scope as a table: what is not there answers 404, what is not allowed 403."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from shared.kit.clock import new_id
from tests.services.assignment.desk import AgentApi, Desk, Json, team_id

SOME_TEAM, NOTHING = str(team_id("access-management")), str(new_id())
ACTIONS: dict[str, tuple[str, Json]] = {
    "claim": ("ticket.claim", {}),
    "assign": ("ticket.assign", {"agent_id": NOTHING}),
    "release": ("ticket.release", {}),
    "transfer": ("ticket.transfer", {"team_id": NOTHING}),
    "triage": ("ticket.edit", {"team_id": NOTHING}),
    "prioritise": ("ticket.edit", {"priority": "high"}),
    "set-due": ("ticket.edit", {"due_at": "2020-01-01T00:00:00Z"}),
    "change-policy": ("ticket.edit", {"policy_id": NOTHING}),
    "pend": ("ticket.edit", {}),
    "hold": ("ticket.edit", {"reason": "vendor"}),
    "resume": ("ticket.edit", {}),
    "resolve": ("ticket.resolve", {}),
    "reopen": ("ticket.reopen", {}),
    "close": ("ticket.close", {"reason": "resolved"}),
    "replies": ("ticket.reply", {"body": "Hello"}),
    "notes": ("ticket.note", {"body": "Hello"}),
    "merge": ("ticket.merge", {"into": "no-such-ticket"}),
    "unmerge": ("ticket.merge", {}),
    "split": ("ticket.merge", {"message_id": NOTHING}),
    "tags": ("ticket.tag", {"add": ["one"]}),
}
ADMIN_READS = {
    "/v1/agents": "",
    "/v1/teams": "",
    "/v1/sla-policies": "",
    "/v1/roles": "admin.agents",
    "/v1/calendars": "admin.sla",
    "/v1/routing-rules": "admin.routing",
    "/v1/reports/sla": "report.view",
}
ADMIN_WRITES = {
    "/v1/agents": "admin.agents",
    "/v1/roles": "admin.agents",
    "/v1/teams": "admin.teams",
    "/v1/sla-policies": "admin.sla",
    "/v1/calendars": "admin.sla",
    "/v1/routing-rules": "admin.routing",
}
STALE = {"If-Match": '"999999"'}
"""Lets nothing take effect: whoever is allowed is told the ticket has changed."""


@dataclass
class Someone:
    """An agent made for this table: one role, one scope, in online-banking."""

    api: AgentApi
    id: str


async def make(desk: Desk, scope: str, permissions: list[str], team: str | UUID = "online-banking") -> Someone:
    """A role and an agent who has it."""
    ada, name = await desk.agent("ada"), f"t-{new_id().hex[-12:]}"
    role = await ada.post("/v1/roles", {"name": name, "scope": scope, "permissions": permissions})
    email = f"{name}@everdesk.example"
    membership = {"team_id": str(team if isinstance(team, UUID) else team_id(team)), "role_id": role["id"]}
    body = {"email": email, "name": name, "is_available": False, "memberships": [membership]}
    agent = await ada.post("/v1/agents", body)
    return Someone(await desk.session_of(UUID(agent["id"])), agent["id"])


async def test_a_view_only_role_reads_and_changes_nothing(desk: Desk) -> None:
    ticket = await desk.some_ticket()
    vera, path = await desk.agent("vera"), f"/v1/tickets/{ticket['id']}"
    seen = await vera.get(path)
    assert seen["allowed_actions"] == []
    for read in ("", "/messages", "/timeline"):
        await vera.get(path + read)
    for action, (_, body) in ACTIONS.items():
        refused = await vera.post(f"{path}/{action}", body, expect=403)
        assert refused["code"] == "not_permitted"
    assert await vera.get(path) == seen
    assert (await vera.get("/v1/reports/sla"))["items"] is not None


@pytest.mark.parametrize("action", ACTIONS)
async def test_each_action_asks_for_its_own_permission(desk: Desk, action: str) -> None:
    permission, body = ACTIONS[action]
    allowed = await make(desk, "teams", ["ticket.view", permission])
    every_other = sorted({other for other, _ in ACTIONS.values()} - {permission})
    others = await make(desk, "teams", ["ticket.view", *every_other])
    path = f"/v1/tickets/{(await desk.some_ticket())['id']}"
    assert (await others.api.send("POST", f"{path}/{action}", json=body)).status_code == 403
    answer = await allowed.api.send("POST", f"{path}/{action}", json=body, headers=STALE)
    assert answer.status_code in (409, 412, 422), answer.text


@pytest.mark.parametrize(
    ("scope", "topic", "is_own", "status"),
    [
        ("all", "online-banking", False, 200),
        ("all", "access", False, 200),
        ("teams", "online-banking", False, 200),
        ("teams", "access", False, 404),
        ("assigned", "online-banking", True, 200),
        ("assigned", "online-banking", False, 404),
        ("assigned", "access", False, 404),
    ],
)
async def test_a_scope_decides_which_tickets_exist_for_an_agent(
    desk: Desk, scope: str, topic: str, is_own: bool, status: int
) -> None:
    someone = await make(desk, scope, ["ticket.view", "ticket.claim", "ticket.note"])
    ticket = await desk.ticket(topic)
    if is_own:
        ada = await desk.agent("ada")
        await ada.post(f"/v1/tickets/{ticket['id']}/assign", {"agent_id": someone.id})
    for reference in (ticket["id"], ticket["number"]):
        path = f"/v1/tickets/{reference}"
        for read in ("", "/messages", "/timeline"):
            assert (await someone.api.send("GET", path + read)).status_code == status
        noted = await someone.api.send("POST", f"{path}/notes", json={"body": "Mine"})
        assert noted.status_code == (201 if status == 200 else 404)
    listed = [item["id"] for item in (await someone.api.get("/v1/tickets", view="all", limit=200))["items"]]
    assert (ticket["id"] in listed) is (status == 200)


@pytest.mark.parametrize("path", ADMIN_READS)
async def test_lists_for_administrators_ask_for_their_permission(desk: Desk, path: str) -> None:
    needed = ADMIN_READS[path]
    nobody = await make(desk, "all", ["ticket.view"])
    assert (await nobody.api.send("GET", path)).status_code == (403 if needed else 200)
    if needed:
        somebody = await make(desk, "teams", [needed])
        await somebody.api.get(path)


@pytest.mark.parametrize("path", ADMIN_WRITES)
async def test_administration_asks_for_its_permission(desk: Desk, path: str) -> None:
    every_admin = ["admin.agents", "admin.teams", "admin.sla", "admin.routing", "admin.canned"]
    others = await make(desk, "all", ["ticket.view", *(one for one in every_admin if one != ADMIN_WRITES[path])])
    bodies: dict[str, Any] = {
        "/v1/agents": {"email": f"{new_id().hex}@everdesk.example", "name": "New"},
        "/v1/roles": {"name": new_id().hex, "scope": "all", "permissions": []},
        "/v1/teams": {"slug": f"t-{new_id().hex[-8:]}", "name": "New"},
        "/v1/sla-policies": {"name": "New", "calendar": "always", "targets": {"normal": {"resolution": 60}}},
        "/v1/calendars": {
            "slug": f"c-{new_id().hex[-8:]}",
            "name": "New",
            "timezone": "UTC",
            "weekly": {"mon": [["09:00", "10:00"]]},
        },
        "/v1/routing-rules": {"position": new_id().int % 900_000 + 1000, "topic": "never", "team_id": SOME_TEAM},
    }
    assert (await others.api.send("POST", path, json=bodies[path])).status_code == 403
    allowed = await make(desk, "assigned", [ADMIN_WRITES[path]])
    await allowed.api.post(path, bodies[path], expect=201)


async def test_nobody_comes_in_without_a_working_token(desk: Desk) -> None:
    ticket = await desk.some_ticket()
    for path in ("/v1/me", "/v1/tickets", f"/v1/tickets/{ticket['id']}", "/v1/agents", "/v1/reports/sla"):
        for token in ("", "nonsense", "x" * 500):
            answer = await AgentApi(desk.http, token).send("GET", path)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"


DEACTIVATIONS = {"agents": "admin.agents", "teams": "admin.teams", "sla-policies": "admin.sla"}


@pytest.mark.parametrize("kind", DEACTIVATIONS)
async def test_what_switching_off_would_do_is_shown_to_who_may_do_it_only(desk: Desk, kind: str) -> None:
    ada, needed = await desk.agent("ada"), DEACTIVATIONS[kind]
    one = (await ada.get(f"/v1/{kind}"))["items"][0]["id"]
    paths = [f"/v1/{kind}/{one_id}/deactivation" for one_id in (one, NOTHING)]
    others = sorted({"ticket.view", "ticket.assign", "report.view", *ADMIN_WRITES.values()} - {needed})
    allowed = (await make(desk, "assigned", [needed])).api
    assert [(await allowed.send("GET", path)).status_code for path in paths] == [200, 404]
    refused = [
        (await make(desk, "all", others)).api,
        *[await desk.agent(name) for name in ("vera", "chioma", "dmitri")],
    ]
    for who in refused:
        for path in paths:
            answer = await who.send("GET", path)
            assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted"), path
    for path in paths:
        assert (await desk.http.get(path)).status_code == 401
