"""Service tokens: programs act with a part of their owner's rights, and are told apart from people everywhere."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from services.assignment.models import ServiceToken
from services.assignment.web.page_base import SESSION_COOKIE
from shared.contracts.vocabulary import Permission
from shared.kit.auth import digest_of
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import AgentApi, Desk, Json, agent_id
from tests.services.assignment.permissions.test_permissions import make
from tests.support.eventually import eventually

WORK = ["ticket.view", "ticket.assign", "ticket.claim", "ticket.reply", "ticket.note", "ticket.edit", "ticket.tag"]


async def made(desk: Desk, permissions: list[str], by: AgentApi | None = None, **more: Any) -> Json:
    """A new token, as its maker is shown it."""
    maker = by or await desk.agent("ada")
    body = {"name": f"Program {new_id().hex[-8:]}", "permissions": permissions, **more}
    return await maker.post("/v1/service-tokens", body, expect=201)


def program(desk: Desk, token: Json) -> AgentApi:
    return AgentApi(desk.http, token["token"])


async def test_a_token_is_shown_once_and_stored_as_a_digest(desk: Desk) -> None:
    ada, key = await desk.agent("ada"), {"Idempotency_Key": new_id().hex}
    body = {"name": "Monitoring bridge", "permissions": ["ticket.view"]}
    first = await ada.post("/v1/service-tokens", body, expect=201, **key)
    again = await ada.post("/v1/service-tokens", body, expect=201, **key)
    assert first["token"].startswith(f"{first['prefix']}_")
    assert first["prefix"].startswith("hds_")
    assert (again["id"], again["token"]) == (first["id"], None)
    listed = (await ada.get("/v1/service-tokens"))["items"]
    one = next(item for item in listed if item["id"] == first["id"])
    assert "token" not in one
    assert (one["state"], one["last_used_at"], one["owner_name"]) == ("active", None, "Ada Lindqvist")
    async with desk.database.begin() as session:
        stored = await session.get_one(ServiceToken, UUID(first["id"]))
    assert stored.digest == digest_of(first["token"].removeprefix(f"{first['prefix']}_"))


async def test_a_program_works_on_tickets_and_is_named_as_one(desk: Desk) -> None:
    ticket, token = await desk.ticket("online-banking"), await made(desk, WORK)
    bridge, path = program(desk, token), f"/v1/tickets/{ticket['id']}"
    assert (await bridge.get("/v1/tickets"))["items"]
    await bridge.post(f"{path}/assign", {"agent_id": str(agent_id("bruno"))})
    await bridge.post(f"{path}/notes", {"body": "Restarted the gateway."})
    await bridge.post(f"{path}/prioritise", {"priority": "high", "comment": "Alarm 17"})
    answered = await bridge.post(f"{path}/replies", {"body": "We are looking into it."})
    first = next(clock for clock in answered["sla"]["clocks"] if clock["metric"] == "first_response")
    assert first["outcome"] is None, "a program's answer is no person's first response"
    entries = (await bridge.get(f"{path}/messages"))["items"]
    written = [one for one in entries if one["author"]["id"] == token["id"]]
    assert {one["author"]["kind"] for one in written} == {"program"}
    assert {one["author"]["name"] for one in written} == {token["name"]}
    assert len(written) == 3

    async def acted() -> None:
        lines = (await bridge.get(f"{path}/timeline"))["items"]
        actors = {line["type"]: line["actor"] for line in lines}
        for kind in ("ticket.assigned", "ticket.prioritised", "ticket.message_recorded"):
            assert actors[kind] == {"kind": "program", "id": token["id"], "name": token["name"]}

    await eventually(acted)
    used = await (await desk.agent("ada")).get(f"/v1/service-tokens/{token['id']}")
    assert used["last_used_at"] is not None
    bruno = await desk.agent("bruno")
    after = await bruno.post(f"{path}/replies", {"body": "Fixed."})
    first = next(clock for clock in after["sla"]["clocks"] if clock["metric"] == "first_response")
    assert first["outcome"] == "met"


async def test_a_program_may_what_its_token_says_and_no_more(desk: Desk) -> None:
    ticket = await desk.some_ticket()
    reader = program(desk, await made(desk, ["ticket.view"]))
    await reader.get(f"/v1/tickets/{ticket['id']}")
    await reader.post(f"/v1/tickets/{ticket['id']}/notes", {"body": "No"}, expect=403)
    await reader.get("/v1/roles", expect=403)
    me = await reader.get("/v1/me")
    assert (me["agent"], me["permissions"]) == (None, ["ticket.view"])
    assert me["program"]["permissions"] == ["ticket.view"]


async def test_nobody_gives_a_token_more_than_they_have(desk: Desk) -> None:
    limited = (await make(desk, "teams", ["admin.agents", "ticket.view"])).api
    refused = await limited.post(
        "/v1/service-tokens", {"name": "Too much", "permissions": ["ticket.view", "ticket.reply"]}, expect=403
    )
    assert refused["code"] == "exceeds_own_rights"
    token = await made(desk, ["ticket.view"], limited)
    mine, other = await desk.ticket("online-banking"), await desk.ticket("access")
    await program(desk, token).get(f"/v1/tickets/{mine['id']}")
    await program(desk, token).get(f"/v1/tickets/{other['id']}", expect=404)
    powerful = await made(desk, ["ticket.reply"])
    await limited.post(f"/v1/service-tokens/{powerful['id']}/take-over", expect=403)


async def test_a_token_loses_what_its_owner_loses(desk: Desk) -> None:
    ada, owner = await desk.agent("ada"), await make(desk, "all", ["admin.agents", "ticket.view"])
    token = await made(desk, ["ticket.view"], owner.api)
    bridge = program(desk, token)
    await bridge.get("/v1/tickets")
    role = (await ada.get(f"/v1/agents/{owner.id}"))["memberships"][0]["role_id"]
    await ada.patch(f"/v1/roles/{role}", {"permissions": ["admin.agents"]})
    assert (await bridge.get("/v1/tickets"))["items"] == []
    await ada.patch(f"/v1/roles/{role}", {"permissions": ["admin.agents", "ticket.view"]})
    await ada.patch(f"/v1/agents/{owner.id}", {"is_active": False})
    await bridge.get("/v1/me", expect=401)
    path = f"/v1/service-tokens/{token['id']}"
    assert (await ada.get(path))["state"] == "owner_inactive"
    await ada.post(f"{path}/take-over")
    await bridge.get("/v1/tickets")


async def test_a_token_ends_by_revocation_and_by_time(desk: Desk) -> None:
    ada = await desk.agent("ada")
    token = await made(desk, ["ticket.view"])
    await program(desk, token).get("/v1/me")
    revoked = await ada.send("DELETE", f"/v1/service-tokens/{token['id']}")
    assert revoked.json()["state"] == "revoked"
    await program(desk, token).get("/v1/me", expect=401)
    await ada.post(f"/v1/service-tokens/{token['id']}/take-over", expect=409)
    short = await made(desk, ["ticket.view"], expires_at=(utc_now() + timedelta(hours=1)).isoformat())
    await program(desk, short).get("/v1/me")
    async with desk.database.begin() as session:
        (await session.get_one(ServiceToken, UUID(short["id"]))).expires_at = utc_now()
    await program(desk, short).get("/v1/me", expect=401)
    past = {"name": "Past", "permissions": ["ticket.view"], "expires_at": "2020-01-01T00:00:00Z"}
    await ada.post("/v1/service-tokens", past, expect=422)


async def test_a_token_is_good_for_its_networks_only(desk: Desk) -> None:
    elsewhere = await made(desk, ["ticket.view"], cidrs=["198.51.100.0/24"])
    refused = await program(desk, elsewhere).get("/v1/me", expect=403)
    assert refused["code"] == "address_refused"
    here = await made(desk, ["ticket.view"], cidrs=["127.0.0.0/8"])
    await program(desk, here).get("/v1/me")
    ada = await desk.agent("ada")
    await ada.post("/v1/service-tokens", {"name": "x", "permissions": ["ticket.view"], "cidrs": ["nowhere"]}, 422)


async def test_a_program_does_nothing_that_is_for_people(desk: Desk) -> None:
    ticket = await desk.ticket("online-banking")
    admin = program(desk, await made(desk, ["admin.agents", "ticket.view", "ticket.claim"]))
    claimed = await admin.post(f"/v1/tickets/{ticket['id']}/claim", expect=409)
    assert claimed["code"] == "not_a_person"
    await admin.post("/v1/service-tokens", {"name": "Child", "permissions": ["ticket.view"]}, expect=403)
    await admin.patch(f"/v1/agents/{agent_id('vera')}", {"password": "plum-orbit-lantern-42"}, expect=409)
    new = {"email": f"{new_id().hex}@everdesk.example", "name": "New", "password": "plum-orbit-lantern-42"}
    await admin.post("/v1/agents", new, expect=409)


async def test_what_a_program_changes_is_logged_as_the_programs(desk: Desk) -> None:
    ada, token = await desk.agent("ada"), await made(desk, ["admin.sla", "admin.teams", "admin.routing"])
    bridge, slug = program(desk, token), f"hours-{new_id().hex[-8:]}"
    week = {"slug": slug, "name": "Hours", "timezone": "UTC", "weekly": {"mon": [["09:00", "17:00"]]}}
    await bridge.post("/v1/calendars", week, expect=201)
    policy = {"name": slug, "calendar": slug, "targets": {"urgent": {"first_response": 900}}}
    made_policy = await bridge.post("/v1/sla-policies", policy, expect=201)
    await bridge.patch(f"/v1/sla-policies/{made_policy['id']}", {"name": f"{slug} two"})
    logged = (await ada.get("/v1/audit-log", actor=f"program:{token['id']}"))["items"]
    assert [one["action"] for one in logged] == ["sla-policy.changed", "sla-policy.added", "calendar.added"]
    assert {one["actor_name"] for one in logged} == {token["name"]}
    about = (await ada.get("/v1/audit-log", kind="service-token", subject=token["id"]))["items"]
    assert [one["action"] for one in about] == ["service-token.added"]
    assert token["token"] not in str(about)


async def test_a_token_has_a_budget_of_its_own_and_wrong_ones_are_counted_by_network(desk: Desk) -> None:
    token = await made(desk, ["ticket.view"])
    answer = await program(desk, token).send("GET", "/v1/me")
    assert '"service-token"' in answer.headers["ratelimit-policy"]
    wrong = AgentApi(desk.http, f"{token['prefix']}_{'A' * 43}")
    statuses = {(await wrong.send("GET", "/v1/me")).status_code for _ in range(70)}
    assert statuses == {401, 429}
    assert (await program(desk, token).send("GET", "/v1/me")).status_code == 200, "others are not kept out"
    async with desk.database.begin() as session:
        known = (await session.scalars(select(ServiceToken.key_id))).all()
    assert len(known) == len(set(known))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/views", {"name": "Mine", "filters": {}}),
        ("PUT", "/v1/tickets/{ticket}/draft", {"body": "Dear"}),
        ("PUT", "/v1/tickets/{ticket}/presence", {"is_typing": True}),
        ("POST", "/v1/tickets/{ticket}/presence", {}),
        ("POST", "/v1/tickets/{ticket}/followers", {}),
        ("POST", "/v1/exports", {}),
        ("POST", "/v1/bulk", {"action": "tags", "body": {"add": ["one"]}, "ticket_ids": ["{ticket}"]}),
        ("PATCH", "/v1/tickets/{ticket}", {"subject": "Another"}),
        ("GET", "/v1/tickets/{ticket}/draft", None),
        ("GET", "/v1/views", None),
        ("GET", "/v1/settings", None),
        ("GET", "/v1/sessions", None),
        ("GET", "/v1/bulk", None),
    ],
)
async def test_nothing_that_is_kept_for_agents_breaks_under_a_program(
    desk: Desk, method: str, path: str, body: Json | None
) -> None:
    ticket = await desk.some_ticket()
    everything = program(desk, await made(desk, sorted(one.value for one in Permission)))
    sent = json.loads(json.dumps(body).replace("{ticket}", ticket["id"]))
    answer = await everything.send(method, path.replace("{ticket}", ticket["id"]), json=sent)
    assert answer.status_code < 500, answer.text


async def test_the_pages_make_show_and_revoke_a_token(desk: Desk) -> None:
    ada, name = await desk.agent("ada"), f"Bridge {new_id().hex[-8:]}"
    session = f"{SESSION_COOKIE}={ada.token}"
    desk.http.cookies.clear()
    opened = await desk.http.get("/admin/service-tokens/new", headers={"Cookie": session})
    csrf = opened.cookies["everdesk_csrf"]
    desk.http.cookies.clear()
    cookies = {"Cookie": f"{session}; everdesk_csrf={csrf}"}
    form: dict[str, Any] = {"csrf_token": csrf, "form_id": new_id().hex, "name": name, "expires_at": "soon"}
    refused = await desk.http.post("/admin/service-tokens/new", data=form, headers=cookies)
    assert (refused.status_code, "Write a day such as" in refused.text, name in refused.text) == (422, True, True)
    form |= {"expires_at": "2099-12-31", "cidrs": "127.0.0.0/8", "permissions": ["ticket.view"]}
    shown = await desk.http.post("/admin/service-tokens/new", data=form, headers=cookies)
    again = await desk.http.post("/admin/service-tokens/new", data=form, headers=cookies)
    token = shown.text.partition("<code>")[2].partition("</code>")[0]
    assert (await AgentApi(desk.http, token).send("GET", "/v1/me")).status_code == 200
    assert token not in again.text
    listed = next(one for one in (await ada.get("/v1/service-tokens"))["items"] if one["name"] == name)
    assert listed["expires_at"].startswith("2099-12-31T23:59:59")
    place = f"/admin/service-tokens/{listed['id']}"
    assert (await desk.http.get(place, headers={"Cookie": session})).status_code == 200
    done = await desk.http.post(f"{place}/revoke", data={"csrf_token": csrf}, headers=cookies)
    assert done.status_code == 303
    assert (await AgentApi(desk.http, token).send("GET", "/v1/me")).status_code in {401, 429}
    desk.http.cookies.clear()
