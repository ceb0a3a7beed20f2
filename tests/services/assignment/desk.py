"""What these tests say to the service: agents who act, requesters who write."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
from fastapi import FastAPI

from services.assignment.app_state import AppState
from services.assignment.models import Session
from services.assignment.seed.organisation import id_of
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import Author, Envelope, MessagePosted, Person, TicketSubmitted, TopicChanged
from shared.contracts.tickets import TopicId
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel, Priority
from shared.kit.auth import digest_of, new_token
from shared.kit.bus import Bus, BusMessage
from shared.kit.clock import derived_id, new_id, utc_now
from shared.kit.db import Database
from shared.kit.requester_ids import RequesterIds
from tests.support.eventually import eventually

PASSWORD = "a-password-only-for-tests"
Json = dict[str, Any]
TOPICS = {slug: TopicId(derived_id(UUID(int=7), slug)) for slug in ("online-banking", "access", "general")}


@dataclass
class Desk:
    """The running service and the world around it."""

    app: FastAPI
    http: httpx2.AsyncClient
    bus: Bus
    database: Database
    tokens: dict[str, str] = field(default_factory=dict)
    numbers: int = 0
    shared: Json | None = None

    @property
    def context(self) -> AppState:
        """What the service's commands work with."""
        context: AppState = self.app.state.app_state
        return context

    @property
    def ids(self) -> RequesterIds:
        """Names requesters as intake does."""
        return RequesterIds(self.context.settings)

    async def publish(self, *envelopes: Envelope) -> None:
        """Puts events on the bus."""
        await self.bus.jetstream()
        done = await self.bus.publish_until_acknowledged([BusMessage.of(envelope) for envelope in envelopes])
        assert len(done) == len(envelopes)

    async def agent(self, name: str) -> "AgentApi":
        """A seeded agent, signed in."""
        email = name if "@" in name else f"{name}@everdesk.example"
        if email not in self.tokens:
            response = await self.http.post("/v1/sessions", json={"email": email, "password": PASSWORD})
            assert response.status_code == 201, response.text
            self.tokens[email] = response.json()["access_token"]
        return AgentApi(self.http, self.tokens[email])

    async def session_of(self, agent: UUID) -> "AgentApi":
        """An agent whose password nobody needs."""
        token, now = new_token(), utc_now()
        async with self.database.begin() as session:
            expires_at = now + timedelta(hours=1)
            session.add(Session(digest=digest_of(token), agent_id=agent, created_at=now, expires_at=expires_at))
        return AgentApi(self.http, token)

    async def some_ticket(self) -> Json:
        """A triaged ticket of online-banking that tests share, for what changes nothing."""
        if self.shared is None:
            self.shared = await self.ticket("online-banking")
        return self.shared

    async def submit(self, topic: str = "general", **changes: Any) -> TicketSubmitted:
        """A requester asks for help."""
        self.numbers += 1
        now = utc_now()
        submitted = TicketSubmitted.model_validate(
            {
                "ticket_id": TicketId(new_id()),
                "number": f"T{self.numbers:05d}{new_id().hex[-6:]}",
                "message_id": MessageId(new_id()),
                "requester": Person(email="dana@bank.example", name="Dana Ruiz"),
                "subject": "Online banking system down",
                "body": "Login returns 502.",
                "body_format": BodyFormat.TEXT,
                "channel": Channel.API,
                "topic_id": TOPICS[topic],
                "received_at": now,
                **changes,
            }
        )
        topic_event = TopicChanged(topic_id=TOPICS[topic], slug=topic, name=topic.title(), is_active=True, version=1)
        await self.publish(topic_event.envelope(f"topic:{topic}:1", now))
        await self.publish(submitted.envelope(f"submitted:{submitted.ticket_id}", now))
        return submitted

    async def ticket(self, topic: str = "online-banking", **changes: Any) -> Json:
        """A ticket that the rules have triaged, with what its requester wrote."""
        submitted = await self.submit(topic, **changes)
        return await self.seen(submitted.ticket_id, status="open", subject=submitted.subject)

    async def ticket_of(self, name: str, topic: str = "online-banking") -> Json:
        """A triaged ticket that one agent has."""
        ticket = await self.ticket(topic)
        ada = await self.agent("ada")
        return await ada.post(f"/v1/tickets/{ticket['id']}/assign", {"agent_id": str(agent_id(name))})

    async def seen(self, ticket_id: UUID | str, within: float = 20, **expected: Any) -> Json:
        """The ticket as a lead sees it, once it is as expected."""
        ada = await self.agent("ada")

        async def ticket() -> Json:
            found = await ada.get(f"/v1/tickets/{ticket_id}")
            assert {name: found[name] for name in expected} == expected
            return found

        return await eventually(ticket, within=within)

    async def write(self, ticket_id: UUID | str, body: str = "Still down for me.") -> None:
        """The requester writes again."""
        now = utc_now()
        posted = MessagePosted(
            ticket_id=TicketId(UUID(str(ticket_id))),
            message_id=MessageId(new_id()),
            author=Author(kind=ActorKind.REQUESTER, name="Dana Ruiz", email="dana@bank.example"),
            body=body,
            body_format=BodyFormat.TEXT,
            channel=Channel.EMAIL,
            received_at=now,
        )
        await self.publish(posted.envelope(f"message:{posted.message_id}", now))


@dataclass
class AgentApi:
    """The API, called as one agent."""

    http: httpx2.AsyncClient
    token: str

    async def send(self, method: str, path: str, **arguments: Any) -> httpx2.Response:
        """One request, whatever comes back."""
        headers = {"Authorization": f"Bearer {self.token}"} | arguments.pop("headers", {})
        return await self.http.request(method, path, headers=headers, timeout=20, **arguments)

    async def get(self, path: str, expect: int = 200, **query: Any) -> Json:
        """A read."""
        return await self._checked(await self.send("GET", path, params=query), expect)

    async def post(self, path: str, body: Json | None = None, expect: int | None = None, **headers: str) -> Json:
        """A change; `headers` with underscores for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self._checked(await self.send("POST", path, json=body or {}, headers=named), expect)

    async def patch(self, path: str, body: Json, expect: int = 200) -> Json:
        """An administrative change."""
        return await self._checked(await self.send("PATCH", path, json=body), expect)

    async def _checked(self, response: httpx2.Response, expect: int | None) -> Json:
        wanted = (expect,) if expect else (200, 201)
        assert response.status_code in wanted, f"{response.request.url}: {response.status_code} {response.text}"
        answer: Json = response.json() if response.content else {}
        return answer


def agent_id(name: str) -> UUID:
    """A seeded agent's id."""
    return id_of("agent", f"{name}@everdesk.example")


def team_id(slug: str) -> UUID:
    """A seeded team's id."""
    return id_of("team", slug)


URGENT = Priority.URGENT.value
