"""Several routers at once: no ticket is given twice, nobody gets more than they have room for, none is left behind.

Hypothesis plays agents who come and go, tickets that arrive, and processes that die between decision and command. A bug
planted for each invariant shows that the check can fail.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy import ARRAY, Text, Uuid, bindparam, cast, func, select

from services.assignment.backlog import decision_dispatch, job
from services.assignment.backlog.batch_assignment import assign_batch
from services.assignment.commands.tickets import triage
from services.assignment.models import Agent, Membership, Team
from services.assignment.queries.administration.routing_stamp import stamp_columns
from services.assignment.routing import rosters
from tests.services.assignment.desk import Desk
from tests.services.assignment.routing.routing_world import CAPACITY, RoutingWorld, impatient
from tests.services.assignment.routing.test_triage import forget, submitted
from tests.support.sizes import either

T = TypeVar("T")
agents = st.integers(0, 2)


class Routers(RuleBasedStateMachine):
    """Runs in a thread; what it does happens in the test's event loop."""

    desk: ClassVar[Desk]
    loop: ClassVar[asyncio.AbstractEventLoop]
    world: RoutingWorld | None = None

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(doing, self.loop).result(60)

    @property
    def there(self) -> RoutingWorld:
        assert self.world is not None
        return self.world

    @initialize()
    def begin(self) -> None:
        self.world = self.run(RoutingWorld.made(self.desk))

    @rule(priorities=st.lists(st.sampled_from(["urgent", "normal", "low"]), min_size=1, max_size=4))
    def submit(self, priorities: list[str]) -> None:
        self.run(self.there.submit(priorities))

    @rule(agent=agents, availability=st.sampled_from(["online", "online", "away"]))
    def say(self, agent: int, availability: str) -> None:
        self.run(self.there.say(agent, availability))

    @rule(replica=st.integers(0, 1), fate=st.sampled_from(["before", "after"]))
    def lose(self, replica: int, fate: str) -> None:
        self.there.lose(replica, fate)

    @rule(agent=agents)
    def resolve(self, agent: int) -> None:
        self.run(self.there.resolve(agent))

    @rule()
    def look(self) -> None:
        self.run(self.there.look())

    @rule()
    def claim(self) -> None:
        self.run(self.there.claim())

    @rule()
    def check(self) -> None:
        self.run(self.there.check())

    def teardown(self) -> None:
        if self.world is not None:
            try:
                self.check()
            finally:
                self.run(self.world.end())


@pytest.mark.soak
async def test_routers_at_once_with_agents_coming_and_going_and_processes_dying(desk: Desk) -> None:
    Routers.desk, Routers.loop = desk, asyncio.get_running_loop()
    play = settings(
        max_examples=either(4, 60),
        stateful_step_count=either(8, 25),
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    with impatient():
        await asyncio.to_thread(run_state_machine_as_test, Routers, settings=play)


@pytest.mark.parametrize("is_locked", [True, False])
async def test_the_locks_keep_two_routers_from_counting_on_the_same_room(desk: Desk, *, is_locked: bool) -> None:
    both_have_read = asyncio.Barrier(2)

    async def read_at_once(*given: Any, **named: Any) -> Any:
        found = await rosters.lock_rosters(*given, **named)
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await both_have_read.wait()
        return found

    with impatient(desk.context) as patch:
        world = await RoutingWorld.made(desk)
        await world.say(0, "online")
        patch.setattr(triage, "lock_rosters", read_at_once)
        if not is_locked:
            patch.setattr(rosters, "LOCK", unlocked())
            patch.setattr(rosters, "LOCK_AND_STAMP", unlocked().add_columns(*stamp_columns()))
        events = [submitted().model_copy(update={"topic_id": world.team.topic}) for _ in range(4)]
        try:
            halves = zip(world.replicas, (events[:2], events[2:]), strict=True)
            made = await asyncio.gather(*(triage.decide(replica, half) for replica, half in halves))
            given = sum(decision.agent_id is not None for decisions in made for decision in decisions)
            assert given == (CAPACITY if is_locked else 2 * CAPACITY)
        finally:
            await forget(desk, events)
            await world.end()


async def test_without_the_revision_a_ticket_is_taken_from_whoever_has_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = decision_dispatch.command_of
    with impatient(desk.context):
        world = await RoutingWorld.made(desk)
        try:
            await world.submit(["normal"])
            await undelivered(desk, world)
            monkeypatch.setattr(
                decision_dispatch, "command_of", lambda row: usual(row).model_copy(update={"expected_revision": None})
            )
            await world.claim()
            await world.look()
            with pytest.raises(AssertionError, match="taken"):
                await world.check_none_was_taken()
        finally:
            await world.end()


async def test_unless_lost_commands_are_sent_again_tickets_are_left_behind(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none_taken(_session: object, _now: object) -> list[decision_dispatch.Row]:
        return []

    with impatient(desk.context):
        world = await RoutingWorld.made(desk)
        try:
            await world.submit(["normal"])
            monkeypatch.setattr(job, "take_unsent", none_taken)
            await undelivered(desk, world)
            await world.look()
            with pytest.raises(AssertionError, match="waits while"):
                await world.check_none_is_left()
        finally:
            monkeypatch.undo()
            await world.end()


async def undelivered(desk: Desk, world: RoutingWorld) -> None:
    """A decision about the waiting ticket is stored, and the process that made it dies before it sends the command."""
    async with desk.database.begin() as session:
        agent = await session.get_one(Agent, UUID(world.team.agents[0]))
        agent.is_available = True
    batch = await assign_batch(world.replicas[0], UUID(world.team.team))
    assert len(batch.rows) == 1


def unlocked() -> Any:
    """The statement that locks teams and agents, without the locks."""
    team_ids = func.any(bindparam("team_ids", type_=ARRAY(Uuid())))
    ids = cast(func.array_agg(Membership.agent_id), Text)
    members = select(ids).where(Membership.team_id == Team.id).scalar_subquery()
    columns = (Team.id, Team.version, Team.strategy, Team.offer_seconds, Team.handover)
    return select(*columns, members.label("agent_ids")).where(Team.id == team_ids)
