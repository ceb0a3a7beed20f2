"""Verdicts explained, proved from stored facts, and judged again under other rules, on the running service."""

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from typer.testing import CliRunner

from deploy.cli.app import build_app
from deploy.cli.sla.verify import VerificationResult, verify_tickets
from services.assignment.models import LoggedEvent, SettledClock, table_of
from services.assignment.schemas.what_if import WhatIfInput
from services.assignment.settings import AssignmentSettings
from services.assignment.sla_analysis.explanations import list_envelopes
from services.assignment.sla_analysis.what_if import what_if
from shared.kit.http.problems import Problem
from tests.services.assignment.desk import Desk, Json
from tests.support.eventually import eventually
from tests.support.histories import lines_of

LOG, VERDICTS = table_of(LoggedEvent), table_of(SettledClock)


async def a_whole_life(desk: Desk) -> Json:
    """Answered, put on hold, moved to another policy and back, resolved; all of it in the log."""
    ticket, ada = await desk.ticket_of("ada"), await desk.agent("ada")
    path = f"/v1/tickets/{ticket['id']}"
    await ada.post(f"{path}/replies", {"body": "We look."})
    await ada.post(f"{path}/hold", {"reason": "vendor"})
    await ada.post(f"{path}/prioritise", {"priority": "low"})
    await ada.post(f"{path}/change-policy", {"policy_id": ticket["sla"]["policy_id"]})
    await ada.post(f"{path}/resolve")

    async def is_recorded() -> None:
        events = (await ada.get(f"{path}/timeline", limit=200))["items"]
        assert sum(one["type"] == "ticket.sla_settled" for one in events) >= 2

    await eventually(is_recorded, within=20)
    return await desk.seen(ticket["id"], status="resolved")


async def verified(desk: Desk, ticket_id: str) -> VerificationResult:
    async with desk.database.connection() as connection:
        return await verify_tickets(connection, [UUID(ticket_id)], lambda _done, _of: None)


async def current_policy(desk: Desk, ticket: Json) -> Json:
    """The policy of a ticket as the API takes it, without what the API adds."""
    ada = await desk.agent("ada")
    body = await ada.get(f"/v1/sla-policies/{ticket['sla']['policy_id']}")
    return {key: value for key, value in body.items() if key not in ("id", "version", "is_default", "created_at")}


async def test_a_ticket_explains_itself_to_whoever_may_see_it(desk: Desk) -> None:
    ticket, ada = await a_whole_life(desk), await desk.agent("ada")
    told = await ada.get(f"/v1/tickets/{ticket['number']}/sla")
    clocks = {(clock["metric"], clock["cycle"]): clock for clock in told["clocks"]}
    assert {clock["metric"] for clock in ticket["sla"]["clocks"]} == {metric for metric, _ in clocks}
    for clock in ticket["sla"]["clocks"]:
        one = clocks[clock["metric"], clock["cycle"]]
        assert (one["outcome"], one["elapsed"], one["due_at"]) == (clock["outcome"], clock["elapsed"], clock["due_at"])
        assert abs(sum(interval["added"] for interval in one["intervals"]) - one["elapsed"]) < 1e-6
        assert abs(sum(share["added"] for share in one["shares"]) - one["elapsed"]) < 1e-6
    holders = {share["held_by"]["agent"] for clock in told["clocks"] for share in clock["shares"]}
    assert "Ada Lindqvist" in holders
    assert one["rules"][0]["policy_version"] >= 1
    await ada.get("/v1/tickets/nowhere-1/sla", expect=404)
    await ada.get(f"/v1/tickets/{ticket['number']}/sla", expect=422, depth="3")


async def test_a_running_clock_is_told_up_to_now(desk: Desk) -> None:
    ticket, ada = await desk.ticket("online-banking"), await desk.agent("ada")

    async def explained() -> tuple[Json, Json]:
        told = await ada.get(f"/v1/tickets/{ticket['id']}/sla")
        return told, next(clock for clock in told["clocks"] if clock["metric"] == "first_response")

    told, first = await eventually(explained)
    assert (first["outcome"], first["until"], first["remedy"]) == (None, told["as_of"], None)


async def test_clocks_are_told_after_the_ticket_was_edited(desk: Desk) -> None:
    ticket, ada = await desk.ticket("online-banking"), await desk.agent("ada")
    await ada.patch(f"/v1/tickets/{ticket['id']}", {"subject": "Online banking is slow"})
    assert (await ada.get(f"/v1/tickets/{ticket['id']}/sla"))["clocks"]


async def test_the_fact_column_keeps_what_clocks_hear_and_nothing_else(desk: Desk) -> None:
    ticket = await a_whole_life(desk)
    async with desk.database.connection() as connection:
        events = await list_envelopes(connection, UUID(ticket["id"]))
        query = select(LOG.c.type, LOG.c.fact).where(LOG.c.ticket_id == UUID(ticket["id"]), LOG.c.fact.is_not(None))
        rows = (await connection.execute(query.order_by(LOG.c.seq))).all()
    assert [(row.type, row.fact) for row in rows] == lines_of(events)


async def test_every_verdict_is_proved_and_a_corrupted_row_is_found(desk: Desk) -> None:
    ticket = await a_whole_life(desk)
    found = await verified(desk, ticket["id"])
    assert found.verdicts >= 2
    assert found.is_clean
    where = (VERDICTS.c.ticket_id == UUID(ticket["id"]), VERDICTS.c.metric == "first_response")
    async with desk.database.connection() as connection:
        await connection.execute(update(VERDICTS).where(*where).values(elapsed_seconds=12_345.0))
    found = await verified(desk, ticket["id"])
    assert [(one.metric, one.cycle) for one in found.differences] == [("first_response", 1)]
    async with desk.database.connection() as connection:
        await connection.execute(VERDICTS.delete().where(*where))
    assert [one.recorded for one in (await verified(desk, ticket["id"])).differences] == ["none"]


async def test_what_was_written_before_digests_is_proved_by_versions(desk: Desk) -> None:
    ticket = await a_whole_life(desk)
    async with desk.database.connection() as connection:
        await connection.execute(
            text("update events set data = data - 'policy_digest' where ticket_id = :id"), {"id": UUID(ticket["id"])}
        )
    assert (await verified(desk, ticket["id"])).is_clean


async def test_the_current_policy_changes_nothing_and_a_stricter_one_is_counted(desk: Desk) -> None:
    ticket, ada = await a_whole_life(desk), await desk.agent("ada")
    body = await current_policy(desk, ticket)
    since = ticket["created_at"]
    same = await ada.post("/v1/reports/what-if", {"policy": body, "from": since})
    assert same["verdicts"] >= 2
    assert (same["differences"], same["moved"], same["unjudged"], same["examples"]) == (0, 0, 0, [])
    strict = {**body, "targets": {name: dict.fromkeys(targets, 1) for name, targets in body["targets"].items()}}
    before = await everything(desk)
    report = await ada.post("/v1/reports/what-if", {"policy": {**strict, "calendar": body["calendar"]}, "from": since})
    assert await everything(desk) == before
    assert report["moved"] + report["differences"] > 0
    for group in (report["by_team"], report["by_priority"]):
        assert sum(metric["to_breached"] for one in group for metric in one["metrics"]) == sum(
            metric["to_breached"] for metric in report["total"]
        )


async def test_reports_under_other_rules_reach_as_far_as_the_permission(desk: Desk) -> None:
    ticket = await a_whole_life(desk)
    elsewhere, ada = await desk.ticket("access"), await desk.agent("ada")
    await ada.post(f"/v1/tickets/{elsewhere['id']}/resolve")
    asked = {"policy": await current_policy(desk, ticket), "from": ticket["created_at"]}

    async def is_judged() -> None:
        report = await ada.post("/v1/reports/what-if", asked)
        assert {"Online banking", "Access management"} <= {group["name"] for group in report["by_team"]}

    await eventually(is_judged, within=60)
    seen = await (await desk.agent("vera")).post("/v1/reports/what-if", asked)
    assert {group["name"] for group in seen["by_team"]} == {"Online banking"}
    await (await desk.agent("dmitri")).post("/v1/reports/what-if", asked, expect=403)


async def test_another_calendar_and_none_at_all_are_judged(desk: Desk) -> None:
    ticket, ada = await a_whole_life(desk), await desk.agent("ada")
    body, since = await current_policy(desk, ticket), ticket["created_at"]
    week = {day: [["00:00", "12:00"], ["12:01", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    asked = {
        "policy": body,
        "calendar": {"timezone": "UTC", "weekly": week},
        "replaces": ticket["sla"]["policy_id"],
        "from": since,
    }
    report = await ada.post("/v1/reports/what-if", asked)
    assert report["replaces"] == ticket["sla"]["policy_id"]
    assert report["unjudged"] == 0
    assert report["verdicts"] >= 2
    no_promise = {**body, "targets": {}}
    report = await ada.post("/v1/reports/what-if", {"policy": no_promise, "from": since})
    assert report["differences"] == sum(one["other_changes"] for one in report["total"]) > 0
    assert all(example["after"] is None for example in report["examples"])


async def test_a_question_that_makes_no_sense_is_refused(desk: Desk) -> None:
    ticket, ada = await desk.some_ticket(), await desk.agent("ada")
    body = await current_policy(desk, ticket)
    await ada.post("/v1/reports/what-if", {"policy": {**body, "calendar": "nowhere"}}, expect=422)
    await ada.post("/v1/reports/what-if", {"policy": {**body, "tragets": {}}}, expect=422)
    await ada.post("/v1/reports/what-if", {"policy": body, "replaces": ticket["id"]}, expect=404)
    await ada.post("/v1/reports/what-if", {"policy": body, "calendar": {"timezone": "UTC", "weekly": {}}}, expect=422)
    times = {"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}
    await ada.post("/v1/reports/what-if", {"policy": body, **times}, expect=422)


async def test_more_tickets_than_can_wait_are_sent_to_the_command_line(desk: Desk) -> None:
    ticket = await a_whole_life(desk)
    question = WhatIfInput.model_validate_json(json.dumps({"policy": await current_policy(desk, ticket)}))
    async with desk.database.connection() as connection:
        with pytest.raises(Problem) as refused:
            await what_if(connection, question, most=0)
    assert (refused.value.status, refused.value.code) == (422, "too_many_tickets")


async def everything(desk: Desk) -> Any:
    async with desk.database.connection() as connection:
        return (await connection.execute(text("select count(*), max(settled_at) from verdicts"))).one()


async def test_the_same_answers_on_the_command_line(
    desk: Desk, settings: AssignmentSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket, ada = await a_whole_life(desk), await desk.agent("ada")
    monkeypatch.setenv("EVERDESK_DATABASE_URL", settings.database_url.get_secret_value())

    async def everdesk(*words: str) -> Any:
        return await asyncio.to_thread(CliRunner().invoke, build_app(), ["sla", *words])

    told = await everdesk("explain", ticket["number"])
    assert told.exit_code == 0
    assert "First response: met" in told.output
    assert "Ada Lindqvist" in told.output
    assert json.loads((await everdesk("explain", ticket["number"], "--json")).output)["clocks"]
    assert (await everdesk("explain", "nowhere")).exit_code == 1
    exported = tmp_path / "policy.json"
    exported.write_text(json.dumps(await ada.get(f"/v1/sla-policies/{ticket['sla']['policy_id']}")))
    since = ("--from", ticket["created_at"])
    report = json.loads((await everdesk("what-if", "--policy", str(exported), *since, "--json")).output)
    assert (report["differences"], report["moved"], report["replaces"]) == (0, 0, ticket["sla"]["policy_id"])
    assert "0 would be different" in (await everdesk("what-if", "--policy", str(exported), *since)).output
    exported.write_text('{"name": "X"}')
    assert (await everdesk("what-if", "--policy", str(exported))).exit_code == 1
