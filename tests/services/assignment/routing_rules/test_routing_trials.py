"""Rules tried without doing anything: a ticket now, a past day, and what a rule would change."""

from datetime import timedelta

from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import Desk, Json, team_id
from tests.services.assignment.routing_rules.test_routing_rules import rules, word


def about(sought: str) -> Json:
    return {"conditions": {"conditions": [{"field": "subject", "values": [sought]}]}}


async def test_a_made_up_ticket_is_told_where_it_would_go(desk: Desk) -> None:
    ada = await desk.agent("ada")
    await desk.some_ticket()
    made_up = {"subject": "Down", "topic": "online-banking", "requester": {"email": "dana@bank.example"}}
    answer = (await ada.post("/v1/routing/simulate", {"ticket": made_up}, expect=200))["decision"]
    assert (answer["team"]["slug"], answer["priority"]) == ("online-banking", "high")
    assert answer["agent"]["name"]
    assert [one["position"] for one in answer["matched_rules"]] == [10]
    assert {one["name"] for one in answer["candidates"]} >= {"Ada Lindqvist", "Bruno Costa"}
    assert answer["policy"]["name"] == "Standard"


async def test_a_ticket_that_is_here_is_tried_again_and_stays_as_it_is(desk: Desk) -> None:
    ada, sought = await desk.agent("ada"), word()
    ticket = await desk.ticket("online-banking", subject=sought)
    rule = {**about(sought), "mode": "monitor", "team_id": str(team_id("access-management")), "tags": ["moved"]}
    async with rules(ada, rule):
        now = (await ada.post("/v1/routing/simulate", {"ticket_id": ticket["id"]}, expect=200))["decision"]
        assert now["team"]["slug"] == "online-banking"
        assert len(now["monitored_rules"]) == 1
        live = await ada.post("/v1/routing/simulate", {"ticket_id": ticket["id"], "with_monitored": True}, expect=200)
        assert live["decision"]["team"]["slug"] == "access-management"
        assert live["decision"]["tags"] == ["moved"]
        after = await ada.get(f"/v1/tickets/{ticket['id']}")
        assert (after["revision"], after["tags"]) == (ticket["revision"], [])


async def test_a_past_day_is_added_up_per_team_and_agent(desk: Desk) -> None:
    ada, sought = await desk.agent("ada"), word()
    long_ago = utc_now() - timedelta(days=int(new_id().int % 3000) + 900)
    for number in range(3):
        await desk.ticket("online-banking", subject=f"{sought} {number}", received_at=long_ago)
    asked = {"day": long_ago.date().isoformat(), "timezone": "UTC"}
    same = (await ada.post("/v1/routing/simulate", asked, expect=200))["summary"]
    assert (same["tickets"], same["changed"], same["is_complete"]) == (3, 0, True)
    rule = {**about(sought), "team_id": str(team_id("access-management")), "set_priority": "urgent"}
    async with rules(ada, rule) as (made,):
        moved = (await ada.post("/v1/routing/simulate", asked, expect=200))["summary"]
        assert moved["changed"] == 3
        assert {one["name"]: (one["was"], one["would_be"]) for one in moved["teams"]} == {
            "Online banking": (3, 0),
            "Access management": (0, 3),
        }
        assert sum(one["would_be"] for one in moved["agents"]) == 3
        assert moved["items"][0]["changes"] == ["team", "priority"]
        assert (await ada.get(f"/v1/routing-rules/{made['id']}"))["counts"]["matched"] == 0


async def test_a_preview_lists_what_a_rule_would_change(desk: Desk) -> None:
    ada, sought = await desk.agent("ada"), word()
    ticket = await desk.ticket("online-banking", subject=sought)
    await desk.ticket("online-banking", subject="Another matter")
    draft = {**about(sought), "position": 1, "team_id": str(team_id("service-desk")), "tags": ["odd"]}
    seen = await ada.post("/v1/routing-rules/preview", {"rule": draft, "last": 200}, expect=200)
    assert (seen["matched"], seen["changed"]) == (1, 1)
    (line,) = seen["items"]
    assert (line["number"], line["changes"]) == (ticket["number"], ["team", "priority", "tags"])
    assert line["would_be"]["tags"] == ["odd"]
    assert all(rule["position"] != 1 for rule in (await ada.get("/v1/routing-rules"))["items"])
    late = await ada.post("/v1/routing-rules/preview", {"rule": {**draft, "position": 999}}, expect=200)
    assert late["changed"] == 0


async def test_a_preview_of_a_changed_rule_replaces_it(desk: Desk) -> None:
    ada, sought = await desk.agent("ada"), word()
    ticket = await desk.ticket("online-banking", subject=sought)
    watched = {**about(sought), "mode": "monitor", "team_id": str(team_id("service-desk"))}
    async with rules(ada, watched) as (rule,):
        draft = {**about(sought), "team_id": str(team_id("access-management"))}
        seen = await ada.post("/v1/routing-rules/preview", {"rule": draft, "rule_id": rule["id"]}, expect=200)
        assert [line["number"] for line in seen["items"]] == [ticket["number"]]
        assert seen["items"][0]["would_be"]["team_id"] == str(team_id("access-management"))


async def test_what_cannot_be_tried_is_refused(desk: Desk) -> None:
    ada = await desk.agent("ada")
    await ada.post("/v1/routing/simulate", {}, expect=422)
    await ada.post("/v1/routing/simulate", {"ticket_id": str(new_id())}, expect=404)
    await ada.post("/v1/routing/simulate", {"ticket": {"topic": "no-such"}}, expect=422)
    await ada.post("/v1/routing/simulate", {"day": "2026-11-01", "timezone": "Mars/Olympus"}, expect=422)
    dmitri = await desk.agent("dmitri")
    await dmitri.post("/v1/routing/simulate", {"ticket": {}}, expect=403)


SEEDED = ("online-banking", "access-management")


async def test_rules_are_exported_and_imported_all_or_nothing(desk: Desk) -> None:
    ada, sought = await desk.agent("ada"), word()
    before = await ada.get("/v1/routing-rules/export")
    assert set(SEEDED) <= {rule["team"] for rule in before["rules"]}
    added = {**about(sought), "name": "Imported", "team": "service-desk", "assignee": "bruno@everdesk.example"}
    changed = {**before["rules"][0], "tags": ["bank"]}
    document = {**before, "rules": [added, *before["rules"][1:], changed]}
    shown = await ada.post("/v1/routing-rules/import", {"document": document}, expect=200)
    actions = sorted(one["action"] for one in shown["differences"])
    assert (shown["applied"], actions) == (False, ["added", "changed", *["moved"] * (len(before["rules"]) - 1)])
    assert await ada.get("/v1/routing-rules/export") == before
    try:
        await ada.post(
            "/v1/routing-rules/import", {"document": document, "apply": True, "digest": shown["digest"]}, expect=200
        )
        after = await ada.get("/v1/routing-rules/export")
        assert [rule["name"] for rule in after["rules"]] == ["Imported", *(one["name"] for one in before["rules"])]
        assert after["rules"][-1]["tags"] == ["bank"]
        assert (await desk.ticket("online-banking", subject=sought))["team"]["slug"] == "service-desk"
        again = {"document": after, "apply": True, "digest": shown["digest"]}
        await ada.post("/v1/routing-rules/import", again, expect=409)
        same = await ada.post("/v1/routing-rules/import", {"document": after}, expect=200)
        assert (same["differences"], same["unchanged"]) == ([], len(after["rules"]))
    finally:
        await ada.post("/v1/routing-rules/import", {"document": before, "apply": True}, expect=200)
    assert await ada.get("/v1/routing-rules/export") == before


async def test_a_document_with_one_wrong_rule_changes_nothing(desk: Desk) -> None:
    ada = await desk.agent("ada")
    before = await ada.get("/v1/routing-rules/export")
    for wrong, pointer in (
        ({"team": "no-such"}, "/document/rules/0/team"),
        ({"tags": []}, "/document/rules/0/team_id"),
        ({"team": "service-desk", "policy": "No such"}, "/document/rules/0/policy"),
        ({"team": "service-desk", "colour": "red"}, "/document/rules/0/colour"),
    ):
        document = {**before, "rules": [wrong, *before["rules"]]}
        refused = await ada.post("/v1/routing-rules/import", {"document": document, "apply": True}, expect=422)
        assert refused["errors"][0]["pointer"] == pointer
    assert await ada.get("/v1/routing-rules/export") == before
