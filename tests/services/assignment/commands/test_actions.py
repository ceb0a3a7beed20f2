"""What agents do to tickets, from claim to close, through the real workflow."""

import asyncio
from datetime import timedelta
from uuid import UUID

from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import Desk, agent_id, team_id
from tests.support.eventually import eventually


async def test_a_ticket_lives_from_triage_to_close(desk: Desk) -> None:
    ticket = await desk.ticket("online-banking")
    assert ticket["team"]["slug"] == "online-banking"
    assert ticket["priority"] == "high"
    assert ticket["assignee"]
    ada, path = await desk.agent("ada"), f"/v1/tickets/{ticket['id']}"
    assert {clock["metric"] for clock in ticket["sla"]["clocks"]} == {"first_response", "resolution"}
    replied = await ada.post(f"{path}/replies", {"body": "We are on it."}, expect=201)
    assert replied["pending"] is False
    assert {clock["metric"]: clock["outcome"] for clock in replied["sla"]["clocks"]}["first_response"] == "met"
    assert (await ada.post(f"{path}/pend"))["status"] == "pending"
    await desk.write(ticket["id"])
    await desk.seen(ticket["id"], status="open")
    assert (await ada.post(f"{path}/hold", {"reason": "vendor"}))["hold_reason"] == "vendor"
    assert (await ada.post(f"{path}/resume"))["status"] == "open"
    assert (await ada.post(f"{path}/resolve", {"comment": "Certificate renewed."}))["status"] == "resolved"
    assert (await ada.post(f"{path}/reopen"))["reopen_count"] == 1
    closed = await ada.post(f"{path}/close", {"reason": "resolved"})
    assert closed["allowed_actions"] == ["reopen"]
    refused = await ada.post(f"{path}/pend", expect=409)
    assert refused["code"] == "illegal_transition"
    entries = (await ada.get(f"{path}/messages"))["items"]
    assert [entry["body"] for entry in entries] == [
        "Login returns 502.",
        "We are on it.",
        "Still down for me.",
        "Certificate renewed.",
    ]
    assert entries[-1]["kind"] == "note"
    assert entries[-1]["about"] == "resolve"

    async def timeline_is_complete() -> None:
        kinds = [event["type"] for event in (await ada.get(f"{path}/timeline", limit=200))["items"]]
        assert kinds.count("assignment.decided") == 1
        assert kinds.count("ticket.opened") == 1
        assert kinds[-1].startswith("ticket.sla_settled") or "ticket.closed" in kinds

    await eventually(timeline_is_complete)


async def test_priority_due_instant_team_and_policy_can_be_changed(desk: Desk) -> None:
    ticket = await desk.ticket("online-banking")
    ada, path = await desk.agent("ada"), f"/v1/tickets/{ticket['id']}"
    assert (await ada.post(f"{path}/prioritise", {"priority": "urgent"}))["priority"] == "urgent"
    due = (utc_now() + timedelta(minutes=30)).replace(microsecond=0)
    await ada.post(f"{path}/set-due", {"due_at": due.isoformat()})
    policies = (await ada.get("/v1/sla-policies"))["items"]
    other = next(one for one in policies if one["name"] == "Office hours")
    changed = await ada.post(f"{path}/change-policy", {"policy_id": other["id"]})
    assert changed["sla"]["policy_id"] == other["id"]
    moved = await ada.post(f"{path}/transfer", {"team_id": str(team_id("access-management"))})
    assert moved["team"]["slug"] == "access-management"
    assert moved["assignee"] is None
    past = (utc_now() - timedelta(minutes=1)).isoformat()
    assert (await ada.post(f"{path}/set-due", {"due_at": past}, expect=422))["code"] == "due_in_past"


async def test_of_two_agents_who_claim_at_once_one_gets_it(desk: Desk) -> None:
    ticket = await desk.ticket("online-banking")
    ada, bruno, path = await desk.agent("ada"), await desk.agent("bruno"), f"/v1/tickets/{ticket['id']}"
    await ada.post(f"{path}/release")
    answers = await asyncio.gather(ada.send("POST", f"{path}/claim"), bruno.send("POST", f"{path}/claim"))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 200
    assert statuses[1] in (409, 412)
    assert (await desk.seen(ticket["id"]))["assignee_id"] in (str(agent_id("ada")), str(agent_id("bruno")))
    winner = ada if answers[0].status_code == 200 else bruno
    assert (await winner.send("POST", f"{path}/claim")).status_code == 200


async def test_only_someone_who_works_in_the_team_can_be_assigned(desk: Desk) -> None:
    ticket = await desk.ticket("online-banking")
    ada, path = await desk.agent("ada"), f"/v1/tickets/{ticket['id']}/assign"
    for nobody in (agent_id("dmitri"), agent_id("vera"), new_id()):
        refused = await ada.post(path, {"agent_id": str(nobody)}, expect=422)
        assert refused["errors"][0]["pointer"] == "/agent_id"
    assert (await ada.post(path, {"agent_id": str(agent_id("chioma"))}))["assignee"]["name"] == "Chioma Eze"


async def test_a_stale_revision_is_refused_and_the_present_one_told(desk: Desk) -> None:
    ticket = await desk.ticket("online-banking")
    ada, path = await desk.agent("ada"), f"/v1/tickets/{ticket['id']}"
    answer = await ada.send("GET", path)
    etag = answer.headers["etag"]
    await ada.post(f"{path}/prioritise", {"priority": "low"}, If_Match=etag)
    for action, body in (("pend", {}), ("replies", {"body": "x"}), ("notes", {"body": "x"}), ("tags", {"add": ["a"]})):
        refused = await ada.post(f"{path}/{action}", body, expect=412, If_Match=etag)
        assert refused["revision"] == ticket["revision"] + 1


async def test_a_retry_with_the_same_key_takes_effect_once_and_gets_the_first_answer(desk: Desk) -> None:
    ticket = await desk.ticket("online-banking")
    ada, path, key = await desk.agent("ada"), f"/v1/tickets/{ticket['id']}", str(new_id())
    for action, body in (
        ("replies", {"body": "Once."}),
        ("notes", {"body": "Once."}),
        ("pend", {"comment": "Once."}),
        ("tags", {"add": ["once"]}),
    ):
        first = await ada.send("POST", f"{path}/{action}", json=body, headers={"Idempotency-Key": key})
        again = await ada.send("POST", f"{path}/{action}", json=body, headers={"Idempotency-Key": key})
        assert (first.status_code, first.content) == (again.status_code, again.content)
        assert again.headers["idempotent-replayed"] == "true"
        assert again.headers["etag"] == first.headers["etag"]
    other = await ada.post(f"{path}/notes", {"body": "Other."}, expect=422, Idempotency_Key=key)
    assert other["code"] == "idempotency_key_reused"
    bodies = [entry["body"] for entry in (await ada.get(f"{path}/messages"))["items"]]
    assert bodies == ["Login returns 502.", "Once.", "Once.", "Once."]


async def test_tags_are_added_and_removed(desk: Desk) -> None:
    ticket = await desk.ticket("online-banking")
    ada, path = await desk.agent("ada"), f"/v1/tickets/{ticket['id']}"
    assert (await ada.post(f"{path}/tags", {"add": ["vip", "outage"]}))["tags"] == ["outage", "vip"]
    assert (await ada.post(f"{path}/tags", {"remove": ["vip"]}))["tags"] == ["outage"]
    found = await ada.get("/v1/tickets", tag="outage", view="all")
    assert ticket["id"] in [item["id"] for item in found["items"]]


async def test_a_reply_reaches_the_bus_with_a_name_and_no_address(desk: Desk) -> None:
    ticket = await desk.ticket("online-banking")
    ada = await desk.agent("ada")
    replied = await ada.post(f"/v1/tickets/{ticket['id']}/replies", {"body": "Hello"}, expect=201)
    assert UUID(replied["message_id"])
    js = await desk.bus.jetstream()

    async def announced() -> bytes:
        message = await js.get_last_msg("EVERDESK", f"everdesk.message.posted.v1.{ticket['id']}")
        return message.data or b""

    raw = await eventually(announced)
    assert b"Ada Lindqvist" in raw
    assert b"ada@everdesk.example" not in raw
