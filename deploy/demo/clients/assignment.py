"""The assignment API, as agents use it."""

import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from deploy.demo.checks import DemoError
from deploy.demo.clients.http import ServiceClient, ServiceResponse
from deploy.local.running_stack import AgentLogin


@dataclass(frozen=True, slots=True)
class AgentProfile:
    """Who is signed in."""

    id: str
    name: str
    email: str
    role: str


class DeskApi(ServiceClient):
    """Where one signs in."""

    name = "assignment"


class AgentClient(ServiceClient):
    """One agent's session."""

    name = "assignment"

    def __init__(
        self,
        url: str,
        agent: AgentProfile,
        token: str,
        connections: int = 20,
        *,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        super().__init__(url, token, connections, verify=verify)
        self.agent = agent

    @classmethod
    async def sign_in(
        cls, url: str, login: AgentLogin, connections: int = 20, *, verify: ssl.SSLContext | bool = True
    ) -> "AgentClient":
        """Opens a session. Raises StepFailed if the log-in in stack.json does not work."""
        credentials = {"email": login.email, "password": login.password.get_secret_value()}
        async with DeskApi(url, verify=verify) as api:
            session = await api.post("/v1/sessions", credentials, expect=201)
        found = session["agent"]
        agent = AgentProfile(found["id"], found["name"], found["email"], login.role)
        return cls(url, agent, session["access_token"], connections, verify=verify)

    async def __aexit__(self, *ended: object) -> None:
        with suppress(DemoError):
            await self.ask("DELETE", "/v1/sessions")
        await super().__aexit__(*ended)

    async def find_ticket(self, ticket_id: str) -> dict[str, Any] | None:
        """The ticket, or None while it is not here yet or may not be seen."""
        found = await self.find(f"/v1/tickets/{ticket_id}")
        return dict(found) if found else None

    async def ticket(self, ticket_id: str) -> dict[str, Any]:
        """The ticket with its clocks and what may be done to it."""
        return dict(await self.get(f"/v1/tickets/{ticket_id}"))

    async def messages(self, ticket_id: str) -> list[dict[str, Any]]:
        """The public conversation, oldest first."""
        return [entry for entry in await self.entries(ticket_id) if entry["kind"] == "message"]

    async def notes(self, ticket_id: str) -> list[dict[str, Any]]:
        """What agents wrote for each other, oldest first."""
        return [entry for entry in await self.entries(ticket_id) if entry["kind"] == "note"]

    async def entries(self, ticket_id: str) -> list[dict[str, Any]]:
        """Messages and notes, oldest first."""
        return list((await self.get(f"/v1/tickets/{ticket_id}/messages", limit=200))["items"])

    async def timeline(self, ticket_id: str) -> list[dict[str, Any]]:
        """The event log of a ticket, oldest first."""
        return list((await self.get(f"/v1/tickets/{ticket_id}/timeline", limit=200))["items"])

    async def act(self, ticket_id: str, verb: str, *, key: str, **body: Any) -> dict[str, Any]:
        """Does something to a ticket; answers with the ticket as it then is."""
        answer = await self.attempt(ticket_id, verb, key=key, **body)
        if answer.status not in (200, 201):
            self._expected(200, "POST", f"/v1/tickets/{ticket_id}/{verb}", answer)
        return dict(answer.body)

    async def attempt(self, ticket_id: str, verb: str, *, key: str, **body: Any) -> ServiceResponse:
        """Tries something that may be refused."""
        return await self.ask("POST", f"/v1/tickets/{ticket_id}/{verb}", body=body, key=key)

    async def sla_report(self, since: str, **narrowed: str) -> dict[str, Any]:
        """The verdicts settled since an instant, counted."""
        return dict(await self.get("/v1/reports/sla", **{"from": since}, **narrowed))
