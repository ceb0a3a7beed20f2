"""However a roll-out is interrupted, every ticket is told exactly once, and none is forgotten."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import cast
from uuid import UUID

import pytest
from sqlalchemy import select

from services.assignment.models import LoggedEvent, RolloutTicket
from services.assignment.sla_analysis import rollout_runner
from services.assignment.sla_analysis.rollout_runner import take_step
from shared.contracts.answers import CommandAnswer
from shared.contracts.base import TicketId
from shared.contracts.commands import Command
from shared.kit.ticket_errors import TicketsUnavailable
from shared.kit.tickets import Tickets
from tests.services.assignment.desk import Desk
from tests.services.assignment.sla_analysis.rollouts import FASTER, Promise, held_up
from tests.support.eventually import eventually
from tests.support.sizes import either

AT_ONCE = 8
TICKETS = either(30, 200)
"""More than a roll-out tells in one batch."""
DIES_AFTER = 20


class Killed(BaseException):
    """The process ends here: nothing is written down any more."""


class Mortal:
    """The way to the workflows of a process that dies after so many commands, each of which took effect."""

    def __init__(self, tickets: Tickets, lives: int) -> None:
        self.tickets, self.lives = tickets, lives

    async def execute(self, ticket_id: TicketId, command: Command) -> CommandAnswer:
        if not self.lives:
            raise Killed
        self.lives -= 1
        return await self.tickets.execute(ticket_id, command)


class Deaf:
    """A ticket that never answers, or fails as nobody thought of, among others that answer."""

    def __init__(self, tickets: Tickets, deaf: str, error: Exception) -> None:
        self.tickets, self.deaf, self.error = tickets, deaf, error

    async def execute(self, ticket_id: TicketId, command: Command) -> CommandAnswer:
        if str(ticket_id) == self.deaf:
            raise self.error
        return await self.tickets.execute(ticket_id, command)

    async def has_worker(self) -> bool:
        return await self.tickets.has_worker()


async def many(promise: Promise, number: int) -> set[str]:
    """Tickets that run under the policy, made some at a time."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one() -> str:
        async with places:
            return await promise.ticket()

    return set(await asyncio.gather(*(one() for _ in range(number))))


async def times_told(promise: Promise, rollout_id: str, mode: str) -> Counter[str]:
    """How often each ticket's log says that the roll-out reached it."""
    query = select(LoggedEvent.ticket_id).where(
        LoggedEvent.fact["rollout_id"].astext == rollout_id, LoggedEvent.fact["mode"].astext == mode
    )
    async with promise.desk.database.begin() as session:
        return Counter(str(ticket_id) for ticket_id in await session.scalars(query))


@pytest.mark.soak
async def test_many_tickets_are_told_once_each_although_the_process_dies_twice(desk: Desk) -> None:
    promise = await Promise.make(desk)
    tickets = await many(promise, TICKETS)
    await promise.change(targets=FASTER)
    async with held_up(desk):
        made = await promise.ada.post(promise.path, {"mode": "restart"}, expect=202)
        assert (made["state"], made["counts"]["queued"]) == ("queued", TICKETS)
        for _ in range(2):
            mortal = replace(desk.context, tickets=cast("Tickets", Mortal(desk.context.tickets, DIES_AFTER)))
            with pytest.raises(Killed):
                await take_step(mortal, UUID(made["id"]))
        half = await promise.ada.get(f"{promise.path}/{made['id']}")
        assert (half["state"], half["counts"]["queued"]) == ("running", TICKETS), "nothing was written down"
    done = await promise.finished(made["id"])
    assert (done["state"], done["counts"]["applied"]) == ("done", TICKETS)

    async def everybody_once() -> None:
        assert await times_told(promise, made["id"], "restart") == dict.fromkeys(tickets, 1)

    await eventually(everybody_once, within=30)
    back = await promise.revert(made["id"])
    assert back["counts"] == back["counts"] | {"total": TICKETS, "applied": 0, "reverted": TICKETS}


async def test_a_roll_out_taken_back_half_way_leaves_no_ticket_changed(desk: Desk) -> None:
    promise = await Promise.make(desk)
    tickets = await many(promise, 12)
    before = {ticket_id: await promise.due(ticket_id) for ticket_id in tickets}
    await promise.change(targets=FASTER)
    async with held_up(desk):
        made = await promise.ada.post(promise.path, {"mode": "carry"}, expect=202)
        mortal = replace(desk.context, tickets=cast("Tickets", Mortal(desk.context.tickets, 4)))
        with pytest.raises(Killed):
            await take_step(mortal, UUID(made["id"]))
        second = await promise.ada.post(promise.path, {"mode": "carry"}, expect=409)
        assert second["code"] == "rollout_under_way"
        await promise.ada.post(f"{promise.path}/{made['id']}/revert", expect=202)
    back = await promise.finished(made["id"])
    assert back["state"] == "reverted"
    counts = back["counts"]
    assert counts["reverted"] >= 4
    assert counts["reverted"] + counts["withdrawn"] == 12
    assert {ticket_id: await promise.due(ticket_id) for ticket_id in tickets} == before


async def test_while_temporal_is_away_nothing_is_lost_and_nothing_counts_as_tried(desk: Desk) -> None:
    promise = await Promise.make(desk)
    ticket = await promise.ticket()
    await promise.change(targets=FASTER)
    settings = desk.context.settings.model_copy(update={"temporal_address": "127.0.0.1:1"})
    away = replace(desk.context, tickets=await Tickets.connect(settings))
    async with held_up(desk):
        made = await promise.ada.post(promise.path, {"mode": "carry"}, expect=202)
        for _ in range(2):
            assert await take_step(away, UUID(made["id"])) is False
        async with desk.database.begin() as session:
            line = await session.get_one(RolloutTicket, (UUID(made["id"]), UUID(ticket)))
        assert (line.state, line.attempts) == ("queued", 0)
    assert (await promise.finished(made["id"]))["counts"]["applied"] == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TicketsUnavailable("the workflow did not answer in time"), "unavailable"),
        (ValueError("nobody thought of this"), "internal_error"),
    ],
)
async def test_a_ticket_that_never_answers_holds_up_no_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    monkeypatch.setattr(rollout_runner, "TRIES", 3)
    promise = await Promise.make(desk)
    tickets = sorted(await many(promise, 3))
    await promise.change(targets=FASTER)
    deaf = replace(desk.context, tickets=cast("Tickets", Deaf(desk.context.tickets, tickets[0], error)))
    async with held_up(desk):
        made = await promise.ada.post(promise.path, {"mode": "carry"}, expect=202)
        for _ in range(4):
            await take_step(deaf, UUID(made["id"]))
        lines = await promise.lines(made["id"])
        done = await promise.ada.get(f"{promise.path}/{made['id']}")
    assert [lines[ticket_id]["state"] for ticket_id in tickets] == ["failed", "applied", "applied"]
    assert (lines[tickets[0]]["code"], done["state"]) == (code, "failed")
    again = await promise.preview("carry")
    assert [item["ticket_id"] for item in again["items"]] == [tickets[0]]


async def test_tickets_closed_or_moved_to_another_policy_before_their_turn_are_refused(desk: Desk) -> None:
    promise, other = await Promise.make(desk), await Promise.make(desk)
    closes, moves, stays = [await promise.ticket() for _ in range(3)]
    await promise.change(targets=FASTER)
    async with held_up(desk):
        made = await promise.ada.post(promise.path, {"mode": "carry"}, expect=202)
        await promise.act(closes, "close", {"reason": "resolved"})
        await promise.act(moves, "change-policy", {"policy_id": other.id})
    done = await promise.finished(made["id"])
    assert done["counts"] == done["counts"] | {"applied": 1, "refused": 2, "queued": 0}
    lines = await promise.lines(made["id"])
    assert {ticket_id: lines[ticket_id]["code"] for ticket_id in (closes, moves, stays)} == {
        closes: "illegal_transition",
        moves: "other_policy",
        stays: None,
    }
    assert not await promise.applied(moves, made["id"], "carry")
