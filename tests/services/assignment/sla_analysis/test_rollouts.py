"""A changed policy reaches running tickets only on purpose: seen beforehand, logged, and taken back without a trace."""

import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from services.assignment.schemas.rollouts import (
    Preview,
    PreviewInput,
    RolloutInput,
    RolloutTicketView,
    RolloutView,
    TicketPreview,
)
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import Desk, Json, agent_id
from tests.services.assignment.permissions.test_permissions import make
from tests.services.assignment.sla_analysis.rollouts import FASTER, HOUR, Promise, instant
from tests.support.eventually import eventually

OPEN_ALL_DAY = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


async def lives(promise: Promise) -> dict[str, str]:
    """Tickets in all the states that matter to clocks."""
    named = {name: await promise.ticket() for name in ("open", "urgent", "answered", "pending", "due by hand")}
    named["late"] = await promise.ticket(hours_ago=5)
    named["would be late"] = await promise.ticket(hours_ago=3.5)
    await promise.act(named["urgent"], "prioritise", {"priority": "urgent"})
    await promise.act(named["answered"], "replies", {"body": "We look into it."})
    await promise.desk.write(named["answered"])
    await promise.act(named["pending"], "pend")
    await promise.act(named["due by hand"], "set-due", {"due_at": "2030-01-01T12:00:00Z"})

    async def has_written_again() -> None:
        assert ("next_response", 1) in await promise.due(named["answered"])

    await eventually(has_written_again)
    return named


def by_clock(previewed: Json) -> dict[tuple[str, int], Json]:
    return {(clock["metric"], clock["cycle_after"]): clock for clock in previewed["clocks"]}


@pytest.mark.parametrize("mode", ["carry", "restart"])
async def test_what_was_previewed_is_what_happens_and_reverting_leaves_no_trace(desk: Desk, mode: str) -> None:
    promise = await Promise.make(desk)
    tickets = await lives(promise)
    await promise.change(targets=FASTER)
    before = {each: await promise.due(each) for each in tickets.values()}
    seen = await promise.preview(mode)
    previewed = {item["ticket_id"]: item for item in seen["items"]}
    assert seen["totals"] == seen["totals"] | {"running": 7, "concerned": 7, "already_on_it": 0}
    assert previewed.keys() == set(tickets.values())
    assert {each: await promise.due(each) for each in tickets.values()} == before, "a preview changes nothing"

    done = await promise.roll_out(mode)
    assert (done["state"], done["counts"]["applied"], done["counts"]["total"]) == ("done", 7, 7)
    for ticket_id in tickets.values():
        await promise.desk.seen(ticket_id, status=previewed[ticket_id]["status_after"])
        event = await promise.reached(ticket_id, done["id"], mode)
        exact = {
            (clock.metric.value, clock.cycle_after): clock
            for clock in (await promise.recomputed(ticket_id, event)).clocks
        }
        real = await promise.due(ticket_id)
        assert real.keys() == by_clock(previewed[ticket_id]).keys() == exact.keys()
        for clock, due_at in real.items():
            said = by_clock(previewed[ticket_id])[clock]
            due = due_at and instant(due_at)
            assert due == exact[clock].due_after
            assert said["would_breach"] == exact[clock].would_breach
            if due is None or (mode == "carry" and not said["would_breach"]):
                assert due == (said["due_after"] and instant(said["due_after"]))
            else:
                assert due - event.at == instant(said["due_after"]) - previewed[ticket_id]["previewed_at"]

    back = await promise.revert(done["id"])
    assert (back["state"], back["counts"]["reverted"]) == ("reverted", 7), await promise.lines(done["id"])
    assert {each: await promise.due(each) for each in tickets.values()} == before
    assert [step["state"] for step in back["history"]] == ["queued", "running", "done", "reverting", "reverted"]
    assert (await promise.preview(mode))["totals"]["concerned"] == 7


@pytest.mark.parametrize("is_taken_back", [True, False])
async def test_every_verdict_given_on_the_way_follows_from_the_log(desk: Desk, *, is_taken_back: bool) -> None:
    promise = await Promise.make(desk)
    tickets = list((await lives(promise)).values())
    await promise.change(targets=FASTER)
    done = await promise.roll_out("restart")
    if is_taken_back:
        await promise.revert(done["id"])
    for ticket_id in tickets:
        await promise.act(ticket_id, "resolve")

        async def is_proved(ticket_id: str = ticket_id) -> None:
            recorded, proved = await promise.verdicts_of(ticket_id)
            assert proved.items() <= recorded.items()
            assert len(proved) >= (1 if is_taken_back else 3)
            assert {recorded[key][0] for key in recorded.keys() - proved.keys()} <= {"cancelled"}

        await eventually(is_proved)


async def test_the_totals_say_what_would_move_and_what_would_break(desk: Desk) -> None:
    promise = await Promise.make(desk)
    tickets = await lives(promise)
    await promise.change(targets=FASTER)
    carried = (await promise.preview("carry"))["totals"]
    assert carried == {
        "running": 7,
        "already_on_it": 0,
        "concerned": 7,
        "due_earlier": 10,
        "due_later": 0,
        "breached_at_once": 1,
        "breaches_that_stand": 2,
        "clocks_begun": 0,
        "clocks_ended": 0,
        "resolved_or_closed_at_once": 0,
    }
    restarted = await promise.preview("restart")
    assert (restarted["totals"]["breached_at_once"], restarted["totals"]["breaches_that_stand"]) == (0, 2)
    late = next(item for item in restarted["items"] if item["ticket_id"] == tickets["late"])
    first = next(clock for clock in late["clocks"] if clock["metric"] == "first_response")
    assert (first["is_breached"], first["ends_as"], first["cycle_after"]) == (True, "breached", 2)
    urgent = await promise.preview("carry", priority="urgent", status=["open", "pending"], from_versions=[1])
    assert [item["ticket_id"] for item in urgent["items"]] == [tickets["urgent"]]
    assert urgent["totals"]["running"] == 1
    pending = await promise.preview("carry", status="pending")
    assert [item["ticket_id"] for item in pending["items"]] == [tickets["pending"]]
    assert (await promise.preview("carry", from_versions=[7]))["totals"]["running"] == 0
    assert (await promise.preview("carry", team_id=str(new_id())))["items"] == []


async def test_a_shorter_wait_shows_that_tickets_would_be_resolved_at_once(desk: Desk) -> None:
    promise = await Promise.make(desk)
    waits = await promise.ticket()
    await promise.act(waits, "pend")
    await promise.change(pending_resolve_seconds=1)

    async def is_over() -> Json:
        seen = await promise.preview("carry")
        assert seen["totals"]["resolved_or_closed_at_once"] == 1
        return seen

    (item,) = (await eventually(is_over))["items"]
    assert (item["status"], item["status_after"]) == ("pending", "resolved")
    await promise.roll_out("carry")
    await promise.desk.seen(waits, status="resolved")


async def test_grandfathering_tells_nobody_and_is_on_record(desk: Desk) -> None:
    promise = await Promise.make(desk)
    ticket = await promise.ticket()
    before = await promise.ada.get(f"/v1/tickets/{ticket}")
    await promise.change(targets=FASTER)
    seen = await promise.preview("grandfather")
    assert all(clock["due_before"] == clock["due_after"] for item in seen["items"] for clock in item["clocks"])
    assert (seen["totals"]["concerned"], seen["totals"]["due_earlier"]) == (1, 0)
    body = {"mode": "grandfather", "comment": "Contracts run until March."}
    made = await promise.ada.post(promise.path, body, expect=202)
    assert (made["state"], made["counts"]["kept"], made["comment"]) == ("done", 1, body["comment"])
    assert made["created_by"] == str(agent_id("ada"))
    assert (await promise.lines(made["id"]))[ticket]["state"] == "kept"
    refused = await promise.ada.post(f"{promise.path}/{made['id']}/revert", expect=409)
    assert refused["code"] == "nothing_to_revert"
    after = await promise.ada.get(f"/v1/tickets/{ticket}")
    assert (after["revision"], await promise.due(ticket)) == (before["revision"], await promise.due(ticket))


async def test_new_tickets_get_the_new_version_at_once_and_a_roll_out_leaves_them_alone(desk: Desk) -> None:
    promise = await Promise.make(desk)
    old = await promise.ticket()
    position = new_id().int % 900_000 + 1000
    rule = {"position": position, "topic": "general", "priority": "low", "team_id": await team_of(promise, old)}
    made = await promise.ada.post("/v1/routing-rules", rule | {"policy_id": promise.id}, expect=201)
    try:
        await promise.change(targets=FASTER | {"low": {"resolution": HOUR}})
        fresh = await desk.ticket("general", priority="low")
    finally:
        await promise.ada.send("DELETE", f"/v1/routing-rules/{made['id']}")
    due = await promise.due(fresh["id"])
    assert instant(due["resolution", 1]) - instant(fresh["created_at"]) == timedelta(hours=1)
    done = await promise.roll_out("restart")
    assert (await promise.lines(done["id"])).keys() == {old}
    assert await promise.due(fresh["id"]) == due
    totals = (await promise.preview("carry"))["totals"]
    assert (totals["running"], totals["already_on_it"], totals["concerned"]) == (2, 2, 0)


async def test_a_changed_calendar_reaches_running_tickets_by_a_roll_out_of_its_policies(desk: Desk) -> None:
    ada, slug = await desk.agent("ada"), f"c-{new_id().hex[-8:]}"
    hours_of = {"slug": slug, "name": "Hours", "timezone": "UTC", "weekly": OPEN_ALL_DAY}
    await ada.post("/v1/calendars", hours_of, expect=201)
    promise = await Promise.make(desk, calendar=slug)
    ticket = await promise.ticket()
    before = await promise.due(ticket)
    today = utc_now().date().isoformat()
    await ada.patch(f"/v1/calendars/{slug}", {"holidays": [{"date": today}]})
    assert await promise.due(ticket) == before
    seen = await promise.preview("carry")
    assert (seen["version"], seen["calendar_version"], seen["totals"]["concerned"]) == (1, 2, 1)
    assert seen["totals"]["due_later"] == 2
    done = await promise.roll_out("carry")
    assert (done["version"], done["calendar_version"], done["counts"]["applied"]) == (1, 2, 1)
    previewed = by_clock(seen["items"][0])
    event = await promise.reached(ticket, done["id"], "carry")
    moved = event.at - seen["items"][0]["previewed_at"]
    for clock, due_at in (await promise.due(ticket)).items():
        assert instant(due_at) == instant(previewed[clock]["due_after"]) - moved, "meanwhile the old hours counted"
    await promise.revert(done["id"])
    assert await promise.due(ticket) == before


async def test_a_ticket_closed_before_its_turn_is_named_and_not_asked_again(desk: Desk) -> None:
    promise = await Promise.make(desk)
    stays, goes = await promise.ticket(), await promise.ticket()
    await promise.change(targets=FASTER)
    done = await promise.roll_out("carry")
    await promise.act(goes, "close", {"reason": "resolved"})
    back = await promise.revert(done["id"])
    lines = await promise.lines(done["id"])
    assert (back["state"], lines[stays]["state"]) == ("reverted", "reverted")
    assert (lines[goes]["state"], lines[goes]["code"]) == ("not_reverted", "illegal_transition")
    only = await promise.ada.get(f"{promise.path}/{done['id']}/tickets", state="not_reverted")
    assert [line["ticket_id"] for line in only["items"]] == [goes]
    again = await promise.ada.post(f"{promise.path}/{done['id']}/revert", expect=409)
    assert again["code"] == "already_reverted"


async def test_roll_outs_are_listed_and_a_retry_gets_the_first_answer(desk: Desk) -> None:
    promise = await Promise.make(desk)
    await promise.ticket()
    await promise.change(targets=FASTER)
    key, body = str(new_id()), {"mode": "carry"}
    first = await promise.ada.post(promise.path, body, expect=202, Idempotency_Key=key)
    assert await promise.ada.post(promise.path, body, expect=202, Idempotency_Key=key) == first
    await promise.finished(first["id"])
    second = await promise.roll_out("restart")
    assert second["counts"]["total"] == 0, "everybody has it"
    page = await promise.ada.get(promise.path, limit=1)
    assert [one["id"] for one in page["items"]] == [second["id"]]
    rest = await promise.ada.get(promise.path, limit=1, cursor=page["next_cursor"])
    assert ([one["id"] for one in rest["items"]], rest["next_cursor"]) == ([first["id"]], None)


async def test_what_was_not_looked_at_is_not_rolled_out(desk: Desk) -> None:
    promise = await Promise.make(desk)
    ticket = await promise.ticket()
    await promise.change(targets=FASTER)
    seen = await promise.preview("carry")
    await promise.change(targets={"normal": {"resolution": HOUR}})
    looked_at = {"version": seen["version"], "calendar_version": seen["calendar_version"]}
    refused = await promise.ada.post(promise.path, {"mode": "carry"} | looked_at, expect=409)
    assert refused["code"] == "newer_version"
    made = await promise.ada.post(promise.path, {"mode": "carry"} | looked_at | {"version": 3}, expect=202)
    assert (await promise.lines(made["id"])).keys() == {ticket}


async def test_the_documented_examples_are_valid(desk: Desk) -> None:
    schemas = (await desk.http.get("/openapi.json")).json()["components"]["schemas"]
    models: list[type[BaseModel]] = [PreviewInput, RolloutInput, Preview, RolloutView, RolloutTicketView, TicketPreview]
    for model in models:
        assert schemas[model.__name__]["examples"]
        (example,) = model.model_json_schema()["examples"]
        model.model_validate_json(json.dumps(example))


async def test_only_administrators_of_promises_may_look_or_act(desk: Desk) -> None:
    promise = await Promise.make(desk)
    done = await promise.roll_out("grandfather")
    one = f"{promise.path}/{done['id']}"
    requests: list[tuple[str, str, Any]] = [
        ("POST", f"{promise.path}/preview", {"mode": "carry"}),
        ("POST", promise.path, {"mode": "carry"}),
        ("GET", promise.path, None),
        ("GET", one, None),
        ("GET", f"{one}/tickets", None),
        ("POST", f"{one}/revert", {}),
    ]
    others = await make(desk, "all", ["ticket.view", "ticket.edit", "admin.routing", "admin.teams"])
    allowed = await make(desk, "teams", ["admin.sla"])
    for method, path, body in requests:
        refused = await others.api.send(method, path, json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
        assert (await allowed.api.send(method, path, json=body)).status_code in (200, 202, 409)


async def test_what_makes_no_sense_is_refused_with_its_place(desk: Desk) -> None:
    promise = await Promise.make(desk)
    wrong: dict[str, Json] = {
        "/mode": {"mode": "sideways"},
        "/filter/priority/0": {"mode": "carry", "filter": {"priority": "soon"}},
        "/filter/status/1": {"mode": "carry", "filter": {"status": ["open", "lost"]}},
        "/filter/from_versions/0": {"mode": "carry", "filter": {"from_versions": [0]}},
        "/filter/colour": {"mode": "carry", "filter": {"colour": "red"}},
        "/team_id": {"mode": "carry", "team_id": str(new_id())},
    }
    for path in (promise.path, f"{promise.path}/preview"):
        for pointer, body in wrong.items():
            refused = await promise.ada.post(path, body, expect=422)
            assert refused["errors"][0]["pointer"] == pointer
        assert (await promise.ada.post(path, {}, expect=422))["errors"][0]["pointer"] == "/mode"
    nowhere = f"/v1/sla-policies/{new_id()}/rollouts"
    for path in (nowhere, f"{nowhere}/preview"):
        await promise.ada.post(path, {"mode": "carry"}, expect=404)
    for path in (nowhere, f"{promise.path}/{new_id()}", f"{promise.path}/{new_id()}/tickets"):
        await promise.ada.get(path, expect=404)
    await promise.ada.post(f"{promise.path}/{new_id()}/revert", expect=404)
    other, done = await Promise.make(desk), await promise.roll_out("carry")
    await other.ada.get(f"{other.path}/{done['id']}", expect=404)
    await promise.ada.get(promise.path, cursor="nonsense", expect=422)
    await promise.ada.post(f"{promise.path}/preview?cursor=nonsense", {"mode": "carry"}, expect=422)


async def team_of(promise: Promise, ticket_id: str) -> str:
    """The team that has a ticket."""
    return str((await promise.ada.get(f"/v1/tickets/{ticket_id}"))["team"]["id"])
