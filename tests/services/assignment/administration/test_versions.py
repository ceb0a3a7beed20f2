"""No version is ever lost, everyone sees who made which, and a mistake is undone by one request."""

from typing import Any

from shared.kit.clock import new_id
from tests.services.assignment.desk import AgentApi, Desk, Json, agent_id

WEEK = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
TARGETS = {"normal": {"first_response": 60, "resolution": 600}}


async def new_calendar(ada: AgentApi, **changes: Any) -> str:
    """A calendar of its own for each test."""
    slug = f"c-{new_id().hex[-8:]}"
    body = {"slug": slug, "name": "Hours", "timezone": "Europe/Berlin", "weekly": WEEK}
    await ada.post("/v1/calendars", body | changes, expect=201)
    return slug


async def new_policy(ada: AgentApi, **changes: Any) -> Json:
    """A policy of its own for each test."""
    body = {"name": "Tight", "calendar": "always", "targets": TARGETS}
    return await ada.post("/v1/sla-policies", body | changes, expect=201)


async def test_a_calendars_versions_are_listed_newest_first_with_their_makers(desk: Desk) -> None:
    ada = await desk.agent("ada")
    slug = await new_calendar(ada)
    for name in ("Second", "Third"):
        await ada.patch(f"/v1/calendars/{slug}", {"name": name})
    path = f"/v1/calendars/{slug}/versions"
    first = await ada.get(path, limit=2)
    assert [(one["version"], one["name"], one["is_current"]) for one in first["items"]] == [
        (3, "Third", True),
        (2, "Second", False),
    ]
    assert first["items"][0]["created_by"] == str(agent_id("ada"))
    assert first["items"][0]["body"]["weekly"]["mon"] == [["09:00", "17:00"]]
    last = await ada.get(path, limit=2, cursor=first["next_cursor"])
    assert ([one["version"] for one in last["items"]], last["next_cursor"]) == ([1], None)
    assert (await ada.get(f"{path}/1"))["name"] == "Hours"
    seeded = (await ada.get("/v1/calendars/always/versions"))["items"][-1]
    assert (seeded["version"], seeded["created_by"]) == (1, None)


async def test_restoring_a_calendar_undoes_a_mistake_and_keeps_it_in_the_history(desk: Desk) -> None:
    ada = await desk.agent("ada")
    slug = await new_calendar(ada, holidays=[{"date": "2027-01-01"}])
    await ada.patch(f"/v1/calendars/{slug}", {"name": "Oops", "timezone": "UTC", "holidays": []})
    path, key = f"/v1/calendars/{slug}/versions", str(new_id())
    restored = await ada.post(f"{path}/1/restore", expect=201, Idempotency_Key=key)
    assert (restored["version"], restored["name"], restored["timezone"]) == (3, "Hours", "Europe/Berlin")
    assert [one["date"] for one in restored["holidays"]] == ["2027-01-01"]
    assert await ada.post(f"{path}/1/restore", expect=201, Idempotency_Key=key) == restored
    assert [one["version"] for one in (await ada.get(path))["items"]] == [3, 2, 1]
    assert (await ada.post(f"{path}/3/restore", expect=409))["code"] == "already_newest"
    assert (await ada.send("POST", f"{path}/3/restore")).status_code == 409, "no body is as good as an empty one"
    assert (await ada.get(f"/v1/calendars/{slug}")) == restored


async def test_restoring_a_policy_keeps_whether_it_is_the_default(desk: Desk) -> None:
    ada = await desk.agent("ada")
    made = await new_policy(ada)
    await ada.patch(f"/v1/sla-policies/{made['id']}", {"name": "Loose", "targets": {}})
    path = f"/v1/sla-policies/{made['id']}/versions"
    restored = await ada.post(f"{path}/1/restore", expect=201)
    assert (restored["version"], restored["name"], restored["is_default"]) == (3, "Tight", False)
    assert restored["targets"] == made["targets"]
    listed = (await ada.get(path))["items"]
    assert [(one["version"], one["body"]["name"]) for one in listed] == [(3, "Tight"), (2, "Loose"), (1, "Tight")]
    assert {one["created_by"] for one in listed} == {str(agent_id("ada"))}
    assert (await ada.get(f"{path}/2"))["body"]["targets"] == {}


async def test_a_version_that_today_promises_nothing_is_not_restored(desk: Desk) -> None:
    ada = await desk.agent("ada")
    slug = await new_calendar(ada)
    made = await new_policy(ada, calendar=slug)
    await ada.patch(f"/v1/sla-policies/{made['id']}", {"calendar": "always"})
    day = [{"date": "2099-01-01", "hours": [["09:00", "17:00"]]}]
    await ada.patch(f"/v1/calendars/{slug}", {"weekly": {}, "special_days": day}, expect=422)
    year = {"normal": {"resolution": 366 * 86_400}}
    await ada.patch(f"/v1/sla-policies/{made['id']}", {"targets": year})
    refused = await ada.patch(f"/v1/sla-policies/{made['id']}", {"calendar": "nowhere"}, expect=422)
    assert refused["errors"][0]["pointer"] == "/calendar"


async def test_versions_that_are_not_there_and_bodies_that_say_something_are_refused(desk: Desk) -> None:
    ada = await desk.agent("ada")
    slug, policy = await new_calendar(ada), (await new_policy(ada))["id"]
    for path in (f"/v1/calendars/{slug}/versions", f"/v1/sla-policies/{policy}/versions"):
        await ada.get(f"{path}/7", expect=404)
        await ada.post(f"{path}/7/restore", expect=404)
        for odd in ("0", "-1", "x", "99999999999"):
            await ada.get(f"{path}/{odd}", expect=422)
        await ada.post(f"{path}/1/restore", {"version": 2}, expect=422)
        assert (await ada.get(path, expect=422, cursor="zzz"))["code"] == "invalid_cursor"
        await ada.get(path, expect=422, newest="true")
    await ada.get("/v1/calendars/nowhere/versions", expect=404)
    await ada.get(f"/v1/sla-policies/{new_id()}/versions", expect=404)


async def test_a_policy_only_promises_what_its_calendar_and_people_can_keep(desk: Desk) -> None:
    ada = await desk.agent("ada")
    once = [{"date": "2099-01-01", "hours": [["09:00", "10:00"]]}]
    slug = await new_calendar(ada)
    made = await new_policy(ada, calendar=slug, targets={"normal": {"resolution": 36_000}})
    few = {"weekly": {"mon": []}, "special_days": [{**once[0], "date": "2030-01-02"}]}
    refused = await ada.patch(f"/v1/calendars/{slug}", few, expect=422)
    assert "Tight" in refused["detail"]
    assert (await ada.get(f"/v1/calendars/{slug}"))["version"] == 1
    seldom = await new_calendar(ada, weekly={}, special_days=few["special_days"])
    refused = await ada.patch(f"/v1/sla-policies/{made['id']}", {"calendar": seldom}, expect=422)
    assert refused["errors"][0]["pointer"] == "/targets"


async def test_a_ladder_leads_to_teams_and_agents_that_exist(desk: Desk) -> None:
    ada, made = await desk.agent("ada"), await new_policy(await desk.agent("ada"))
    step = {"metric": "resolution", "at_percent": 90, "do": "notify"}
    path = f"/v1/sla-policies/{made['id']}"
    for nobody in ("team:nowhere", f"agent:{new_id()}", f"agent:{'-' * 36}"):
        ladder = [{**step, "to": "lead"}, {**step, "to": nobody}]
        refused = await ada.patch(path, {"escalations": ladder}, expect=422)
        assert refused["errors"][0]["pointer"] == "/escalations/1/to"
    ladder = [{**step, "to": to} for to in ("lead", "team:online-banking", f"agent:{agent_id('ada')}")]
    changed = await ada.patch(path, {"escalations": ladder, "pending_resolve_seconds": 3600})
    assert [one["to"] for one in changed["escalations"]] == [one["to"] for one in ladder]
    assert (await ada.patch(path, {"pending_resolve_seconds": None}))["pending_resolve_seconds"] is None


async def test_versions_are_for_administrators(desk: Desk) -> None:
    ada, vera = await desk.agent("ada"), await desk.agent("vera")
    slug, policy = await new_calendar(ada), (await new_policy(ada))["id"]
    for path in (f"/v1/calendars/{slug}", f"/v1/sla-policies/{policy}"):
        await vera.get(f"{path}/versions", expect=403)
        await vera.get(f"{path}/versions/1", expect=403)
        await vera.post(f"{path}/versions/1/restore", expect=403)
