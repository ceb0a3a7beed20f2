"""What a routing decision costs whatever lies in the past, and whether a backlog given out in one go is fair."""

import os
import time
from collections import Counter as Count
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path as Folder
from statistics import median
from typing import Any, cast
from uuid import UUID

import asyncpg
from sqlalchemy import insert, select, text, update

from deploy.local.engines.postgres import SUPERUSER
from deploy.local.engines.stack import stack
from services.assignment.app_state import AppState
from services.assignment.backlog.batch_assignment import assign_batch
from services.assignment.commands.tickets.triage import decide
from services.assignment.models import Agent, Membership, Role, RoutingRule, Team, TicketAssignment, Topic, table_of
from services.assignment.queries.administration.policies import PolicyCache
from services.assignment.routing.agent_loads import add_up_changes, correct_loads
from services.assignment.seed import seed
from services.assignment.settings import AssignmentSettings
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import Person, TicketSubmitted
from shared.contracts.vocabulary import BodyFormat, Channel, Priority
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Database, migrate
from tests.load.assignment_state import assignment_state
from tests.load.kept_data import PASSWORD, data_folder, is_filled, mark_filled
from tests.load.meter import CpuMeter
from tests.load.report import Budget, Report, Table
from tests.support.growth.databases import ENGINES, settings_of
from tests.support.growth.fill import fill
from tests.support.growth.page_counts import Counter, count_statements, counter

AGENTS, RULES, OPEN, WAITING, DRAINERS = 200, 50, 12_500, 1_000, 100
SIZES = (1_000, 1_000_000)
ROUNDS = 40
BATCH, WARM = 20, 5
SLUG = "bench-of-routing"
METHOD = f"""\
The database of assignment, made by its own migrations, on a PostgreSQL of its own: one team of {AGENTS} agents, {RULES}
routing rules of which the last matches, 10,000 open tickets with an agent, and ever more closed ones. A decision is
what the service does for a new ticket: it tries the rules, locks the team and its agents, reads what they have, chooses
and stores decision, evidence and announcement in one transaction. CPU is the median of this process's own, and that of
PostgreSQL over {ROUNDS} decisions; the time that it says its statements took stands beside it. Tickets come one by one,
and {BATCH} at a time as the consumer hands them over when many come. Pages are those that the statements of a decision
touch, as PostgreSQL counts them. Then {WAITING:,} tickets wait and {DRAINERS} agents come: first in turn without a
limit, then with room for 3 to 17."""


@asynccontextmanager
async def assignment(folder: Folder) -> AsyncIterator[tuple[AppState, str, int]]:
    """The service's state without its connections to others, the superuser's address of its database, its process."""
    async with stack(folder / "engines", only=ENGINES, superuser_password=PASSWORD) as engines:
        await count_statements(engines)
        settings = cast("AssignmentSettings", settings_of(engines, folder, "assignment"))
        await migrate(settings, "services.assignment")
        database = Database.connect(settings)
        await seed(database, None)
        context = assignment_state(settings=settings, database=database, policies=PolicyCache())
        try:
            owner = engines.postgres.url(SUPERUSER, "assignment", driver="postgresql")
            yield context, owner, engines.pid("postgres")
        finally:
            await database.dispose()


async def run() -> Report:
    """Some minutes, most of them for writing the closed tickets: BENCH_SIZES=1000,100000 leaves the largest out."""
    sizes = [int(size) for size in os.environ.get("BENCH_SIZES", ",".join(map(str, SIZES))).split(",")]
    report = Report("routing", "Choosing an agent", METHOD)
    rows: list[list[Any]] = []
    for size in sizes:
        with data_folder(f"routing-{size}") as folder:
            async with assignment(folder) as (context, owner, pid), counter(owner) as counting:
                if not is_filled(folder):
                    await _fill(context, owner, size)
                    mark_filled(folder)
                print(f"  {size:,} closed tickets", flush=True)
                topic = await _topic(context)
                measured = Measuring(context, counting, CpuMeter({"postgres": pid}), topic)
                rows.append([size, *await measured.one_by_one(1)])
                print(f"  {rows[-1]}", flush=True)
                batched = await measured.one_by_one(BATCH)
                fair = await _drained(context, None)
                roomy = await _drained(context, (3, 17))
    columns = ("closed tickets", "CPU of the process, ms", "of PostgreSQL, ms", "its statements, ms", "pages")
    report.tables = [
        Table("One decision", columns, rows),
        Table(f"One of {BATCH} decisions at once", columns[1:], [batched]),
        Table("A backlog in one go", ("agents", "given out", "fewest", "most", "over their room", "ms"), [fair, roomy]),
    ]
    worst = rows[-1]
    report.budgets = [
        Budget("CPU of a decision, ms", worst[1] + worst[2], "<=", 5),
        Budget("pages with the most closed tickets, times those with the fewest", worst[4] / rows[0][4], "<=", 1.5),
        Budget("agents' tickets apart, in turn", fair[3] - fair[2], "<=", 1),
        Budget("tickets given out, of 1,000", fair[1], "==", WAITING),
        Budget("agents over their room", roomy[4], "==", 0),
    ]
    return report


async def _fill(context: AppState, owner: str, size: int) -> None:
    team, _ = await _people(context, AGENTS, slug=SLUG)
    agents = await _members(context, team)
    await fill(owner, "assignment", (-OPEN, size), [team], agents)
    await _assign_all(context, owner, agents)
    async with context.database.begin() as session:
        await correct_loads(session)
    await add_up_changes(context.database)


async def _topic(context: AppState) -> UUID:
    """What the rules send to the team; decisions of an earlier run are forgotten, for nobody sends them."""
    async with context.database.begin() as session:
        await session.execute(text("delete from routing_decisions where state = 'sent'"))
        topic: UUID | None = await session.scalar(select(Topic.id).where(Topic.slug == SLUG))
    assert topic is not None
    return topic


async def _people(context: AppState, count: int, slug: str = "", **team_fields: Any) -> tuple[UUID, UUID]:
    """A team with so many agents, and rules of which the last sends a topic to it."""
    team_id, topic_id, name = new_id(), new_id(), slug or f"bench-{new_id().hex[-8:]}"
    async with context.database.begin() as session:
        role_id = await session.scalar(select(Role.id).where(Role.name == "Expanded"))
        session.add(Team(id=team_id, slug=name, name=name, **team_fields))
        session.add(Topic(id=topic_id, slug=name, name=name, is_active=True, version=1))
        ids = [new_id() for _ in range(count)]
        rows = [{"id": one, "email": f"{one}@bench.example", "name": f"Agent {one}"} for one in ids]
        await session.flush()
        await session.execute(insert(Agent), [row | {"capacity": None} for row in rows])
        await session.execute(
            insert(Membership), [{"agent_id": one, "team_id": team_id, "role_id": role_id} for one in ids]
        )
        start = 1000 + (await session.scalar(text("select coalesce(max(position), 0) from routing_rules")) or 0)
        topics = [f"elsewhere-{number}" for number in range(RULES - 1)] + [name]
        for position, topic in enumerate(topics, start):
            session.add(RoutingRule(id=new_id(), position=position, topic=topic, team_id=team_id))
    return team_id, topic_id


async def _members(context: AppState, team_id: UUID) -> list[UUID]:
    async with context.database.begin() as session:
        return list(await session.scalars(select(Membership.agent_id).where(Membership.team_id == team_id)))


async def _assign_all(context: AppState, owner: str, agents: Sequence[UUID]) -> None:
    """The filled tickets leave some without an agent: here each open one has one, and nothing waits.

    Cleans up after itself, as autovacuum would.
    """
    statement = """update tickets set assignee_id = (cast(:agents as uuid[]))[1 + abs(hashtext(id::text)) % :count]
      where assignee_id is null and status not in ('resolved', 'closed')"""
    async with context.database.begin() as session:
        await session.execute(text(statement), {"agents": list(agents), "count": len(agents)})
    connection = await asyncpg.connect(owner)
    await connection.execute("vacuum analyze tickets")
    await connection.close()


@dataclass(frozen=True, slots=True)
class Measuring:
    """Makes decisions, and measures them."""

    context: AppState
    counting: Counter
    postgres: CpuMeter
    topic: UUID

    async def one_by_one(self, at_once: int) -> list[float]:
        """Of one decision: this process's CPU, that of PostgreSQL, and medians of the statements' time and pages.

        Pages are counted in rounds of their own: to count them PostgreSQL goes through every statement it has seen,
        which is no part of what a decision costs.
        """
        own, rounds = [], ROUNDS // at_once + WARM
        for number in range(rounds):
            if number == WARM:
                self.postgres.restart()
            own.append(await self._decide(at_once) / at_once)
        stored = self.postgres.read()["postgres"] / (rounds - WARM) / at_once
        taken = []

        async def one() -> None:
            await self._decide(at_once)

        for _ in range(rounds):
            self.counting.forget()
            cost = await self.counting.cost("assignment", one)
            taken.append((cost.ms / at_once, cost.pages / at_once))
        return [median(own[WARM:]), stored, *(median(column) for column in zip(*taken[WARM:], strict=True))]

    async def _decide(self, at_once: int) -> float:
        """Decides about new tickets; milliseconds of this process's CPU."""
        events = [_submitted(self.topic) for _ in range(at_once)]
        started = time.process_time()
        decisions = await decide(self.context, events)
        took = (time.process_time() - started) * 1000
        assert all(decision.agent_id is not None for decision in decisions)
        return took


def _submitted(topic: UUID) -> TicketSubmitted:
    ticket_id = TicketId(new_id())
    return TicketSubmitted.model_validate(
        {
            "ticket_id": ticket_id,
            "number": f"B{ticket_id.hex[-12:]}",
            "message_id": MessageId(new_id()),
            "requester": Person(email="dana@bank.example", name="Dana Ruiz"),
            "subject": "Online banking system down",
            "body": "Login returns 502 since this morning. " * 20,
            "body_format": BodyFormat.TEXT,
            "channel": Channel.API,
            "topic_id": topic,
            "priority": Priority.HIGH,
            "received_at": utc_now(),
        }
    )


async def _drained(context: AppState, room: tuple[int, int] | None) -> list[Any]:
    """A backlog that waits, and agents who come at once; nothing is sent, so what was decided stays on its way."""
    team, _ = await _people(context, DRAINERS, strategy="round_robin", handover="route")
    agents = await _members(context, team)
    if room is not None:
        async with context.database.begin() as session:
            for number, agent in enumerate(sorted(agents)):
                capacity = room[0] + number % (room[1] - room[0] + 1)
                await session.execute(update(Agent).where(Agent.id == agent).values(capacity=capacity))
    waiting = """insert into tickets (id, number, seq, revision, status, priority, priority_rank, team_id, next_due_at,
        is_archived, subject, requester_name, requester_email, created_at, updated_at, snapshot)
      select gen_random_uuid(), 'W' || :name || i, 2, 1, 'open', 'normal', 1, :team, now() + make_interval(mins => i),
        false, 'Waiting', 'Person', 'person@bench.example', now(), now(), '{"reopen_count": 0}'
      from generate_series(1, :count) as i"""
    async with context.database.begin() as session:
        await session.execute(text(waiting), {"name": team.hex[-8:], "team": team, "count": WAITING})
    started = time.perf_counter()
    while (await assign_batch(context, team)).has_more:
        pass
    took = (time.perf_counter() - started) * 1000
    async with context.database.begin() as session:
        mine = table_of(TicketAssignment)
        got = Count((await session.scalars(select(mine.c.agent_id).where(mine.c.team_id == team))).all())
        rooms = dict(
            (await session.execute(select(Agent.id, Agent.capacity).where(Agent.id.in_(agents)))).tuples().all()
        )
    counts = [got[agent] for agent in agents]
    over = sum((limit := rooms[agent]) is not None and got[agent] > limit for agent in agents)
    return [len(agents), sum(counts), min(counts), max(counts), over, took]
