"""The audit log: every change of the configuration with its author, and a chain that shows any tampering."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from services.assignment.web.page_base import SESSION_COOKIE
from shared.kit.audit_log import FIRST_HASH, PRUNED, audit_log, prune_audit_log, verify_chain
from shared.kit.clock import new_id, utc_now
from shared.kit.http.problems import Problem
from shared.kit.http.sibling_service import SiblingAnswer, SiblingService
from tests.services.assignment.desk import Desk, Json, agent_id, team_id


async def entries_of(desk: Desk, subject: str) -> list[Json]:
    ada = await desk.agent("ada")
    found: list[Json] = (await ada.get("/v1/audit", subject=subject))["items"]
    return found


async def rows_of(desk: Desk) -> list[dict[str, Any]]:
    async with desk.database.begin() as session:
        rows = await session.execute(select(audit_log).order_by(audit_log.c.seq))
        return [dict(row) for row in rows.mappings()]


async def each(rows: list[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    for row in rows:
        yield row


async def test_every_kind_of_change_is_logged_with_its_author_and_both_values(desk: Desk) -> None:
    ada, unique = await desk.agent("ada"), new_id().hex[-8:]
    role = await ada.post("/v1/roles", {"name": f"R {unique}", "scope": "all", "permissions": []}, expect=201)
    await ada.patch(f"/v1/roles/{role['id']}", {"scope": "teams"})
    await ada.patch(f"/v1/roles/{role['id']}", {"scope": "teams"})
    changed, added = await entries_of(desk, role["id"])
    assert (added["action"], added["before"]) == ("role.added", None)
    assert (changed["action"], changed["actor_name"], changed["actor_id"]) == (
        "role.changed",
        "Ada Lindqvist",
        str(agent_id("ada")),
    )
    assert (changed["before"]["scope"], changed["after"]["scope"]) == ("all", "teams")
    assert changed["address"]
    week = {"mon": [["09:00", "17:00"]]}
    calendar = {"slug": f"c-{unique}", "name": "Hours", "timezone": "UTC", "weekly": week}
    await ada.post("/v1/calendars", calendar, expect=201)
    await ada.patch(f"/v1/calendars/c-{unique}", {"timezone": "Europe/Berlin"})
    await ada.post(f"/v1/calendars/c-{unique}/versions/1/restore", expect=201)
    policy = await ada.post("/v1/sla-policies", {"name": "P", "calendar": f"c-{unique}", "targets": {}}, expect=201)
    await ada.patch(f"/v1/sla-policies/{policy['id']}", {"name": "Q"})
    team = await ada.post("/v1/teams", {"slug": f"t-{unique}", "name": "Night"}, expect=201)
    await ada.patch(f"/v1/teams/{team['id']}", {"is_active": False})
    body = {"position": int(unique, 16) % 900_000 + 1000, "team_id": str(team_id("online-banking")), "topic": "general"}
    rule = await ada.post("/v1/routing-rules", body, expect=201)
    assert (await ada.send("DELETE", f"/v1/routing-rules/{rule['id']}")).status_code == 204
    for subject, actions in (
        (f"c-{unique}", ["calendar.changed", "calendar.changed", "calendar.added"]),
        (policy["id"], ["sla-policy.changed", "sla-policy.added"]),
        (team["id"], ["team.changed", "team.added"]),
        (rule["id"], ["routing-rule.removed", "routing-rule.added"]),
    ):
        assert [entry["action"] for entry in await entries_of(desk, subject)] == actions


async def test_a_new_password_is_logged_and_never_shown(desk: Desk) -> None:
    ada, unique = await desk.agent("ada"), new_id().hex[-8:]
    body = {"email": f"x{unique}@everdesk.example", "name": "Xenia", "password": "plum-orbit-lantern-42"}
    agent = await ada.post("/v1/agents", body, expect=201)
    await ada.patch(f"/v1/agents/{agent['id']}", {"password": "lantern-orbit-plum-43"})
    changed, _ = await entries_of(desk, agent["id"])
    assert changed["after"]["note"] == "new password"
    csv = (await ada.send("GET", f"/v1/audit.csv?subject={agent['id']}")).text
    assert csv.count("\r\n") == 3
    assert "lantern" not in csv


async def test_a_refused_change_leaves_no_entry(desk: Desk) -> None:
    ada, before = await desk.agent("ada"), len(await rows_of(desk))
    await ada.post("/v1/roles", {"name": "All access", "scope": "all", "permissions": []}, expect=409)
    await ada.patch(f"/v1/agents/{agent_id('ada')}", {"is_active": False}, expect=409)
    assert len(await rows_of(desk)) == before


async def test_the_database_refuses_to_change_remove_or_empty_the_log(desk: Desk) -> None:
    ada = await desk.agent("ada")
    await ada.post("/v1/roles", {"name": new_id().hex, "scope": "all", "permissions": []}, expect=201)
    for statement in ("update audit_log set actor_name = 'x'", "delete from audit_log", "truncate audit_log"):
        with pytest.raises(DBAPIError, match="append-only"):
            async with desk.database.begin() as session:
                await session.execute(text(statement))


async def test_tampering_breaks_the_chain_where_it_happened(desk: Desk) -> None:
    ada = await desk.agent("ada")
    for _ in range(4):
        await ada.post("/v1/roles", {"name": new_id().hex, "scope": "all", "permissions": []}, expect=201)
    rows = await rows_of(desk)
    whole = await verify_chain(each(rows))
    assert (whole.broken_at, whole.entries, whole.newest_hash) == (None, len(rows), rows[-1]["hash"])
    at = rows[-3]["seq"]
    for name, value in (("actor_name", "Eve"), ("after", {"scope": "teams"}), ("at", utc_now()), ("address", "::1")):
        forged = [row | {name: value} if row["seq"] == at else row for row in rows]
        assert (await verify_chain(each(forged))).broken_at == at
    assert (await verify_chain(each([row for row in rows if row["seq"] != at]))).broken_at == at
    assert (await verify_chain(each(rows[2:]))).broken_at == rows[2]["seq"]


async def test_retention_removes_the_oldest_and_the_rest_still_verifies(desk: Desk) -> None:
    ada = await desk.agent("ada")
    await ada.post("/v1/roles", {"name": new_id().hex, "scope": "all", "permissions": []}, expect=201)
    async with desk.database.begin() as session:
        await prune_audit_log(session, timedelta(days=30), utc_now())
    rows = await rows_of(desk)
    assert rows[0]["previous_hash"] == FIRST_HASH, "nothing is old enough"
    async with desk.database.begin() as session:
        await prune_audit_log(session, timedelta(days=30), utc_now() + timedelta(days=31))
    (kept,) = await rows_of(desk)
    assert (kept["action"], kept["seq"]) == (PRUNED, rows[-1]["seq"] + 1)
    assert kept["previous_hash"] == rows[-1]["hash"]
    await ada.post("/v1/roles", {"name": new_id().hex, "scope": "all", "permissions": []}, expect=201)
    left = await rows_of(desk)
    assert (await verify_chain(each(left))).broken_at is None
    assert (await verify_chain(each(left[1:]))).broken_at is not None


async def test_reading_the_log_asks_for_the_permission(desk: Desk) -> None:
    chioma, ada = await desk.agent("chioma"), await desk.agent("ada")
    await chioma.get("/v1/audit", expect=403)
    await ada.get("/v1/audit", expect=422, cursor="bad")
    await ada.get("/v1/audit", expect=422, **{"from": "yesterday"})
    for _ in range(2):
        await ada.post("/v1/roles", {"name": new_id().hex, "scope": "all", "permissions": []}, expect=201)
    page = await ada.get("/v1/audit", limit="1", kind="role")
    assert len(page["items"]) == 1
    following = await ada.get("/v1/audit", limit="1", kind="role", cursor=page["next_cursor"])
    assert following["items"][0]["seq"] < page["items"][0]["seq"]


async def test_the_page_lists_and_exports_the_logs_of_all_services(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, word = await desk.agent("ada"), new_id().hex[-8:]
    role = await ada.post("/v1/roles", {"name": word, "scope": "all", "permissions": []}, expect=201)
    own = (await entries_of(desk, role["id"]))[0]
    asked: list[dict[str, str]] = []

    async def call(service: SiblingService, *_: Any, query: dict[str, str], **__: Any) -> SiblingAnswer:
        asked.append(dict(query))
        if service is desk.context.siblings.intake:
            raise Problem(503, "unavailable", "intake is away")
        webhook = own | {"action": "webhook.added", "subject_name": f"Hook {word}", "at": "2100-01-01T00:00:00Z"}
        items = [webhook | {"seq": seq} for seq in (9, 8)] if "cursor" not in query else []
        return SiblingAnswer(200, {"items": items, "next_cursor": None}, None)

    monkeypatch.setattr(SiblingService, "call", call)
    cookies = {"Cookie": f"{SESSION_COOKIE}={ada.token}"}
    page = (await desk.http.get("/admin/audit", headers=cookies)).text
    assert page.index(f"Webhook added: Hook {word}") < page.index(f"Role added: {word}")
    assert "entry 9 of notification" in page
    assert "The intake service does not answer" in page
    narrowed = (await desk.http.get("/admin/audit?service=notification&kind=webhook", headers=cookies)).text
    assert f"Hook {word}" in narrowed
    assert f"Role added: {word}" not in narrowed
    assert asked[-1]["kind"] == "webhook"
    before = len(asked)
    assert "No changes found" not in (await desk.http.get("/admin/audit?kind=role", headers=cookies)).text
    assert len(asked) == before, "the others have no roles"
    table = (await desk.http.get("/admin/audit/export", headers=cookies)).text.splitlines()
    assert table[0].startswith("service,seq,")
    assert sum(line.startswith("notification,") for line in table) == 2
    assert any(line.startswith("desk,") and word in line for line in table)
    assert table[-1].startswith("intake,did not answer")
    desk.http.cookies.clear()
