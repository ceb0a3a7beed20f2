"""Routing rules through the service's doors: what they ask of a ticket, what they do to it, and the evidence of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from services.assignment.seed.organisation import id_of
from shared.contracts.events import Person
from shared.kit.clock import new_id
from tests.services.assignment.desk import AgentApi, Desk, Json, agent_id, team_id
from tests.support.eventually import eventually

OFFICE = str(id_of("policy", "Office hours"))


@asynccontextmanager
async def rules(ada: AgentApi, *bodies: Json) -> AsyncIterator[list[Json]]:
    """Rules that are there for a while, before those of the seed unless they say otherwise."""
    made = []
    taken = {one["position"] for one in (await ada.get("/v1/routing-rules"))["items"]}
    free = iter(position for position in range(1, 9) if position not in taken)
    try:
        for body in bodies:
            made.append(await ada.post("/v1/routing-rules", {"position": next(free), **body}, expect=201))
        yield made
    finally:
        for rule in made:
            await ada.send("DELETE", f"/v1/routing-rules/{rule['id']}")


async def evidence_of(ada: AgentApi, ticket: Json) -> Json:
    """What `assignment.decided` says of a ticket."""
    lines = (await ada.get(f"/v1/tickets/{ticket['id']}/timeline"))["items"]
    details: Json = next(line["details"] for line in lines if line["type"] == "assignment.decided")
    return details


def word() -> str:
    """A word that no other ticket holds."""
    return f"w{new_id().hex[-10:]}"


async def test_a_rule_decides_on_words_and_does_everything_it_says(desk: Desk) -> None:
    ada, sought = await desk.agent("ada"), word()
    rule = {
        "name": "Angry customers",
        "conditions": {"match": "any", "conditions": [{"field": "text", "op": "any", "values": [sought.upper()]}]},
        "team_id": str(team_id("access-management")),
        "policy_id": OFFICE,
        "set_priority": "urgent",
        "tags": ["angry", "vip"],
        "assignee_id": str(agent_id("chioma")),
    }
    async with rules(ada, rule) as (made,):
        ticket = await desk.ticket("online-banking", body=f"<p>Where is my <b>{sought}</b>?</p>", body_format="html")
        assert (ticket["team"]["slug"], ticket["priority"]) == ("access-management", "urgent")
        assert ticket["sla"]["policy_id"] == OFFICE
        await desk.seen(ticket["id"], tags=["angry", "vip"])
        found = await evidence_of(ada, ticket)
        assert found["rule"] == f"rule {made['position']}: Angry customers"
        (matched,) = found["matched_rules"]
        assert (matched["rule_id"], matched["version"]) == (made["id"], 1)
        assert matched["decided"]["tags"] == ["angry", "vip"]
        assert matched["decided"]["team_id"] == str(team_id("access-management"))
        assert (found["policy_reason"], found["tags"]) == ("rule", ["angry", "vip"])
        other = await desk.ticket("online-banking", subject="Something else")
        assert (other["team"]["slug"], other["tags"]) == ("online-banking", [])


async def test_rules_that_do_not_stop_add_to_those_after_them(desk: Desk) -> None:
    ada, sought = await desk.agent("ada"), word()
    about = {"conditions": {"conditions": [{"field": "subject", "values": [sought]}]}}
    first = {**about, "stop": False, "tags": ["one"], "set_priority": "low"}
    second = {**about, "stop": False, "tags": ["two"], "set_priority": "urgent"}
    async with rules(ada, first, second) as made:
        ticket = await desk.ticket("online-banking", subject=f"About {sought}")
        assert (ticket["team"]["slug"], ticket["priority"]) == ("online-banking", "low")
        await desk.seen(ticket["id"], tags=["one", "two"])
        found = await evidence_of(ada, ticket)
        assert [one["rule_id"] for one in found["matched_rules"][:2]] == [one["id"] for one in made]
        assert len(found["matched_rules"]) == 3


async def test_a_monitored_rule_changes_nothing_and_is_counted(desk: Desk) -> None:
    ada, sought = await desk.agent("ada"), word()
    watched = {
        "mode": "monitor",
        "conditions": {"conditions": [{"field": "subject", "values": [sought]}]},
        "team_id": str(team_id("access-management")),
    }
    async with rules(ada, watched) as (rule,):
        ticket = await desk.ticket("online-banking", subject=sought)
        assert ticket["team"]["slug"] == "online-banking"
        assert [one["rule_id"] for one in (await evidence_of(ada, ticket))["monitored_rules"]] == [rule["id"]]
        await counted(ada, rule, matched=0, would_have_matched=1)
        await ada.patch(f"/v1/routing-rules/{rule['id']}", {"mode": "active"})
        assert (await desk.ticket("online-banking", subject=sought))["team"]["slug"] == "access-management"
        await counted(ada, rule, matched=1, would_have_matched=1)
        await ada.patch(f"/v1/routing-rules/{rule['id']}", {"mode": "off"})
        assert (await desk.ticket("online-banking", subject=sought))["team"]["slug"] == "online-banking"


async def counted(ada: AgentApi, rule: Json, **expected: int) -> None:
    async def counts() -> None:
        found = (await ada.get(f"/v1/routing-rules/{rule['id']}"))["counts"]
        assert {name: found[name] for name in expected} == expected
        assert found["last_matched_at"] is not None

    await eventually(counts, within=20)


async def test_a_rule_from_before_conditions_keeps_working(desk: Desk) -> None:
    ada = await desk.agent("ada")
    plain = {"topic": "general", "priority": "urgent", "team_id": str(team_id("online-banking")), "skills": []}
    async with rules(ada, plain) as (rule,):
        assert rule["mode"] == "active"
        assert rule["stop"] is True
        ticket = await desk.ticket("general", priority="urgent")
        assert ticket["team"]["slug"] == "online-banking"
        assert (await evidence_of(ada, ticket))["rule"] == f"rule {rule['position']}: topic general and priority urgent"
        assert (await desk.ticket("general", priority="low"))["team"]["slug"] == "service-desk"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"conditions": {"conditions": [{"field": "weather", "values": ["rain"]}]}}, "/conditions/conditions/0"),
        ({"conditions": {"conditions": [{"field": "time", "calendar": "no-such"}]}}, "/conditions"),
        ({"assignee_id": str(new_id())}, "/assignee_id"),
        ({"policy_id": str(new_id())}, "/policy_id"),
        ({"skill_levels": {"german": 9}}, "/skill_levels/german"),
        ({"tags": ["Not A Tag"]}, "/tags/0"),
        ({"mode": "sometimes"}, "/mode"),
    ],
)
async def test_a_rule_that_cannot_be_meant_is_refused(desk: Desk, body: Json, pointer: str) -> None:
    ada = await desk.agent("ada")
    has_effect = {"team_id": str(team_id("service-desk"))} if body else {}
    refused = await ada.post("/v1/routing-rules", {"position": 900, **has_effect, **body}, expect=422)
    assert refused["errors"][0]["pointer"].startswith(pointer)


async def test_a_change_may_not_leave_a_rule_without_effect(desk: Desk) -> None:
    ada = await desk.agent("ada")
    async with rules(ada, {"topic": "general", "team_id": str(team_id("service-desk"))}) as (rule,):
        await ada.patch(f"/v1/routing-rules/{rule['id']}", {"team_id": None}, expect=422)
        changed = await ada.patch(f"/v1/routing-rules/{rule['id']}", {"team_id": None, "tags": ["seen"]})
        assert (changed["team_id"], changed["tags"], changed["version"]) == (None, ["seen"], 2)


async def test_rules_are_put_in_order_all_at_once(desk: Desk) -> None:
    ada = await desk.agent("ada")
    plain: Json = {"topic": "general", "tags": ["x"], "stop": False}
    async with rules(ada, plain, plain, plain):
        ids = [one["id"] for one in (await ada.get("/v1/routing-rules"))["items"]]
        turned = [ids[2], ids[0], ids[1], *ids[3:]]
        ordered = await put(ada, {"rule_ids": turned})
        assert [one["id"] for one in ordered["items"]] == turned
        positions = [one["position"] for one in ordered["items"]]
        assert positions == sorted(positions)
        stale = await ada.send("PUT", "/v1/routing-rules/order", json={"rule_ids": turned[1:]})
        assert stale.status_code == 409
        await put(ada, {"rule_ids": ids})


async def put(ada: AgentApi, body: Any) -> Json:
    response = await ada.send("PUT", "/v1/routing-rules/order", json=body)
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


async def test_the_policy_is_the_organisations_unless_a_rule_overrides_it(desk: Desk) -> None:
    ada, domain = await desk.agent("ada"), f"{new_id().hex[-10:]}.example"
    bank = await ada.post(
        "/v1/organisations", {"name": f"Bank {domain}", "domains": [domain.upper()], "policy_id": OFFICE}, expect=201
    )
    assert bank["domains"] == [domain]
    standard, sought = str(id_of("policy", "Standard")), word()
    requester = Person(email=f"dana@mail.{domain}", name="Dana Ruiz")
    about = {"conditions": {"conditions": [{"field": "subject", "values": [sought]}]}, "stop": False}
    try:
        async with rules(ada, {**about, "policy_id": standard}) as (rule,):
            ticket = await desk.ticket("online-banking", requester=requester, subject=sought)
            assert ticket["sla"]["policy_id"] == OFFICE
            found = await evidence_of(ada, ticket)
            assert (found["policy_reason"], found["organisation_id"]) == ("organisation", bank["id"])
            await ada.patch(f"/v1/routing-rules/{rule['id']}", {"overrides": True})
            ticket = await desk.ticket("online-banking", requester=requester, subject=sought)
            assert ticket["sla"]["policy_id"] == standard
        stranger = await desk.ticket("online-banking", subject=sought)
        assert (await evidence_of(ada, stranger))["policy_reason"] == "default"
    finally:
        await ada.send("DELETE", f"/v1/organisations/{bank['id']}")
