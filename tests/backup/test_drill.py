"""A drill: a system in use is saved, lost, and brought back elsewhere, with streams that are older than the rest."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli.app import build_app
from deploy.cli.backup.manifest import MANIFEST, read_manifest, write_checksums
from shared.kit.clock import utc_now
from tests.backup.releases import Release, releases
from tests.local.running import LocalStack
from tests.support.api import Api, Json, SystemClients, status_is
from tests.support.eventually import eventually
from tests.support.memory_disk import data_folder
from tests.support.sizes import IS_SOAK, either
from tests.support.whole_system import lay_databases

BEFORE, AT_ONCE = either(3, 60), either(2, 6)
PAUSE_SECONDS = 0.1
DUE_SECONDS = either(30, 90)
KEY = "drill-reply-1"


@dataclass
class Acknowledged:
    """What the system has said yes to, and when."""

    tickets: dict[str, datetime] = field(default_factory=dict)
    """When the 201 was there, by id."""
    asked: dict[str, datetime] = field(default_factory=dict)
    """When the request went out, by id."""
    keys: dict[str, str] = field(default_factory=dict)

    def until(self, instant: datetime) -> list[str]:
        """Tickets acknowledged before an instant."""
        return [ticket_id for ticket_id, at in self.tickets.items() if at < instant]


async def submit(system: SystemClients, kept: Acknowledged, number: int) -> str:
    key, asked = f"drill-{number}", utc_now()
    body = {
        "requester": {"email": f"drill-{number}@bank.example", "name": "Dana Ruiz"},
        "subject": f"Drill {number}",
        "body": "Login returns 502.",
        "body_format": "text",
        "topic": "online-banking",
    }
    opened = await system.intake.post("/v1/tickets", body, expect=201, **{"Idempotency-Key": key})
    ticket_id = str(opened["id"])
    kept.tickets[ticket_id], kept.asked[ticket_id], kept.keys[key] = utc_now(), asked, ticket_id
    return ticket_id


async def everdesk(stack: LocalStack, *arguments: str) -> tuple[int, str]:
    """The operator's command, where that stack is; exit status and all it said. In this process: importing is slow."""
    others = {name: None for name in os.environ if name.startswith("EVERDESK_")}
    environment = others | {"EVERDESK_HOME": str(stack.state)}
    done = await asyncio.to_thread(CliRunner().invoke, build_app(), list(arguments), env=environment)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, " ".join(done.output.split())


@asynccontextmanager
async def writing(system: SystemClients, kept: Acknowledged) -> AsyncIterator[None]:
    """Requesters go on opening tickets for as long as the block lasts."""

    async def write(lane: int) -> None:
        number = 1000 * lane
        while True:
            await submit(system, kept, number := number + 1)
            await asyncio.sleep(PAUSE_SECONDS)

    lanes = [asyncio.create_task(write(lane)) for lane in range(1, AT_ONCE + 1)]
    try:
        yield
    finally:
        for lane in lanes:
            lane.cancel()
            with suppress(asyncio.CancelledError):
                await lane


def with_streams_of(early: Path, late: Path) -> None:
    """Makes a back-up whose streams lag behind its databases, as engines that are restored one by one can."""
    older, manifest = read_manifest(early), read_manifest(late)
    shutil.rmtree(late / "streams")
    shutil.copytree(early / "streams", late / "streams")
    (late / MANIFEST).unlink()
    changed = manifest.model_copy(
        update={
            "streams": older.streams,
            "streams_at": older.streams_at,
            "checksums_sha256": write_checksums(late),
        }
    )
    (late / MANIFEST).write_text(changed.model_dump_json())


async def assigned(agent: Api, ticket_id: str) -> Json:
    ticket = await agent.get(f"/v1/tickets/{ticket_id}")
    assert (ticket.get("assignee") or {}).get("id") or ticket.get("assignee_id"), ticket
    return ticket


async def clock_is(agent: Api, ticket_id: str, outcome: str) -> None:
    clocks = (await agent.get(f"/v1/tickets/{ticket_id}"))["sla"]["clocks"]
    assert {clock["metric"]: clock["outcome"] for clock in clocks}["first_response"] == outcome, clocks


async def breached(agent: Api, ticket_id: str) -> None:
    timeline = await agent.all(f"/v1/tickets/{ticket_id}/timeline")
    assert sum("sla_breached" in str(entry) for entry in timeline) == 1, timeline


async def shorten_targets(ada: Api) -> None:
    """First responses are due soon, so that one is due while nothing runs."""
    for policy in (await ada.get("/v1/sla-policies"))["items"]:
        targets = {
            priority: {**metrics, "first_response": DUE_SECONDS} for priority, metrics in policy["targets"].items()
        }
        changed = await ada.client.patch(
            f"{ada.base_url}/v1/sla-policies/{policy['id']}",
            json={"targets": targets, "calendar": "always"},
            headers={"Authorization": f"Bearer {ada.token}"},
        )
        assert changed.status_code == 200, changed.text


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_a_saved_system_comes_back_elsewhere(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    kept = Acknowledged()
    early, late = tmp_path / "early", tmp_path / "late"
    with data_folder(tmp_path_factory, "drill") as folder, data_folder(tmp_path_factory, "drill-again") as elsewhere:
        before = LocalStack.in_folder(folder, has_stubs=False)
        await lay_databases(tmp_path_factory, pytestconfig, before)
        await before.start(within=120)
        try:
            replied, answer = await use(before, kept, early, late)
        finally:
            await before.stop()
        manifest = read_manifest(late)
        with_streams_of(early, late)

        after = LocalStack.in_folder(elsewhere, has_stubs=False)
        status, said = await everdesk(after, "backup", "restore", str(late))
        assert status == 0, said
        status, said = await everdesk(after, "backup", "restore", str(late))
        assert status == 1, said
        assert "is not empty" in said
        await after.start(within=120)
        try:
            await check(after, kept, manifest.cut_at, replied, answer)
        finally:
            await after.stop()


async def use(stack: LocalStack, kept: Acknowledged, early: Path, late: Path) -> tuple[str, Json]:
    """Work, two back-ups, the second in the middle of it. Returns the answered ticket, and the answer."""
    system = SystemClients(stack.described())
    ada = await system.sign_in("ada@everdesk.example")
    await shorten_targets(ada)
    status, said = await everdesk(stack, "backup", "create", str(early))
    assert status == 0, said
    for number in range(BEFORE):
        await submit(system, kept, number)
    replied = next(iter(kept.tickets))
    await eventually(partial(assigned, ada, replied), within=20)
    answer = await reply(ada, replied)
    await eventually(partial(clock_is, ada, replied, "met"), within=20)
    await eventually(partial(mailed, system, "drill-0@bank.example", 2), within=20)
    async with writing(system, kept):
        status, said = await everdesk(stack, "backup", "create", str(late))
    assert status == 0, said
    status, said = await everdesk(stack, "backup", "verify", str(late))
    assert status == 0, said
    return replied, answer


async def reply(ada: Api, ticket_id: str) -> Json:
    body = {"body": "We are on it.", "body_format": "text"}
    return await ada.post(f"/v1/tickets/{ticket_id}/replies", body, expect=None, **{"Idempotency-Key": KEY})


async def mailed(system: SystemClients, address: str, count: int) -> None:
    assert len(await system.mails_to(address)) >= count


async def check(stack: LocalStack, kept: Acknowledged, cut_at: datetime, replied: str, answer: Json) -> None:
    """What a restored system has to be able to do."""
    status, said = await everdesk(stack, "backup", "reconcile")
    assert status == 0, said
    assert "published again" in said
    system = SystemClients(stack.described())
    ada = await system.sign_in("ada@everdesk.example")
    saved = kept.until(cut_at)
    assert len(saved) > BEFORE
    for ticket_id in saved:
        await eventually(partial(assigned, ada, ticket_id), within=30)

    assert await reply(ada, replied) == answer
    again = Acknowledged()
    assert await submit(system, again, 0) == replied
    assert len(await ada.all(f"/v1/tickets/{replied}/messages")) == 2

    unanswered = saved[1]
    await eventually(partial(breached, ada, unanswered), within=DUE_SECONDS + 20)
    await status_is(ada, unanswered, "open")
    assert await system.mails_to("drill-0@bank.example") == []

    status, said = await everdesk(stack, "sla", "verify")
    assert status == 0, said
    status, said = await everdesk(stack, "backup", "reconcile")
    assert status == 0, said
    note = json.loads((stack.state / "restored.json").read_text())
    assert note["reconciled_at"]


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.skipif(not IS_SOAK, reason="starts one more system")
@pytest.mark.parametrize("release", releases(), ids=lambda release: release.version)
async def test_a_system_of_an_older_release_goes_on(
    release: Release, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    """Its back-up, restored and started with today's code: migrated, and its tickets can be worked."""
    backup = await asyncio.to_thread(release.unpack, tmp_path / "release")
    tickets: dict[str, str] = release.facts(backup)["tickets"]
    with data_folder(tmp_path_factory, "release") as folder:
        stack = LocalStack.in_folder(folder, has_stubs=False)
        status, said = await everdesk(stack, "backup", "restore", str(backup))
        assert status == 0, said
        await stack.start(within=120)
        try:
            ada = await SystemClients(stack.described()).sign_in("ada@everdesk.example")
            status, said = await everdesk(stack, "backup", "reconcile")
            assert status == 0, said
            await reply(ada, tickets["waiting"])
            await ada.post(f"/v1/tickets/{tickets['waiting']}/resolve")
            await status_is(ada, tickets["waiting"], "resolved")
            for name in ("pending", "on_hold"):
                await ada.post(f"/v1/tickets/{tickets[name]}/resume")
                await status_is(ada, tickets[name], "open")
            status, said = await everdesk(stack, "sla", "verify")
            assert status == 0, said
        finally:
            await stack.stop()
