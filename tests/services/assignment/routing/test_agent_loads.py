"""What is kept as agents' loads is what a count of their tickets says, whoever writes, adds up or dies meanwhile."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from services.assignment.models import AgentLoad, AgentLoadChange, Ticket, table_of
from services.assignment.read_model.command import format_load_difference
from services.assignment.routing import agent_loads
from services.assignment.routing.agent_loads import LoadDifference, add_up_changes, check_loads, correct_loads
from services.assignment.routing.rosters import read_rosters
from shared.contracts.base import AgentId, TeamId
from shared.contracts.vocabulary import Priority
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import Desk
from tests.services.assignment.routing.routed_team import RoutedTeam
from tests.support.eventually import eventually

TICKETS = table_of(Ticket)
STATUSES = ("new", "open", "pending", "on_hold", "resolved", "closed")
WRITERS, STEPS = 4, 25


class ProcessDied(Exception):
    """In the middle of a transaction."""


class LoadedTeam:
    """Agents who get nothing by routing, and tickets without workflows that come to them and leave them."""

    def __init__(self, desk: Desk, team: RoutedTeam) -> None:
        self.desk, self.team = desk, TeamId(UUID(team.team))
        self.agents = [AgentId(UUID(one)) for one in team.agents]
        self.tickets = sorted(new_id() for _ in range(12))

    @classmethod
    @asynccontextmanager
    async def made(cls, desk: Desk) -> "AsyncIterator[LoadedTeam]":
        one = cls(desk, await RoutedTeam.made(desk, [{"availability": "offline"}] * 3))
        try:
            yield one
        finally:
            async with desk.database.begin() as session:
                await session.execute(delete(Ticket).where(Ticket.id.in_(one.tickets)))

    async def live(self, chance: random.Random) -> None:
        """Some of everything that may happen to tickets, a few of them in each transaction, which may be lost."""
        for _ in range(STEPS):
            with suppress(ProcessDied, IntegrityError):  # two that write a new ticket at one instant: one begins anew
                async with self.desk.database.begin() as session:
                    for one in sorted(chance.sample(self.tickets, chance.randint(1, 3))):
                        await session.execute(self.change(one, chance))
                    if chance.random() < 0.3:
                        raise ProcessDied

    def change(self, ticket_id: UUID, chance: random.Random) -> Any:
        """A ticket is deleted, changed, or written as the projection does."""
        if chance.random() < 0.1:
            return delete(TICKETS).where(TICKETS.c.id == ticket_id)
        agent, priority = chance.choice([None, *self.agents]), chance.choice(list(Priority))
        state: dict[str, Any] = {
            "status": chance.choice(STATUSES),
            "priority": priority.value,
            "priority_rank": priority.rank,
        }
        state |= {"assignee_id": agent, "assigned_at": utc_now() if agent else None}
        if chance.random() < 0.4:
            return update(TICKETS).where(TICKETS.c.id == ticket_id).values(state)
        return self.written(ticket_id, state)

    def written(self, ticket_id: UUID, state: dict[str, Any]) -> Any:
        """A ticket is new, or is so now."""
        row = {"id": ticket_id, "number": f"L{ticket_id.hex[-12:]}", "team_id": self.team, "snapshot": {}, "seq": 1}
        instants = {"created_at": utc_now(), "updated_at": utc_now()}
        return (
            insert(TICKETS)
            .values({**row, **state, **instants})
            .on_conflict_do_update(index_elements=["id"], set_=state)
        )

    async def add_up(self, lives: "list[asyncio.Task[None]]") -> None:
        """As several processes' jobs do while tickets change; whatever moment it is, nothing differs."""
        while not all(life.done() for life in lives):
            await asyncio.gather(add_up_changes(self.desk.database), add_up_changes(self.desk.database))
            assert await self.differences() == []

    async def differences(self) -> list[LoadDifference]:
        """Of these agents; others' tickets are other tests'."""
        async with self.desk.database.begin() as session:
            return [one for one in await check_loads(session) if one.agent_id in self.agents]

    async def pending(self) -> int:
        """Changes that nobody has added up."""
        async with self.desk.database.begin() as session:
            theirs = AgentLoadChange.agent_id.in_(self.agents)
            return await session.scalar(select(func.count()).select_from(AgentLoadChange).where(theirs)) or 0


async def test_loads_are_what_a_count_says_while_tickets_change_and_processes_die(desk: Desk) -> None:
    async with LoadedTeam.made(desk) as team:
        lives = [asyncio.create_task(team.live(random.Random(seed))) for seed in range(WRITERS)]
        await team.add_up(lives)
        await asyncio.gather(*lives)
        assert await team.differences() == []

        async def are_added_up() -> None:
            await add_up_changes(desk.database)
            assert (await team.differences(), await team.pending()) == ([], 0)

        await eventually(are_added_up)
        async with desk.database.begin() as session:
            roster = (await read_rosters(session, desk.context.place, [team.team], utc_now()))[team.team]
            counted = await session.execute(
                select(Ticket.assignee_id, func.count(), func.max(Ticket.assigned_at))
                .where(Ticket.status.not_in(("resolved", "closed")), Ticket.assignee_id.in_(team.agents))
                .group_by(Ticket.assignee_id)
            )
            rows = {row[0]: row for row in counted}
        for agent, standing in roster.roster.standings.items():
            _, load, assigned_at = rows.get(agent, (agent, 0, None))
            assert standing.load == load
            assert assigned_at is None or (standing.last_assigned_at or assigned_at) >= assigned_at


async def test_loads_that_are_added_up_twice_are_found(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug planted in the statement that adds up: what it has added stays. The check finds it; a rebuild mends it."""
    whole = str(agent_loads.ADD_UP.text)
    start, end = whole.index("delete from"), whole.index("), added")
    kept = "select agent_id, priority_rank, tickets, assigned_at from agent_load_changes"
    monkeypatch.setattr(agent_loads, "ADD_UP", text(f"{whole[:start]}{kept}{whole[end:]}"))
    async with LoadedTeam.made(desk) as team:
        async with desk.database.begin() as session:
            state = {"status": "open", "assignee_id": team.agents[0], "priority_rank": 3, "priority": "urgent"}
            for one in team.tickets[:2]:
                await session.execute(team.written(one, state))
            await session.execute(agent_loads.ADD_UP)
        monkeypatch.undo()
        assert LoadDifference(team.agents[0], Priority.URGENT, kept=4, counted=2) in await team.differences()
        await mend(desk)
        assert await team.differences() == []


async def test_a_rebuild_corrects_loads_that_somebody_spoilt(desk: Desk) -> None:
    async with LoadedTeam.made(desk) as team:
        async with desk.database.begin() as session:
            values = {"agent_id": team.agents[1], "high": 7}
            spoilt = insert(AgentLoad).values(values)
            await session.execute(spoilt.on_conflict_do_update(index_elements=["agent_id"], set_={"high": 7}))
        expected = LoadDifference(team.agents[1], Priority.HIGH, kept=7, counted=0)
        assert await team.differences() == [expected]
        assert str(team.agents[1]) in format_load_difference(expected)
        assert expected in await mend(desk)
        assert await mend(desk) == []
        await add_up_changes(desk.database)
        assert await team.differences() == []


async def mend(desk: Desk) -> list[LoadDifference]:
    """What `read-model rebuild` does about loads."""
    async with desk.database.begin() as session:
        return await correct_loads(session)
