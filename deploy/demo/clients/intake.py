"""The intake API, as a client program uses it."""

from collections.abc import Mapping
from typing import Any

from deploy.demo.clients.http import Answer, Service


class Intake(Service):
    """Speaks for requesters, with an API key."""

    name = "intake"

    async def submit(self, request: Mapping[str, Any], *, key: str) -> Answer:
        """Asks for help; a refusal is an answer too."""
        return await self.ask("POST", "/v1/tickets", body=request, key=key)

    async def ticket(self, ticket_id: str) -> dict[str, Any]:
        """A ticket as its requester may see it."""
        return dict(await self.get(f"/v1/tickets/{ticket_id}"))

    async def messages(self, ticket_id: str) -> list[dict[str, Any]]:
        """The public conversation, oldest first."""
        return list((await self.get(f"/v1/tickets/{ticket_id}/messages", limit=200))["items"])

    async def write(self, ticket_id: str, body: str, *, key: str) -> dict[str, Any]:
        """The requester writes again."""
        return dict(await self.post(f"/v1/tickets/{ticket_id}/messages", {"body": body}, key=key, expect=201))
