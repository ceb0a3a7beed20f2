"""The test harness of intake: the service in process, its clients, and events of other services."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any
from uuid import UUID

import httpx2
from fastapi import FastAPI
from sqlalchemy import select, text

from services.intake.access.key_scopes import CLIENT_SCOPES, KeyScope
from services.intake.commands.keys import put_key
from services.intake.models import Ticket
from services.intake.settings import IntakeSettings
from shared.contracts.base import TicketId
from shared.contracts.events import Event, LifecycleEvent
from shared.contracts.tickets import SYSTEM, TicketSnapshot
from shared.kit.auth import ApiKey
from shared.kit.bus import Bus
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Database

Json = dict[str, Any]
BASE_URL = "http://portal.example"
AN_HOUR = 3600.0
"""The window of a limiter whose budget must not come back while a test uses it up, however slow the machine is."""
_NEIGHBOURS = IPv4Network("198.19.0.0/16").hosts()


def _unused_address() -> str:
    """One that nobody in this process had before; no test writes such an address itself."""
    return str(next(_NEIGHBOURS))


def request_for_help(**changes: Any) -> Json:
    """A valid submission, with changes."""
    return {
        "requester": {"email": "dana@bank.example", "name": "Dana Ruiz"},
        "subject": "Online banking system down",
        "body": "Log-in answers 502.",
    } | changes


@dataclass
class IntakeHarness:
    """The service in process, a key with every scope, and a way to publish what other services would."""

    app: FastAPI
    database: Database
    bus: Bus
    key: ApiKey

    @property
    def settings(self) -> IntakeSettings:
        """What the service was built with."""
        settings: IntakeSettings = self.app.state.app_state.settings
        return settings

    def client(self, key: ApiKey | None = None) -> httpx2.AsyncClient:
        """A client program holding `key`, the one with every scope unless told otherwise."""
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return self._http(headers=headers)

    def browser(self, address: str | None = None) -> httpx2.AsyncClient:
        """Someone without a key, at an address of their own: what each may do in a minute is nobody else's budget."""
        return self._http(address or _unused_address(), follow_redirects=True)

    def _http(self, address: str = "127.0.0.1", **arguments: Any) -> httpx2.AsyncClient:
        transport = httpx2.ASGITransport(app=self.app, client=(address, 4711))
        return httpx2.AsyncClient(transport=transport, base_url=BASE_URL, timeout=20, **arguments)

    async def make_key(self, *scopes: KeyScope, per_minute: int = 100_000, **limits: Any) -> ApiKey:
        """A new key, with a client's scopes unless told otherwise."""
        key = ApiKey.make()
        async with self.database.begin() as session:
            await put_key(session, key, "test", scopes or CLIENT_SCOPES, per_minute=per_minute, **limits)
        return key

    async def submit(self, **changes: Any) -> Json:
        """A new ticket."""
        async with self.client() as http:
            return await self.submit_as(http, **changes)

    async def submit_as(self, http: httpx2.AsyncClient, **changes: Any) -> Json:
        """A new ticket of another client program."""
        answer = await http.post("/v1/tickets", json=request_for_help(**changes))
        assert answer.status_code == 201, answer.text
        created: Json = answer.json()
        return created

    async def publish(self, event: Event, event_id: str | None = None) -> None:
        """What another service would announce."""
        await self.bus.publish_all([event.envelope(event_id or str(new_id()), utc_now())])

    async def stored(self, ticket_id: str) -> Ticket:
        """The row of a ticket."""
        async with self.database.begin() as session:
            return (await session.scalars(select(Ticket).where(Ticket.id == UUID(ticket_id)))).one()

    async def newest(self) -> Ticket:
        """The row of the ticket made last."""
        async with self.database.begin() as session:
            return (await session.scalars(select(Ticket).order_by(Ticket.created_at.desc()).limit(1))).one()

    async def count(self, table: str) -> int:
        """How many rows a table has."""
        async with self.database.begin() as session:
            return int(await session.scalar(text(f"select count(*) from {table}")) or 0)


def after(
    kind: type[LifecycleEvent], ticket: Mapping[str, Any], *, seq: int, details: Json | None = None, **state: Any
) -> LifecycleEvent:
    """A lifecycle event with the snapshot after it."""
    now = utc_now()
    values: Json = {
        "ticket_id": ticket["id"],
        "number": ticket["number"],
        "seq": seq,
        "revision": seq,
        "status": "open",
        "priority": "normal",
        "opened_at": now,
        "updated_at": now,
    }
    snapshot = TicketSnapshot.model_validate(values | state)
    return kind(
        ticket_id=TicketId(UUID(ticket["id"])),
        seq=seq,
        revision=snapshot.revision,
        at=now,
        actor=SYSTEM,
        snapshot=snapshot,
        **(details or {}),
    )
