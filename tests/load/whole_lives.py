"""One whole ticket life through the front doors: intake's API for the requester, assignment's for the agent."""

import asyncio
from typing import Any

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.contracts.events import TicketAssigned
from shared.kit.clock import new_id
from tests.load.http_client import Http
from tests.load.systems import HostedSystem

SENTENCE = "The transfer page of the online banking shows an error after the one-time code was entered. "
BODY = SENTENCE * 6
REPLY = "We have restarted the gateway; please try again and tell us if it happens once more. " * 3
TRIES, PAUSE = 60, 0.05
NOT_NOW = (404, 409, 503)


def a_key() -> dict[str, str]:
    """What makes a request safe to repeat."""
    return {"Idempotency-Key": new_id().hex}


def a_submission(name: str) -> dict[str, Any]:
    """About 600 characters of request, as a client program sends it."""
    return {
        "requester": {"email": f"{name}@customer.example", "name": "Ana Customer"},
        "subject": "Online banking system down",
        "body": BODY[:540],
        "topic": "online-banking",
    }


class WholeLife:
    """Plays lives; knows from the bus when a ticket has been assigned, so that nothing is polled."""

    def __init__(self, system: HostedSystem, agent_token: str) -> None:
        self._intake = Http(system.urls["intake"], system.api_key)
        self._desk = Http(system.urls["assignment"], agent_token)
        self._bus = Client()
        self._assigned: dict[str, asyncio.Event] = {}

    @classmethod
    async def begin(cls, system: HostedSystem) -> "WholeLife":
        """Signs the agent in and listens for assignments."""
        door = Http(system.urls["assignment"], "none")
        session = await door.post("/v1/sessions", system.login)
        life = cls(system, session["access_token"])
        life._bus = await nats.connect(system.nats_url)
        await life._bus.subscribe(TicketAssigned.subjects(), cb=life._on_assigned)
        return life

    async def end(self) -> None:
        """Stops listening."""
        await self._bus.close()

    async def _on_assigned(self, message: Msg) -> None:
        self._when_assigned(message.subject.rsplit(".", 1)[-1]).set()

    def _when_assigned(self, ticket_id: str) -> asyncio.Event:
        return self._assigned.setdefault(ticket_id, asyncio.Event())

    async def __call__(self) -> str:
        ticket_id = await self.open()
        path = await self.assigned(ticket_id)
        await self.write(path)
        await self.act(f"{path}/replies", {"body": REPLY, "body_format": "text"}, 201)
        await self.act(f"{path}/notes", {"body": "Gateway 3 was out of memory.", "body_format": "text"}, 201)
        await self.act(f"{path}/resolve", {}, 200)
        await self.act(f"{path}/close", {"reason": "resolved"}, 200)
        return f"ticket-{ticket_id}"

    async def open(self) -> str:
        """The requester's ticket; its id."""
        ticket = await self._intake.post("/v1/tickets", a_submission(new_id().hex), headers=a_key())
        return str(ticket["id"])

    async def assigned(self, ticket_id: str) -> str:
        """Waits until somebody was found for it; the ticket's path."""
        await asyncio.wait_for(self._when_assigned(ticket_id).wait(), 120)
        self._assigned.pop(ticket_id)
        return f"/v1/tickets/{ticket_id}"

    async def write(self, path: str) -> None:
        """The requester's second message."""
        words = {"body": "It also happens on my phone.", "body_format": "text"}
        await self._intake.post(f"{path}/messages", words, headers=a_key())

    async def act(self, path: str, body: dict[str, Any], expect: int) -> None:
        """The projection may be a moment behind, and a busy workflow may ask to come again: the key makes that safe."""
        request = self._desk.request("POST", path, body, a_key())
        for _ in range(TRIES):
            reply = await self._desk.send(request)
            if reply.status not in NOT_NOW:
                break
            await asyncio.sleep(PAUSE)
        assert reply.status == expect, f"POST {path}: {reply.status} {reply.body[:500]!r}"
