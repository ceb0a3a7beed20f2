"""The notification API, as an operator uses it."""

from typing import Any

from deploy.demo.clients.http import ServiceClient


class Ledger(ServiceClient):
    """Who was told what, and when."""

    name = "notification"

    async def deliveries(self, ticket_id: str) -> list[dict[str, Any]]:
        """Every mail about a ticket, whatever became of it."""
        return list((await self.get("/v1/deliveries", ticket_id=ticket_id, channel="mail", limit=200))["items"])
