"""Kill -9 of the desk in the middle of a bulk action and of held replies: each ticket has each of them once."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator

import asyncpg
import pytest

from deploy.cli.doctor.process_environments import ProcessEnvironments
from shared.kit.clock import new_id
from tests.local.running import LocalStack
from tests.support.api import Api, SystemClients, status_is
from tests.support.eventually import eventually
from tests.support.sizes import either

TICKETS = either(40, 200)
REPLIES = 20
"""As many as a sender takes at once: they go out one after another, and the rest waits meanwhile."""
AT_ONCE = 8
UNDO_SECONDS = 2


@pytest.fixture
async def database(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncpg.Connection]:
    """The desk's own, which tells how far its work is while nobody answers."""
    for name in [name for name in os.environ if name.startswith("EVERDESK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("EVERDESK_HOME", str(stack.state))
    connection = await asyncpg.connect(ProcessEnvironments.find().databases["assignment"])
    yield connection
    await connection.close()


class DeskWork:
    """A note for many tickets in one action, and a reply that is held for some of them."""

    def __init__(self, system: SystemClients, ada: Api, database: asyncpg.Connection) -> None:
        self.system, self.ada, self.database = system, ada, database
        self.name = f"k-desk-{new_id().hex[-6:]}"
        self.note, self.reply = f"Noted by {self.name}", f"Replied by {self.name}"
        self.tickets: list[str] = []
        self.job = ""

    @property
    def replied(self) -> list[str]:
        return self.tickets[:REPLIES]

    def address(self, number: int) -> str:
        return f"{self.name}-{number}@bank.example"

    async def open_tickets(self) -> None:
        places = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> str:
            async with places:
                ticket_id = str((await self.system.submit(f"{self.name} {number}", self.address(number)))["id"])
                await status_is(self.ada, ticket_id, "open", within=60)
                return ticket_id

        self.tickets = list(await asyncio.gather(*(one(number) for number in range(TICKETS))))

    async def hold_replies(self) -> None:
        headers = {"Authorization": f"Bearer {self.ada.token}"}
        settings = f"{self.ada.base_url}/v1/me/settings"
        answer = await self.ada.client.patch(settings, json={"undo_seconds": UNDO_SECONDS}, headers=headers)
        assert answer.status_code == 200, answer.text
        held = (
            self.ada.post(f"/v1/tickets/{one}/held-replies", {"body": self.reply}, expect=202) for one in self.replied
        )
        await asyncio.gather(*held)

    async def start_bulk(self) -> None:
        asked = {"action": "notes", "body": {"body": self.note}, "ticket_ids": self.tickets}
        self.job = str((await self.ada.post("/v1/bulk", asked, expect=202))["id"])

    async def count_held(self, *, least_tries: int = 0) -> int:
        """Replies that are not yet sent."""
        query = "select count(*) from held_replies where body = $1 and tries >= $2"
        return int(await self.database.fetchval(query, self.reply, least_tries))

    async def count_noted(self) -> int:
        return int(await self.database.fetchval("select count(*) from notes where body = $1", self.note))

    async def both_are_under_way(self) -> None:
        assert await self.count_noted() > 0
        assert await self.count_held(least_tries=1) > 0

    async def is_over(self) -> None:
        assert (await self.ada.get(f"/v1/bulk/{self.job}"))["state"] == "done"
        assert await self.count_held() == 0

    async def each_has_both_once(self) -> None:
        for ticket_id in self.tickets:
            entries = await self.ada.all(f"/v1/tickets/{ticket_id}/messages")
            bodies = Counter(entry["body"].strip() for entry in entries)
            assert bodies[self.note] == 1, (ticket_id, bodies)
            assert bodies[self.reply] == (ticket_id in self.replied), (ticket_id, bodies)

    async def each_requester_is_told_once(self) -> None:
        """By one mail each; the same mail twice is what plain SMTP allows in a crash."""
        for number in range(REPLIES):
            mails = await self.system.mails_to(self.address(number))
            replies = {mail["MessageID"] for mail in mails if self.reply in mail["Snippet"]}
            assert len(replies) == 1, mails


@pytest.mark.chaos
@pytest.mark.soak
@pytest.mark.timeout(300)
async def test_bulk_actions_and_held_replies_survive_the_death_of_the_desk(
    stack: LocalStack, database: asyncpg.Connection
) -> None:
    system = SystemClients(stack.described())
    work = DeskWork(system, await system.sign_in("ada@everdesk.example"), database)
    await work.open_tickets()
    await work.hold_replies()
    await eventually(lambda: work.count_held(least_tries=1), within=30)
    await work.start_bulk()
    await eventually(work.both_are_under_way, within=30)
    os.kill(stack.described()["pids"]["assignment"], signal.SIGKILL)
    assert await work.count_noted() < TICKETS
    assert await work.count_held() > 0
    await eventually(work.is_over, within=120)
    await work.each_has_both_once()
    await eventually(work.each_requester_is_told_once, within=60)
