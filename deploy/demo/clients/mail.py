"""The mail sink, through the part of Mailpit's API that both sinks have."""

from collections.abc import AsyncIterator
from typing import Any

from deploy.demo.clients.http import ServiceClient

PAGE = 500


class MailSink(ServiceClient):
    """What arrived in mailboxes."""

    name = "mail sink"

    async def about(self, number: str) -> list[dict[str, Any]]:
        """The mails about one ticket, oldest first."""
        found = await self.get("/api/v1/search", query=f'subject:"[#{number}]"', limit=PAGE)
        return list(reversed(found["messages"]))

    async def pages(self) -> AsyncIterator[list[dict[str, Any]]]:
        """All mails, newest first, a page at a time."""
        seen = 0
        while mails := (await self.get("/api/v1/messages", start=seen, limit=PAGE))["messages"]:
            yield mails
            seen += len(mails)
