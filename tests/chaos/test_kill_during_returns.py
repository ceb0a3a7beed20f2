"""Kill -9 while a deactivated agent's tickets go back to the team: all come back, each once, and one mail tells it."""

import asyncio
import os
import signal

import pytest

from shared.kit.clock import new_id
from tests.local.running import LocalStack
from tests.support.api import Api, SystemClients, status_is
from tests.support.eventually import eventually
from tests.support.sizes import either

TICKETS = either(40, 120)
AT_ONCE = 8
VICTIMS = ("assignment",)


class Crew:
    """A team with a lead, and a member who has all its tickets and will be switched off."""

    def __init__(self, system: SystemClients, ada: Api, name: str) -> None:
        self.system, self.ada, self.name = system, ada, name
        self.team, self.member = "", ""

    async def hire(self) -> None:
        roles = {role["name"]: role["id"] for role in (await self.ada.get("/v1/roles"))["items"]}
        team = await self.ada.post("/v1/teams", {"slug": self.name, "name": f"Crew {self.name}"})
        self.team = team["id"]
        joins = [{"team_id": self.team, "role_id": roles["Expanded"]}]
        made = {}
        for who in ("lead", "member"):
            agent = {"email": self.address(who), "name": who.title(), "is_available": False, "memberships": joins}
            made[who] = (await self.ada.post("/v1/agents", agent))["id"]
        self.member = made["member"]
        await self.patch(f"/v1/teams/{self.team}", {"lead_id": made["lead"]})

    def address(self, who: str) -> str:
        return f"{who}-{self.name}@everdesk.example"

    async def patch(self, path: str, body: dict[str, object]) -> None:
        headers = {"Authorization": f"Bearer {self.ada.token}"}
        answer = await self.ada.client.patch(self.ada.base_url + path, json=body, headers=headers)
        assert answer.status_code == 200, answer.text

    async def fill(self) -> set[str]:
        """Tickets that the member has."""
        places = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> str:
            async with places:
                ticket_id = str((await self.system.submit(f"{self.name} {number}"))["id"])
                await status_is(self.ada, ticket_id, "open", within=60)
                await self.ada.post(f"/v1/tickets/{ticket_id}/transfer", {"team_id": self.team})
                await self.ada.post(f"/v1/tickets/{ticket_id}/assign", {"agent_id": self.member})
                return ticket_id

        return set(await asyncio.gather(*(one(number) for number in range(TICKETS))))

    async def count_back(self, tickets: set[str]) -> int:
        found = await self.ada.all("/v1/tickets", view="all", team=self.team)
        return sum(one["assignee"] is None for one in found if one["id"] in tickets)

    async def all_back(self, tickets: set[str]) -> None:
        assert await self.count_back(tickets) == len(tickets)

    async def some_back(self, tickets: set[str]) -> None:
        assert await self.count_back(tickets) > 0

    async def each_once(self, tickets: set[str]) -> None:
        for ticket_id in tickets:
            entries = await self.ada.all(f"/v1/tickets/{ticket_id}/timeline")
            assert [entry["type"] for entry in entries].count("ticket.released") == 1, ticket_id

    async def lead_told_once(self) -> None:
        """Of all of them in one mail; the same mail twice is what plain SMTP allows in a crash."""
        mails = [mail for mail in await self.system.mails_to(self.address("lead")) if "came back" in mail["Subject"]]
        assert {mail["Subject"].split()[0] for mail in mails} == {str(TICKETS)}, mails
        assert len({mail["MessageID"] for mail in mails}) == 1


@pytest.mark.chaos
@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("victim", VICTIMS)
async def test_returns_survive_the_death_of_the_process_that_carries_them_out(stack: LocalStack, victim: str) -> None:
    system = SystemClients(stack.described())
    crew = Crew(system, await system.sign_in("ada@everdesk.example"), f"k-{victim}-{new_id().hex[-6:]}")
    await crew.hire()
    tickets = await crew.fill()
    await crew.patch(f"/v1/agents/{crew.member}", {"is_active": False})
    await eventually(lambda: crew.some_back(tickets), within=30)
    os.kill(stack.described()["pids"][victim], signal.SIGKILL)
    await eventually(lambda: crew.all_back(tickets), within=120)
    await crew.each_once(tickets)
    await eventually(crew.lead_told_once, within=60)
