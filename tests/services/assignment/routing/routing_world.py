"""Several routers on one team's tickets, agents who come and go, lost commands: real engines and workflows."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from services.assignment.app_state import AppState
from services.assignment.backlog import decision_dispatch, job
from services.assignment.backlog.job import process_backlog
from services.assignment.consumers.triage import on_tickets_submitted
from services.assignment.routing.agent_loads import check_loads
from shared.contracts.answers import CommandAnswer
from shared.contracts.base import TicketId
from shared.contracts.commands import Command, OpenTicket
from shared.domain.routing import fairness
from shared.kit.clock import utc_now
from shared.kit.db import Database
from shared.kit.ticket_errors import TicketsUnavailable
from shared.kit.tickets import Tickets
from tests.services.assignment.desk import Desk, Json
from tests.services.assignment.routing.routed_team import RoutedTeam
from tests.support.eventually import eventually

CAPACITY = 2
URGENT_WEIGHS = 2


class Dying:
    """The way to the workflows of a process that dies now and then, before or after a command took effect."""

    def __init__(self, tickets: Tickets) -> None:
        self.tickets = tickets
        self.lost: list[str] = []
        """What happens to the next commands: `before` or `after`."""

    async def execute(self, ticket_id: TicketId, command: Command) -> CommandAnswer:
        return await self._send(lambda: self.tickets.execute(ticket_id, command))

    async def open_and_execute(self, ticket: OpenTicket, command: Command) -> CommandAnswer:
        return await self._send(lambda: self.tickets.open_and_execute(ticket, command))

    async def has_worker(self) -> bool:
        return True

    async def _send(self, command: Any) -> CommandAnswer:
        fate = self.lost.pop() if self.lost else ""
        if fate == "before":
            raise TicketsUnavailable("died before the command was sent")
        answer: CommandAnswer = await command()
        if fate == "after":
            raise TicketsUnavailable("died before the answer was written down")
        return answer


@dataclass
class RoutingWorld:
    """A team, its agents, and two replicas beside the service's own."""

    desk: Desk
    team: RoutedTeam
    replicas: list[AppState]
    tickets: list[str] = field(default_factory=list)

    @classmethod
    async def made(cls, desk: Desk) -> "RoutingWorld":
        fields: Json = {"availability": "away", "capacity": CAPACITY, "priority_weights": {"urgent": URGENT_WEIGHS}}
        team = await RoutedTeam.made(desk, [fields] * 3, handover="route")
        settings = desk.context.settings
        replicas = [
            replace(
                desk.context, database=Database.connect(settings), tickets=cast("Tickets", Dying(desk.context.tickets))
            )
            for _ in range(2)
        ]
        return cls(desk, team, replicas)

    async def end(self) -> None:
        """Nobody is there any more, nothing is open, and no connection is left."""
        for agent in self.team.agents:
            await self.team.change(agent, availability="offline")
        for ticket in self.tickets:
            await self.team.admin.send("POST", f"/v1/tickets/{ticket}/close", json={"reason": "spam"})
        for replica in self.replicas:
            await replica.database.dispose()

    async def submit(self, priorities: list[str]) -> None:
        """Tickets arrive; the service and both replicas route them at once."""
        events = [await self.team.submit(priority=priority) for priority in priorities]
        envelopes = [event.envelope(f"submitted:{event.ticket_id}", utc_now()) for event in events]
        halves = (envelopes[::2], envelopes[1::2])
        routed = (on_tickets_submitted(one, half) for one, half in zip(self.replicas, halves, strict=True) if half)
        await asyncio.gather(*routed, return_exceptions=True)
        for event in events:
            self.tickets.append(str(event.ticket_id))
            await self.desk.seen(event.ticket_id, status="open")

    async def say(self, agent: int, availability: str) -> None:
        """An agent comes or goes."""
        await self.team.change(self.team.agents[agent], availability=availability)

    async def look(self) -> None:
        """Both replicas look for room at once, while the service may do so too."""
        await asyncio.gather(*(process_backlog(replica) for replica in self.replicas))

    def lose(self, replica: int, fate: str) -> None:
        """A process dies at its next command."""
        cast("Dying", self.replicas[replica].tickets).lost.append(fate)

    async def resolve(self, agent: int) -> None:
        """An agent resolves one of their tickets."""
        mine = [one for one in await self.open_tickets() if one["assignee_id"] == self.team.agents[agent]]
        for ticket in mine[:1]:
            await self.team.admin.send("POST", f"/v1/tickets/{ticket['id']}/resolve", json={})

    async def claim(self) -> None:
        """Somebody from elsewhere takes a ticket that nobody has."""
        free = [one for one in await self.open_tickets() if one["assignee_id"] is None]
        for ticket in free[:1]:
            await self.team.admin.send("POST", f"/v1/tickets/{ticket['id']}/claim", json={})

    async def open_tickets(self) -> list[Json]:
        """As the service shows them."""
        answer = await self.team.admin.get("/v1/tickets", view="all", team=self.team.slug, limit=200)
        items: list[Json] = answer["items"]
        return items

    async def check(self) -> None:
        """The invariants, once things have come to rest."""
        await self.check_nobody_is_over()

        async def at_rest() -> None:
            await self.look()
            await self.check_none_is_left()

        await eventually(at_rest, within=12)
        await self.check_nobody_is_over()
        await self.check_none_was_taken()
        await self.check_loads_are_counted()

    async def check_nobody_is_over(self) -> None:
        """No agent has more than they have room for."""
        for agent, load in (await self.loads()).items():
            assert load <= CAPACITY, f"{agent} has {load}"

    async def check_none_is_left(self) -> None:
        """Nothing waits for which somebody who is there has room."""
        loads = await self.loads()
        agents = (await self.team.admin.get("/v1/agents"))["items"]
        there = [one["id"] for one in agents if one["id"] in self.team.agents and one["is_available"]]
        for ticket in await self.open_tickets():
            if ticket["assignee_id"] is None:
                roomy = [one for one in there if loads[one] + weight_of(ticket) <= CAPACITY]
                assert not roomy, f"{ticket['id']} waits while {roomy} have room"

    async def check_loads_are_counted(self) -> None:
        """What routing reads as the agents' loads is what a count of their open tickets says."""
        async with self.desk.database.begin() as session:
            differing = [one for one in await check_loads(session) if str(one.agent_id) in self.team.agents]
        assert not differing, f"kept otherwise than counted: {differing}"

    async def check_none_was_taken(self) -> None:
        """Routing gave no ticket to a second agent while somebody had it."""
        for ticket in self.tickets:
            timeline = (await self.team.admin.get(f"/v1/tickets/{ticket}/timeline", limit=200))["items"]
            for event in timeline:
                if event["type"] == "ticket.assigned" and event["actor"]["kind"] == "system":
                    assert event["details"].get("previous_agent_id") is None, f"{ticket} was taken from somebody"

    async def loads(self) -> Counter[str]:
        """What the team's agents have, by weight."""
        loads: Counter[str] = Counter()
        for ticket in await self.open_tickets():
            if ticket["assignee_id"] in self.team.agents:
                loads[ticket["assignee_id"]] += weight_of(ticket)
        return loads


def weight_of(ticket: Json) -> int:
    """How much room a ticket takes."""
    return URGENT_WEIGHS if ticket["priority"] == "urgent" else 1


@contextmanager
def impatient(resting: AppState | None = None) -> Iterator[pytest.MonkeyPatch]:
    """Shares and leases last no time, so that a test need not wait for them. One process may rest, in tests of bugs."""

    async def look_unless_resting(context: AppState) -> bool:
        return context is not resting and await process_backlog(context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "process_backlog", look_unless_resting)
        patch.setattr(fairness, "SHARE_PERIOD", fairness.SHARE_PERIOD * 0)
        patch.setattr(decision_dispatch, "LEASE", decision_dispatch.LEASE * 0)
        patch.setattr(decision_dispatch, "CHANGED", decision_dispatch.CHANGED / 50)
        yield patch
