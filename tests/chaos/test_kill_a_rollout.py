"""Kill -9 in the middle of a roll-out: it goes on by itself, and every ticket gets the new policy exactly once."""

import asyncio
import os
import signal

import pytest

from tests.local.running import LocalStack
from tests.support.api import Api, Json, SystemClients
from tests.support.eventually import eventually
from tests.support.sizes import either

TICKETS = either(40, 120)
AT_ONCE = 8
# Which process dies, and the warnings that the policy gets before it: a change that changes nothing makes no version.
VICTIMS = {"assignment": [10, 20], "worker": [10, 30], "temporal": [10, 40], "postgres": [10, 50]}


async def submitted(system: SystemClients, prefix: str) -> set[str]:
    """New tickets, all of them triaged."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> str:
        async with places:
            return str((await system.submit(f"{prefix} {number}"))["id"])

    return set(await asyncio.gather(*(one(number) for number in range(TICKETS))))


async def progress(ada: Api, path: str, applied: int) -> None:
    rollout = await ada.get(path)
    assert rollout["counts"]["applied"] >= applied, rollout


async def finished(ada: Api, path: str) -> Json:
    rollout = await ada.get(path)
    assert rollout["state"] in ("done", "failed", "reverted"), rollout
    return rollout


@pytest.mark.chaos
@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("victim", either(("temporal",), tuple(VICTIMS)))
async def test_a_roll_out_survives_the_death_of_any_process_it_needs(stack: LocalStack, victim: str) -> None:
    system = SystemClients(stack.described())
    ada = await system.sign_in("ada@everdesk.example")
    tickets = await submitted(system, victim)

    async def all_open() -> None:
        found = {each["id"]: each["status"] for each in await ada.all("/v1/tickets", view="all")}
        assert all(found.get(ticket_id) == "open" for ticket_id in tickets)

    await eventually(all_open, within=90)
    policy = next(each for each in (await ada.get("/v1/sla-policies"))["items"] if each["is_default"])
    changed = await ada.client.patch(
        f"{ada.base_url}/v1/sla-policies/{policy['id']}",
        json={"warn_at": VICTIMS[victim]},
        headers={"Authorization": f"Bearer {ada.token}"},
    )
    assert changed.status_code == 200, changed.text
    made = await ada.post(f"/v1/sla-policies/{policy['id']}/rollouts", {"mode": "restart"}, expect=202)
    path = f"/v1/sla-policies/{policy['id']}/rollouts/{made['id']}"
    await eventually(lambda: progress(ada, path, 1), within=60)
    os.kill(stack.described()["pids"][victim], signal.SIGKILL)

    done = await eventually(lambda: finished(ada, path), within=120)
    assert (done["state"], done["counts"]["queued"]) == ("done", 0)
    assert done["counts"]["applied"] == made["counts"]["total"]
    lines = {line["ticket_id"]: line["state"] for line in await ada.all(f"{path}/tickets")}
    assert all(lines[ticket_id] == "applied" for ticket_id in tickets)
    await eventually(lambda: each_once(ada, tickets, made["id"]), within=60)


async def each_once(ada: Api, tickets: set[str], rollout_id: str) -> None:
    for ticket_id in tickets:
        entries = await ada.all(f"/v1/tickets/{ticket_id}/timeline")
        told = [entry for entry in entries if rollout_id in str(entry)]
        assert len(told) == 1, told
