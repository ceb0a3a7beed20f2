"""A client program written for osTicket, and what it was written to send."""

import json
from dataclasses import dataclass
from typing import Any

import httpx2
from sqlalchemy import select

from services.intake.models import Message, Ticket
from tests.services.intake.harness import BASE_URL, IntakeHarness, Json

EXAMPLE: Json = {
    "source": "API",
    "alert": True,
    "autorespond": False,
    "name": "Dana Ruiz",
    "email": "dana@bank.example",
    "phone": "5551234567X12",
    "topicId": 10,
    "priorityId": 4,
    "subject": "Online banking system down",
    "ip": "203.0.113.9",
    "message": "data:text/html;charset=utf-8,<p>Login returns 502</p>",
}
"""osTicket's own example, apart from its files."""
LEAST: Json = {"name": "Dana Ruiz", "email": "dana@bank.example", "subject": "Down", "message": "502"}


@dataclass(frozen=True)
class OldTicketMade:
    """A ticket and its first message as they were stored."""

    ticket: Ticket
    message: Message


@dataclass
class OldClient:
    """Posts as old clients do."""

    intake: IntakeHarness
    key: str

    async def send(self, path: str, content: bytes | str, method: str = "POST", **headers: str) -> httpx2.Response:
        """One request; by default with the form content type that most old clients send."""
        named = {"X-API-Key": self.key, "Content-Type": "application/x-www-form-urlencoded"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        transport = httpx2.ASGITransport(app=self.intake.app, client=("192.0.2.7", 4711))
        async with httpx2.AsyncClient(transport=transport, base_url=BASE_URL, timeout=20) as http:
            return await http.request(method, path, content=content, headers=named)

    async def json(self, body: Any, **headers: str) -> httpx2.Response:
        """A body in JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body)
        return await self.send("/api/tickets.json", content, **headers)

    async def xml(self, body: str | bytes, **headers: str) -> httpx2.Response:
        """A body in XML."""
        return await self.send("/api/tickets.xml", body, **headers)

    async def made(self, answer: httpx2.Response) -> OldTicketMade:
        """The ticket that an answer tells of."""
        assert answer.status_code == 201, answer.text
        assert answer.headers["content-type"].lower() == "text/html; charset=utf-8"
        async with self.intake.database.begin() as session:
            ticket = (await session.scalars(select(Ticket).where(Ticket.number == answer.text))).one()
            message = (await session.scalars(select(Message).where(Message.ticket_id == ticket.id))).one()
        return OldTicketMade(ticket, message)
