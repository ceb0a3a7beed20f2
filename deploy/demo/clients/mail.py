"""The mail sink, through the part of Mailpit's API that both sinks have."""

from typing import Any

from deploy.demo.clients.http import Service

PAGE = 1000


class MailSink(Service):
    """What arrived in mailboxes."""

    name = "mail sink"

    async def about(self, number: str) -> list[dict[str, Any]]:
        """The mails about one ticket, oldest first."""
        found = await self.get("/api/v1/search", query=f'subject:"[#{number}]"', limit=PAGE)
        return list(reversed(found["messages"]))

    async def newest(self, count: int) -> list[dict[str, Any]]:
        """The newest mails, newest first."""
        mails: list[dict[str, Any]] = []
        while len(mails) < count:
            page = await self.get("/api/v1/messages", start=len(mails), limit=min(PAGE, count - len(mails)))
            if not page["messages"]:
                break
            mails.extend(page["messages"])
        return mails
