"""A team of its own for tests of routing: its agents, a topic whose tickets come to it, and what they have."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from shared.contracts.events import TicketSubmitted, TopicChanged
from shared.contracts.tickets import TopicId
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import AgentApi, Desk, Json
from tests.support.eventually import eventually

POSITIONS = iter(range(700_000, 900_000))


@dataclass
class RoutedTeam:
    """A team with agents, and a rule that sends one topic's tickets to it."""

    desk: Desk
    admin: AgentApi
    team: str
    slug: str
    topic: TopicId
    role: str
    rule: str
    agents: list[str] = field(default_factory=list)

    @classmethod
    async def made(cls, desk: Desk, agents: list[Json], rule: Json | None = None, **team: Any) -> "RoutedTeam":
        """With one agent per set of fields, in the order of their ids."""
        admin, name = await desk.agent("ada"), f"r-{new_id().hex[-10:]}"
        roles = {one["name"]: one["id"] for one in (await admin.get("/v1/roles"))["items"]}
        made = await admin.post("/v1/teams", {"slug": name, "name": f"Team {name}", **team})
        topic = TopicId(new_id())
        event = TopicChanged(topic_id=topic, slug=name, name=name, is_active=True, version=1)
        await desk.publish(event.envelope(f"topic:{name}:1", utc_now()))
        body = {"position": next(POSITIONS), "topic": name, "team_id": made["id"], **(rule or {})}
        stored = await admin.post("/v1/routing-rules", body)
        one = cls(desk, admin, made["id"], name, topic, roles["Expanded"], stored["id"])
        for fields in agents:
            await one.hire(**fields)
        return one

    async def hire(self, **fields: Any) -> str:
        """One more agent."""
        name = new_id().hex[-10:]
        body = {"email": f"{name}@everdesk.example", "name": f"Agent {name}", **fields}
        body["memberships"] = [{"team_id": self.team, "role_id": self.role}]
        self.agents.append((await self.admin.post("/v1/agents", body))["id"])
        return self.agents[-1]

    async def change(self, agent: str, **fields: Any) -> Json:
        """An administrator changes an agent."""
        return await self.admin.patch(f"/v1/agents/{agent}", fields)

    async def submit(self, **changes: Any) -> TicketSubmitted:
        """A ticket on the team's topic."""
        return await self.desk.submit(topic_id=self.topic, **changes)

    async def ticket(self, **changes: Any) -> Json:
        """A ticket that the rules have triaged to the team."""
        event = await self.submit(**changes)
        return await self.desk.seen(event.ticket_id, status="open")

    async def decisions(self, ticket_id: UUID | str) -> list[Json]:
        """What was decided about a ticket, the newest last."""
        timeline = (await self.admin.get(f"/v1/tickets/{ticket_id}/timeline"))["items"]
        found = [one for one in timeline if one["type"] == "assignment.decided"]
        return [one["details"] for one in sorted(found, key=lambda one: str(one["details"]["decided_at"]))]

    async def held(self) -> Counter[str | None]:
        """How many open tickets each agent has."""
        found: Counter[str | None] = Counter()
        path: dict[str, Any] = {"view": "all", "team": self.slug, "limit": 200}
        answer = await self.admin.get("/v1/tickets", **path)
        for one in answer["items"]:
            found[one["assignee_id"]] += 1
        return found

    async def holds(self, expected: dict[str | None, int], within: float = 20) -> None:
        """Until each agent has so many."""

        async def counted() -> None:
            assert await self.held() == expected

        await eventually(counted, within=within)
