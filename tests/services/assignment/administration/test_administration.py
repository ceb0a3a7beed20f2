"""What administrators set: versions, clashes, and promises that could not be kept."""

import asyncio
from contextlib import suppress

from sqlalchemy import update

from services.assignment.commands.people.announcements import announce_anew
from services.assignment.models import Agent, Team
from shared.contracts.events import AgentChanged, Envelope, TeamChanged
from shared.contracts.names import STREAM
from shared.kit.clock import new_id
from tests.services.assignment.desk import AgentApi, Desk, Json, agent_id, team_id
from tests.support.eventually import eventually

WEEK = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}


async def test_a_changed_calendar_is_a_new_version(desk: Desk) -> None:
    ada, slug = await desk.agent("ada"), f"c-{new_id().hex[-8:]}"
    body = {"slug": slug, "name": "Hours", "timezone": "Europe/Berlin", "weekly": WEEK, "holiday_country": "DE-BY"}
    made = await ada.post("/v1/calendars", body, expect=201)
    assert made["version"] == 1
    changed = await ada.patch(f"/v1/calendars/{slug}", {"timezone": "UTC", "holiday_country": None})
    assert (changed["version"], changed["timezone"], changed["weekly"]["mon"]) == (2, "UTC", [["09:00", "17:00"]])
    assert (await ada.post("/v1/calendars", body, expect=409))["code"] == "already_exists"
    refused: tuple[Json, ...] = (
        {"timezone": "Europe/Atlantis"},
        {"holiday_country": "XX"},
        {"weekly": {}},
        {"weekly": {"mon": [["25:00", "26:00"]]}},
        {"name": None},
    )
    for wrong in refused:
        await ada.patch(f"/v1/calendars/{slug}", wrong, expect=422)
    assert (await ada.get(f"/v1/calendars/{slug}"))["version"] == 2
    past = {"slug": f"{slug}x", "name": "Past", "timezone": "UTC", "weekly": {}}
    once = [{"date": "2001-01-01", "hours": [["09:00", "10:00"]]}]
    await ada.post("/v1/calendars", past | {"special_days": once}, expect=422)


async def test_a_changed_policy_is_a_new_version_and_there_is_always_a_default(desk: Desk) -> None:
    ada = await desk.agent("ada")
    targets = {"normal": {"first_response": 60, "resolution": 600}}
    made = await ada.post("/v1/sla-policies", {"name": "Tight", "calendar": "always", "targets": targets}, expect=201)
    changed = await ada.patch(f"/v1/sla-policies/{made['id']}", {"auto_close_seconds": 3600})
    assert (changed["version"], changed["auto_close_seconds"], changed["name"]) == (2, 3600, "Tight")
    default = next(one for one in (await ada.get("/v1/sla-policies"))["items"] if one["is_default"])
    refused = await ada.patch(f"/v1/sla-policies/{default['id']}", {"is_default": False}, expect=409)
    assert refused["code"] == "default_needed"
    nowhere = {"metric": "resolution", "at_percent": 90, "do": "reassign", "to": "team:nowhere"}
    for wrong in ({"calendar": "nowhere"}, {"escalations": [nowhere]}, {"targets": {"normal": {"resolution": -1}}}):
        body = {"name": "Wrong", "calendar": "always", "targets": targets} | wrong
        await ada.post("/v1/sla-policies", body, expect=422)


async def test_routing_rules_decide_for_the_next_ticket(desk: Desk) -> None:
    ada = await desk.agent("ada")
    rule = {"position": 5, "topic": "general", "priority": "urgent", "team_id": str(team_id("access-management"))}
    made = await ada.post("/v1/routing-rules", rule | {"skills": ["cobol"]}, expect=201)
    try:
        ticket = await desk.ticket("general", priority="urgent")
        assert (ticket["team"]["slug"], ticket["assignee"]) == ("access-management", None)
        assert (await ada.post("/v1/routing-rules", rule, expect=409))["code"] == "already_exists"
        await ada.patch(f"/v1/routing-rules/{made['id']}", {"team_id": str(new_id())}, expect=422)
        assert (await ada.patch(f"/v1/routing-rules/{made['id']}", {"priority": None}))["version"] == 2
    finally:
        assert (await ada.send("DELETE", f"/v1/routing-rules/{made['id']}")).status_code == 204
    await ada.get(f"/v1/routing-rules/{made['id']}", expect=404)


async def test_agents_and_teams_clash_by_name_and_say_so(desk: Desk) -> None:
    ada = await desk.agent("ada")
    taken = {"email": "ADA@everdesk.example", "name": "Another Ada"}
    assert (await ada.post("/v1/agents", taken, expect=409))["code"] == "already_exists"
    assert (await ada.post("/v1/teams", {"slug": "online-banking", "name": "x"}, expect=409))[
        "code"
    ] == "already_exists"
    await ada.post("/v1/teams", {"slug": f"t-{new_id().hex[-8:]}", "name": "x", "lead_id": str(new_id())}, expect=422)
    twice = [{"team_id": str(team_id("online-banking")), "role_id": str(new_id())}] * 2
    await ada.patch(f"/v1/agents/{agent_id('dmitri')}", {"memberships": twice}, expect=422)
    await ada.patch(f"/v1/agents/{new_id()}", {"name": "Nobody"}, expect=404)


async def test_making_something_twice_with_one_key_makes_it_once(desk: Desk) -> None:
    ada, key, slug = await desk.agent("ada"), str(new_id()), f"t-{new_id().hex[-8:]}"
    first = await ada.post("/v1/teams", {"slug": slug, "name": "Once"}, expect=201, Idempotency_Key=key)
    again = await ada.post("/v1/teams", {"slug": slug, "name": "Once"}, expect=201, Idempotency_Key=key)
    assert first == again


async def test_a_team_is_announced_with_its_members_whenever_somebody_joins_or_leaves(desk: Desk) -> None:
    ada, slug = await desk.agent("ada"), f"t-{new_id().hex[-8:]}"
    team = await ada.post("/v1/teams", {"slug": slug, "name": "Night watch"})
    roles = {role["name"]: role["id"] for role in (await ada.get("/v1/roles"))["items"]}
    joins = {"memberships": [{"team_id": team["id"], "role_id": roles["Limited"]}]}
    assert await announced(desk, team["id"], 1) == []
    one = await ada.post("/v1/agents", {"email": f"{slug}@everdesk.example", "name": "Hedy"} | joins)
    assert await announced(desk, team["id"], 2) == [one["id"]]

    other_role = {"memberships": [{"team_id": team["id"], "role_id": roles["Expanded"]}]}
    await ada.patch(f"/v1/agents/{one['id']}", other_role)
    await ada.patch(f"/v1/teams/{team['id']}", {"name": "Night shift"})
    assert await announced(desk, team["id"], 3) == [one["id"]]

    await ada.patch(f"/v1/agents/{one['id']}", {"memberships": []})
    assert await announced(desk, team["id"], 4) == []


async def test_who_works_in_a_team_and_who_administers_agents_is_announced_with_every_change_of_a_role(
    desk: Desk,
) -> None:
    ada, name = await desk.agent("ada"), new_id().hex[-8:]
    team = await ada.post("/v1/teams", {"slug": f"t-{name}", "name": "Day watch"})
    roles = {role["name"]: role["id"] for role in (await ada.get("/v1/roles"))["items"]}
    permissions = ["ticket.view", "ticket.claim"]
    role = await ada.post("/v1/roles", {"name": f"R {name}", "scope": "teams", "permissions": permissions})
    joins = {"memberships": [{"team_id": team["id"], "role_id": roles["View only"]}]}
    one = await ada.post("/v1/agents", {"email": f"{name}@everdesk.example", "name": "Hedy"} | joins)
    path = f"/v1/agents/{one['id']}"

    async def is_announced(workers: list[str], *, administers: bool) -> None:
        async def found() -> None:
            stream = await desk.bus.jetstream()
            last = await stream.get_last_msg(STREAM, f"{TeamChanged.type()}.{team['id']}")
            told = TeamChanged.of(Envelope.model_validate_json(last.data or b""))
            last = await stream.get_last_msg(STREAM, f"{AgentChanged.type()}.{one['id']}")
            agent = AgentChanged.of(Envelope.model_validate_json(last.data or b""))
            assert ([str(worker) for worker in told.worker_ids or ()], agent.is_administrator) == (workers, administers)
            assert [str(member) for member in told.member_ids] == [one["id"]]

        await eventually(found)

    await is_announced([], administers=False)
    await ada.patch(path, {"memberships": [{"team_id": team["id"], "role_id": role["id"]}]})
    await is_announced([one["id"]], administers=False)
    await ada.patch(f"/v1/roles/{role['id']}", {"scope": "assigned"})
    await is_announced([], administers=False)
    changes = {"scope": "all", "permissions": [*permissions, "admin.agents"]}
    await ada.patch(f"/v1/roles/{role['id']}", changes)
    await is_announced([one["id"]], administers=True)
    await ada.patch(f"/v1/roles/{role['id']}", {"permissions": ["ticket.view", "ticket.reply"]})
    await is_announced([], administers=False)


async def test_after_an_upgrade_agents_and_teams_are_announced_anew_once(desk: Desk) -> None:
    bruno, banking = agent_id("bruno"), team_id("online-banking")
    database = desk.context.database
    async with database.begin() as session:
        await session.execute(update(Agent).where(Agent.id == bruno).values(announced_as=0))
        await session.execute(update(Team).where(Team.id == banking).values(announced_as=0))
        before = (await session.get_one(Agent, bruno)).version, (await session.get_one(Team, banking)).version
    for _ in range(2):
        with suppress(TimeoutError):
            await asyncio.wait_for(announce_anew(database), 1)
    async with database.begin() as session:
        after = (await session.get_one(Agent, bruno)).version, (await session.get_one(Team, banking)).version
    assert after == (before[0] + 1, before[1] + 1)


async def test_the_seeded_teams_are_announced_with_their_members(desk: Desk) -> None:
    seeded = {str(agent_id(name)) for name in ("chioma", "dmitri")}
    assert seeded <= set(await announced(desk, str(team_id("access-management"))))


async def announced(desk: Desk, team: str, version: int | None = None) -> list[str]:
    """The members of a team as last announced, in that version of it."""
    stream = await desk.bus.jetstream()

    async def members() -> tuple[list[str]]:
        message = await stream.get_last_msg(STREAM, f"{TeamChanged.type()}.{team}")
        event = TeamChanged.of(Envelope.model_validate_json(message.data or b""))
        assert version in (None, event.version)
        return ([str(member) for member in event.member_ids],)

    return (await eventually(members))[0]


async def test_a_patch_that_changes_nothing_makes_no_version(desk: Desk) -> None:
    ada = await desk.agent("ada")
    for listing, key, field in (
        ("agents", "id", "name"),
        ("teams", "id", "name"),
        ("roles", "id", "permissions"),
        ("calendars", "slug", "weekly"),
        ("sla-policies", "id", "targets"),
        ("routing-rules", "id", "position"),
    ):
        one = (await ada.get(f"/v1/{listing}"))["items"][0]
        path = f"/v1/{listing}/{one[key]}"
        for nothing in ({}, {field: one[field]}):
            assert (await ada.patch(path, nothing))["version"] == one["version"], (listing, nothing)
    agent = await ada.get(f"/v1/agents/{agent_id('dmitri')}")
    bare = [{name: one[name] for name in ("team_id", "role_id")} for one in agent["memberships"]]
    for memberships in (bare, agent["memberships"]):
        same = await ada.patch(f"/v1/agents/{agent['id']}", {"memberships": memberships})
        assert same == agent
    unknown = [one | {"colour": "red"} for one in bare]
    await ada.patch(f"/v1/agents/{agent['id']}", {"memberships": unknown}, expect=422)


def patched_fields(desk: Desk, template: str) -> set[str]:
    """What a PATCH of the API takes, by its own description."""
    spec = desk.app.openapi()
    body = spec["paths"][template]["patch"]["requestBody"]["content"]["application/json"]["schema"]
    name = str(body["$ref"]).rpartition("/")[2]
    return set(spec["components"]["schemas"][name]["properties"])


async def test_no_field_sent_as_it_is_makes_a_version_or_a_line_in_the_audit_log(desk: Desk) -> None:
    """Whatever has a version: each of its fields once more, alone and all together."""
    ada = await desk.agent("ada")
    name = f"same {new_id().hex[-8:]}"
    weekly = {"report": "sla", "frequency": "weekly", "weekday": 1, "at": "07:30", "time_zone": "Europe/Berlin"}
    daily = weekly | {"frequency": "daily", "weekday": None}
    for kind, body in (
        ("views/{view_id}", {"name": name, "filters": {"status": ["open"]}, "columns": ["status", "due"]}),
        ("saved-reports/{report_id}", {"name": name, "report": "activity", "parameters": {"days": 7}}),
        ("report-schedules/{schedule_id}", {"name": name, "recipients": [str(agent_id("ada"))], **weekly}),
        ("report-schedules/{schedule_id}", {"name": f"{name} 2", "recipients": [str(agent_id("ada"))], **daily}),
        (
            "organisations/{organisation_id}",
            {"name": name, "domains": [f"b.{name[5:]}.example", f"{name[5:]}.example"]},
        ),
        ("canned-responses/{response_id}", {"title": name, "body": "Hello."}),
        ("requesters/{requester_id}", {"name": name, "emails": [f"{name[5:]}@bank.example"]}),
        ("agents/{agent_id}", None),
        ("teams/{team_id}", None),
        ("roles/{role_id}", None),
        ("calendars/{slug}", None),
        ("sla-policies/{policy_id}", None),
        ("routing-rules/{rule_id}", None),
        ("single-sign-on", None),
    ):
        listing, _, key = kind.partition("/")
        path = f"/v1/{listing}"
        one = await one_of(ada, path, body) if key else await ada.get(path)
        path += f"/{one.get('id') or one['slug']}" if key else ""
        before = (await ada.get("/v1/audit"))["items"][:1]
        equal = {field: one[field] for field in patched_fields(desk, f"/v1/{kind}") if field in one}
        taken: Json = {}
        for nothing in ({}, *({field: value} for field, value in equal.items()), taken):
            answer = await ada.send("PATCH", path, json=nothing)
            assert answer.json()["version"] == one["version"], (path, nothing, answer.text)
            taken.update(nothing)
        assert len(taken) >= len(equal)
        assert (await ada.get("/v1/audit"))["items"][:1] == before, path
    fallback = next(one for one in (await ada.get("/v1/teams"))["items"] if one["is_fallback"])
    await ada.patch(f"/v1/teams/{fallback['id']}", {"is_fallback": False}, expect=422)
    same = await ada.patch(f"/v1/teams/{fallback['id']}", {"is_fallback": True})
    assert same == fallback


async def one_of(api: AgentApi, path: str, body: Json | None) -> Json:
    """A thing that is made, or else the first that there is."""
    return await api.post(path, body, expect=201) if body else dict((await api.get(path))["items"][0])
