"""The read model rebuilt from the event log, beside a service that goes on."""

import asyncio
import os
import random
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update

from deploy.local.engines import Stack
from services.assignment.models import MajorIncident, SettledClock, Ticket, table_of
from services.assignment.read_model.command import format_difference
from services.assignment.read_model.reconcile import RowDifference, reconcile
from services.assignment.read_model.shadow import COMPARED
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import Desk
from tests.services.assignment.random_life import RandomLife, take_in
from tests.support.eventually import eventually
from tests.support.settings import common_environment

WRONG: dict[str, Any] = {
    "status": "on_hold",
    "priority_rank": 0,
    "assignee_id": None,
    "assigned_at": None,
    "next_due_at": utc_now(),
    "snapshot": {},
    "seq": 1,
    "is_incident": True,
}


async def lives_of(desk: Desk, count: int, steps: int) -> list[RandomLife]:
    chance = random.Random(count)
    lives = [RandomLife(chance, new_id()) for _ in range(count)]
    for life in lives:
        for _ in range(steps):
            await take_in(desk, life, chance)
            life.happen()
        await take_in(desk, life, chance)
    return lives


async def differences(desk: Desk, ids: Sequence[UUID], *, is_check: bool) -> list[RowDifference]:
    found: list[RowDifference] = []
    async for progress in reconcile(desk.database, is_check=is_check, only=ids):
        found += progress.differences
    return found


async def rows_of(desk: Desk, ids: Sequence[UUID]) -> list[Any]:
    async with desk.database.begin() as session:
        columns = [table_of(Ticket).c[name] for name in COMPARED if name != "worked_until"]
        tickets = await session.execute(select(Ticket.id, *columns).where(Ticket.id.in_(ids)).order_by(Ticket.id))
        verdicts = select(table_of(SettledClock)).where(SettledClock.ticket_id.in_(ids))
        return [*map(tuple, tickets), *sorted(tuple(row)[:-1] for row in await session.execute(verdicts))]


async def test_what_is_rebuilt_equals_what_was_projected_row_by_row(desk: Desk) -> None:
    lives = await lives_of(desk, 4, 12)
    ids: list[UUID] = [life.id for life in lives]
    assert await differences(desk, ids, is_check=True) == []
    async with desk.database.begin() as session:
        session.add(MajorIncident(ticket_id=ids[1], declared_by=new_id(), declared_at=utc_now()))
    live = await rows_of(desk, ids)
    async with desk.database.begin() as session:
        await session.execute(update(Ticket).where(Ticket.id == ids[0]).values(WRONG))
        await session.execute(delete(Ticket).where(Ticket.id == ids[1]))
        await session.execute(update(SettledClock).where(SettledClock.ticket_id == ids[2]).values(outcome="met"))
        await session.execute(delete(SettledClock).where(SettledClock.ticket_id == ids[3]))
    told = await differences(desk, ids, is_check=True)
    assert {one.what for one in told if one.ticket_id == ids[0]} >= {"status", "snapshot", "seq", "is_incident"}
    assert [one.what for one in told if one.ticket_id == ids[1]] == ["row"]
    assert all(str(one.ticket_id) in format_difference(one) for one in told)
    assert await rows_of(desk, ids) != live, "a check writes nothing"
    assert await differences(desk, ids, is_check=False) == told
    assert await rows_of(desk, ids) == live
    assert await differences(desk, ids, is_check=True) == []


async def test_events_that_arrive_during_a_rebuild_are_kept(desk: Desk) -> None:
    """While tickets are projected, the read model is spoilt and rebuilt again and again."""
    chance = random.Random(5)
    lives = [RandomLife(chance, new_id()) for _ in range(3)]
    ids = [life.id for life in lives]

    async def live_on() -> None:
        for _ in range(12):
            for life in lives:
                await take_in(desk, life, chance)
                life.happen()
        for life in lives:
            await take_in(desk, life, chance)

    living = asyncio.create_task(live_on())
    while not living.done():
        async with desk.database.begin() as session:
            await session.execute(update(Ticket).where(Ticket.id == ids[0]).values(status="pending", snapshot={}))
        await differences(desk, ids, is_check=False)
    await living
    await differences(desk, ids, is_check=False)
    assert await differences(desk, ids, is_check=True) == []
    ada = await desk.agent("ada")
    for life in lives:
        seen = await ada.get(f"/v1/tickets/{life.id}")
        state = life.ticket.state.snapshot()
        assert (seen["status"], seen["seq"], seen["revision"]) == (state.status.value, state.seq, state.revision)


ONE_AT_A_TIME = """\
from services.assignment.read_model import command, reconcile
reconcile.AT_ONCE = 1
command.run_read_model()"""


async def test_a_rebuild_that_is_killed_in_the_middle_is_run_again(desk: Desk, engines: Stack) -> None:
    """The third ticket's row is locked, so the rebuild waits there; then it is killed."""
    ids: list[UUID] = sorted(life.id for life in await lives_of(desk, 5, 6))
    live = await rows_of(desk, ids)
    async with desk.database.begin() as session:
        await session.execute(update(Ticket).where(Ticket.id.in_(ids)).values(status="on_hold", priority_rank=0))
        await session.execute(delete(SettledClock).where(SettledClock.ticket_id.in_(ids)))
    spoilt = await rows_of(desk, ids)
    async with desk.database.begin() as session:
        await session.execute(select(Ticket.id).where(Ticket.id == ids[2]).with_for_update())
        rebuild = await rebuild_beside(engines, UUID(int=ids[0].int - 1))
        await eventually(lambda: is_at(desk, ids[1], live))
        rebuild.kill()
        await rebuild.wait()
    halfway = await rows_of(desk, ids)
    assert (halfway[:2], halfway[2:5]) == (live[:2], spoilt[2:5])
    rebuild = await rebuild_beside(engines, UUID(int=ids[0].int - 1))
    said, _ = await rebuild.communicate()
    assert rebuild.returncode == 0, said
    assert await rows_of(desk, ids) == live
    assert await differences(desk, ids, is_check=True) == []


async def rebuild_beside(engines: Stack, after: UUID) -> asyncio.subprocess.Process:
    """A process of its own that rebuilds, a ticket at a time."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EVERDESK_")}
    environment |= common_environment(engines) | {"EVERDESK_DATABASE_URL": engines.postgres.url("assignment")}
    arguments = ("read-model", "rebuild", "--after", str(after))
    command = (sys.executable, "-c", ONE_AT_A_TIME, *arguments)
    return await asyncio.create_subprocess_exec(
        *command, stdout=PIPE, stderr=asyncio.subprocess.STDOUT, env=environment
    )


async def is_at(desk: Desk, ticket_id: UUID, live: Sequence[Any]) -> bool:
    """Whether a ticket's row is again as it was."""
    return bool((await rows_of(desk, [ticket_id]))[0] == next(row for row in live if row[0] == ticket_id))


async def test_a_corrected_subject_is_no_difference(desk: Desk) -> None:
    ticket = await desk.ticket_of("ada")
    ada = await desk.agent("ada")
    await ada.patch(f"/v1/tickets/{ticket['id']}", {"subject": "Another one"})
    assert await differences(desk, [UUID(ticket["id"])], is_check=False) == []
    assert (await ada.get(f"/v1/tickets/{ticket['id']}"))["subject"] == "Another one"
