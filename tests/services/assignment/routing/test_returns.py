"""Tickets of agents and teams that are there no more: they go back where people look, who are told once of them all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import cast
from uuid import UUID

import pytest
from sqlalchemy import update

from services.assignment.commands.leading import leading
from services.assignment.commands.tickets.returns import LEADER_LOCK, take_step, work_off
from services.assignment.models import Ticket
from shared.contracts.answers import CommandAnswer
from shared.contracts.base import TicketId
from shared.contracts.commands import Command
from shared.contracts.events import Envelope, TicketsReturned
from shared.contracts.names import STREAM
from shared.kit.clock import new_id
from shared.kit.tickets import Tickets
from tests.services.assignment.desk import AgentApi, Desk, Json
from tests.support.eventually import eventually

POLICY = {"name": "Crews", "calendar": "always", "targets": {"urgent": {"resolution": 36_000}}}


class Killed(BaseException):
    """The process ends here: nothing is written down any more."""


class Mortal:
    """The way to the workflows of a process that dies after so many commands, each of which took effect."""

    def __init__(self, tickets: Tickets, lives: int) -> None:
        self.tickets, self.lives = tickets, lives

    async def execute(self, ticket_id: TicketId, command: Command) -> CommandAnswer:
        self.lives -= 1
        told = await self.tickets.execute(ticket_id, command)
        if self.lives < 0:
            raise Killed
        return told


@dataclass(frozen=True)
class Crew:
    """A team of its own: a lead, and a member who will be gone."""

    desk: Desk
    admin: AgentApi
    team: str
    lead: str
    member: str
    role: str

    @classmethod
    async def hired(cls, desk: Desk, *, has_lead: bool = True) -> "Crew":
        """Nobody of it takes part in routing."""
        admin = await desk.agent("ada")
        name = new_id().hex[-10:]
        roles = {one["name"]: one["id"] for one in (await admin.get("/v1/roles"))["items"]}
        team = await admin.post("/v1/teams", {"slug": f"crew-{name}", "name": f"Crew {name}"})
        people: list[str] = []
        for who in ("lead", "member"):
            agent = {"email": f"{who}-{name}@everdesk.example", "name": f"{who.title()} {name}", "is_available": False}
            joins = [{"team_id": team["id"], "role_id": roles["Expanded"]}]
            people.append((await admin.post("/v1/agents", agent | {"memberships": joins}))["id"])
        if has_lead:
            await admin.patch(f"/v1/teams/{team['id']}", {"lead_id": people[0]})
        return cls(desk, admin, team["id"], people[0], people[1], roles["Expanded"])

    async def ticket(self) -> str:
        """One that the member has."""
        ticket = await self.desk.ticket("general")
        await self.admin.post(f"/v1/tickets/{ticket['id']}/transfer", {"team_id": self.team})
        await self.admin.post(f"/v1/tickets/{ticket['id']}/assign", {"agent_id": self.member})
        return str(ticket["id"])

    async def tickets(self, number: int) -> list[str]:
        """Several."""
        return await asyncio.gather(*(self.ticket() for _ in range(number)))

    async def is_back(self, ticket_id: str, team: str | None = None) -> Json:
        """The ticket, once it is the team's and nobody's."""
        found = await self.desk.seen(ticket_id, assignee=None)
        assert found["team"]["id"] == (team or self.team)
        return found

    async def told(self, count: int, team: str | None = None) -> TicketsReturned:
        """What people were last told of, once that are so many tickets."""

        async def announcement() -> TicketsReturned:
            stream = await self.desk.bus.jetstream()
            message = await stream.get_last_msg(STREAM, f"{TicketsReturned.type()}.{team or self.team}")
            event = TicketsReturned.of(Envelope.model_validate_json(message.data or b""))
            assert event.count == count
            return event

        return await eventually(announcement, within=20)

    async def lets_go(self) -> None:
        """The member is switched off."""
        await self.admin.patch(f"/v1/agents/{self.member}", {"is_active": False})

    async def events(self, ticket_id: str) -> list[Json]:
        """The ticket's log."""
        return list((await self.admin.get(f"/v1/tickets/{ticket_id}/timeline"))["items"])


async def test_what_a_deactivated_agent_had_is_back_in_the_team_and_the_lead_is_told_once(desk: Desk) -> None:
    crew = await Crew.hired(desk)
    tickets = await crew.tickets(3)
    await crew.admin.post(f"/v1/tickets/{tickets[2]}/hold", {"reason": "vendor"})
    await crew.lets_go()
    for ticket_id in tickets:
        await crew.is_back(ticket_id)
    told = await crew.told(3)
    assert {str(one.ticket_id) for one in told.tickets} == set(tickets)
    assert (told.told, {one.reason for one in told.tickets}) == ((UUID(crew.lead),), {"agent_inactive"})
    released = [one for one in await crew.events(tickets[0]) if one["type"] == "ticket.released"]
    assert [one["details"]["reason"] for one in released] == ["agent_inactive"]


async def test_a_resolved_ticket_comes_back_when_it_is_reopened(desk: Desk) -> None:
    crew = await Crew.hired(desk, has_lead=False)
    by_message, by_agent = await crew.tickets(2)
    for ticket_id in (by_message, by_agent):
        await crew.admin.post(f"/v1/tickets/{ticket_id}/resolve")
    await crew.lets_go()
    assert (await desk.seen(by_message, status="resolved"))["assignee"]["id"] == crew.member
    await desk.write(by_message)
    await desk.seen(by_message, status="open")
    await crew.is_back(by_message)
    assert (await crew.told(1)).told == (UUID(crew.lead),), "the only active member, for nobody leads"
    await crew.admin.post(f"/v1/tickets/{by_agent}/reopen")
    await crew.is_back(by_agent)


async def test_who_leaves_a_team_gives_back_its_tickets_only(desk: Desk) -> None:
    crew, other = await Crew.hired(desk), await Crew.hired(desk)
    both = [{"team_id": team, "role_id": crew.role} for team in (crew.team, other.team)]
    await crew.admin.patch(f"/v1/agents/{crew.member}", {"memberships": both})
    here, there = await crew.ticket(), await replace(other, member=crew.member).ticket()
    await crew.admin.patch(f"/v1/agents/{crew.member}", {"memberships": both[1:]})
    await crew.is_back(here)
    assert (await crew.told(1)).tickets[0].reason == "agent_left_team"
    assert (await desk.seen(there))["assignee"]["id"] == crew.member


async def test_a_ticket_of_an_unknown_team_stands_in_nobodys_way(desk: Desk) -> None:
    crew = await Crew.hired(desk)
    here, elsewhere = await crew.tickets(2)
    async with desk.database.begin() as session:
        row = update(Ticket).where(Ticket.id == UUID(elsewhere))
        await session.execute(row.values(team_id=new_id()))
    await crew.admin.patch(f"/v1/agents/{crew.member}", {"memberships": []})
    await crew.is_back(here)


async def test_who_may_only_look_any_more_keeps_no_ticket(desk: Desk) -> None:
    crew = await Crew.hired(desk)
    ticket_id = await crew.ticket()
    roles = {one["name"]: one["id"] for one in (await crew.admin.get("/v1/roles"))["items"]}
    looks = [{"team_id": crew.team, "role_id": roles["View only"]}]
    await crew.admin.patch(f"/v1/agents/{crew.member}", {"memberships": looks})
    await crew.is_back(ticket_id)


async def test_a_process_that_dies_gives_nothing_back_twice_and_forgets_nothing(desk: Desk) -> None:
    crew = await Crew.hired(desk)
    tickets = await crew.tickets(4)
    context = desk.context
    async with _alone(desk):
        await crew.lets_go()
        dying = replace(context, tickets=cast("Tickets", Mortal(context.tickets, 2)))
        with pytest.raises(Killed):
            await take_step(dying)
    told = await crew.told(4)
    assert {str(one.ticket_id) for one in told.tickets} == set(tickets)
    for ticket_id in tickets:
        await crew.is_back(ticket_id)
        assert [one["type"] for one in await crew.events(ticket_id)].count("ticket.released") == 1


class Failing:
    """The way to the workflows, of which one fails as nobody thought of."""

    def __init__(self, tickets: Tickets, broken: str) -> None:
        self.tickets, self.broken = tickets, broken

    async def execute(self, ticket_id: TicketId, command: Command) -> CommandAnswer:
        if str(ticket_id) == self.broken:
            raise ValueError("nobody thought of this")
        return await self.tickets.execute(ticket_id, command)


async def test_a_ticket_that_fails_unexpectedly_holds_up_no_other(desk: Desk) -> None:
    crew = await Crew.hired(desk)
    broken, *others = await crew.tickets(3)
    context = desk.context
    async with _alone(desk):
        await crew.lets_go()
        assert await take_step(replace(context, tickets=cast("Tickets", Failing(context.tickets, broken))))
        for ticket_id in others:
            await crew.is_back(ticket_id)
        assert (await crew.admin.get(f"/v1/tickets/{broken}"))["assignee"] is not None
    await crew.is_back(broken)


async def test_a_ticket_that_somebody_else_took_meanwhile_stays_with_them(desk: Desk) -> None:
    crew = await Crew.hired(desk)
    ticket_id = await crew.ticket()

    class Late(Mortal):
        """Somebody is faster than the command."""

        async def execute(self, ticket_id: TicketId, command: Command) -> CommandAnswer:
            await crew.admin.post(f"/v1/tickets/{ticket_id}/assign", {"agent_id": crew.lead})
            return await self.tickets.execute(ticket_id, command)

    context = desk.context
    async with _alone(desk):
        await crew.lets_go()
        await work_off(replace(context, tickets=cast("Tickets", Late(context.tickets, 0))))
    assert (await desk.seen(ticket_id))["assignee"]["id"] == crew.lead


@asynccontextmanager
async def _alone(desk: Desk) -> AsyncIterator[None]:
    """The background job stands still meanwhile."""
    async with AsyncExitStack() as stack:

        async def lead() -> None:
            assert await stack.enter_async_context(leading(desk.context, LEADER_LOCK))

        await eventually(lead)
        yield


async def test_a_team_is_switched_off_once_another_takes_what_points_to_it(desk: Desk) -> None:
    crew, other = await Crew.hired(desk), await Crew.hired(desk)
    ticket_id, resolved = await crew.tickets(2)
    await crew.admin.post(f"/v1/tickets/{resolved}/resolve")
    slug = (await crew.admin.get(f"/v1/teams/{crew.team}"))["slug"]
    rule = {"position": 2, "topic": "general", "priority": "urgent", "team_id": crew.team}
    made = await crew.admin.post("/v1/routing-rules", rule, expect=201)
    step = {"metric": "resolution", "at_percent": 90, "do": "reassign", "to": f"team:{slug}"}
    policy = await crew.admin.post("/v1/sla-policies", POLICY | {"escalations": [step]}, expect=201)
    try:
        ahead = await crew.admin.get(f"/v1/teams/{crew.team}/deactivation")
        assert (ahead["open_tickets"], ahead["routing_rules"], ahead["refused_as"]) == (1, 1, "reassign_needed")
        assert ahead["policies"] == [POLICY["name"]]
        path = f"/v1/teams/{crew.team}"
        assert (await crew.admin.patch(path, {"is_active": False}, expect=409))["code"] == "reassign_needed"
        for wrong in (crew.team, str(new_id())):
            await crew.admin.patch(path, {"is_active": False, "reassign_to": wrong}, expect=422)
        off = await crew.admin.patch(path, {"is_active": False, "reassign_to": other.team})
        assert (off["is_active"], off["successor_id"]) == (False, other.team)
        assert (await crew.admin.get(f"/v1/sla-policies/{policy['id']}"))["escalations"][0]["to"] != step["to"]
        urgent = await desk.ticket("general", priority="urgent")
        assert urgent["team"]["id"] == other.team
        await crew.admin.patch(f"/v1/routing-rules/{made['id']}", {"team_id": crew.team}, expect=422)
    finally:
        await crew.admin.send("DELETE", f"/v1/routing-rules/{made['id']}")
    await crew.is_back(ticket_id, other.team)
    told = await crew.told(1, other.team)
    assert (told.told, told.tickets[0].reason) == ((UUID(other.lead),), "team_inactive")
    await crew.admin.post(f"/v1/tickets/{resolved}/reopen")
    await crew.is_back(resolved, other.team)
    refused = await crew.admin.post(f"/v1/tickets/{resolved}/transfer", {"team_id": crew.team}, expect=422)
    assert "not active" in str(refused)


async def test_a_team_that_nothing_points_to_is_switched_off_and_on(desk: Desk) -> None:
    crew = await Crew.hired(desk)
    assert not (await crew.admin.patch(f"/v1/teams/{crew.team}", {"is_active": False}))["is_active"]
    assert (await crew.admin.patch(f"/v1/teams/{crew.team}", {"is_active": True}))["is_active"]
    fallback = next(one for one in (await crew.admin.get("/v1/teams"))["items"] if one["is_fallback"])
    off = {"is_active": False, "reassign_to": crew.team}
    assert (await crew.admin.patch(f"/v1/teams/{fallback['id']}", off, expect=409))["code"] == "fallback_needed"


async def test_an_inactive_policy_leaves_its_rules_to_the_default(desk: Desk) -> None:
    admin = await desk.agent("ada")
    policy = await admin.post("/v1/sla-policies", POLICY, expect=201)
    team = await admin.post("/v1/teams", {"slug": f"quiet-{new_id().hex[-10:]}", "name": "Quiet"})
    rule = {"position": 3, "topic": "general", "priority": "urgent", "team_id": team["id"], "policy_id": policy["id"]}
    made = await admin.post("/v1/routing-rules", rule, expect=201)
    try:
        before = await desk.ticket("general", priority="urgent")
        assert before["sla"]["policy_id"] == policy["id"]
        ahead = await admin.get(f"/v1/sla-policies/{policy['id']}/deactivation")
        assert (ahead["open_tickets"], ahead["routing_rules"], ahead["refused_as"]) == (1, 1, None)
        off = await admin.patch(f"/v1/sla-policies/{policy['id']}", {"is_active": False})
        assert (off["is_active"], off["version"]) == (False, 2)
        after = await desk.ticket("general", priority="urgent")
        default = next(one for one in (await admin.get("/v1/sla-policies"))["items"] if one["is_default"])
        assert (after["sla"]["policy_id"], after["team"]["id"]) == (default["id"], team["id"])
        decided = next(
            one
            for one in (await admin.get(f"/v1/tickets/{after['id']}/timeline"))["items"]
            if one["type"] == "assignment.decided"
        )
        assert "its SLA policy is not active" in decided["details"]["rule"]
        assert (await desk.seen(before["id"]))["sla"]["policy_id"] == policy["id"]
        change = {"policy_id": policy["id"]}
        await admin.post(f"/v1/tickets/{after['id']}/change-policy", change, expect=422)
        await admin.patch(f"/v1/sla-policies/{policy['id']}", {"is_default": True}, expect=409)
        off = {"is_active": False}
        assert (await admin.patch(f"/v1/sla-policies/{default['id']}", off, expect=409))["code"] == "default_needed"
    finally:
        await admin.send("DELETE", f"/v1/routing-rules/{made['id']}")


async def test_it_can_be_seen_what_switching_an_agent_off_would_do(desk: Desk) -> None:
    crew = await Crew.hired(desk)
    await crew.ticket()
    ahead = await crew.admin.get(f"/v1/agents/{crew.member}/deactivation")
    assert (ahead["open_tickets"], ahead["leads"], ahead["refused_as"]) == (1, [], None)
    assert len((await crew.admin.get(f"/v1/agents/{crew.lead}/deactivation"))["leads"]) == 1
