"""Notification running in this process, and what tests say to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from fastapi import FastAPI

from deploy.local.engines import Stack
from services.notification.app import build
from services.notification.settings import NotificationSettings
from shared.contracts.events import Envelope
from shared.kit.bus import Bus, BusMessage
from shared.kit.clock import new_id
from shared.kit.db import Database
from tests.services.notification.mail_server import MailServer
from tests.support.migrated_engines import migrate_if_needed
from tests.support.settings import common_environment

OPERATOR = {"Authorization": "Bearer the-operators-own-token"}


async def migrated(engines: Stack, mail_server: MailServer) -> NotificationSettings:
    """The service's settings, its database migrated."""
    common = {name.removeprefix("EVERDESK_").lower(): value for name, value in common_environment(engines).items()}
    values: dict[str, Any] = {name: common[name] for name in common.keys() & NotificationSettings.model_fields.keys()}
    settings = NotificationSettings(
        **values,
        database_url=engines.postgres.url("notification"),
        smtp_port=mail_server.port,
        outgoing_allowed_networks="127.0.0.0/8",
        operator_token=OPERATOR["Authorization"].removeprefix("Bearer "),
    )
    await migrate_if_needed(settings, "services.notification")
    return settings


@dataclass
class Running:
    """The service under test and the world around it."""

    app: FastAPI
    http: httpx2.AsyncClient
    bus: Bus
    database: Database

    async def publish(self, *envelopes: Envelope) -> None:
        """Puts events on the bus, in order."""
        for position, envelope in enumerate(envelopes):
            done = await self.bus.publish_until_acknowledged([BusMessage.of(envelope)])
            assert done == [0], f"event {position} was not taken"

    async def deliver_again(self, *envelopes: Envelope) -> None:
        """The same events once more, past JetStream's own deduplication, as after a lost acknowledgement."""
        again = [
            BusMessage(id=str(new_id()), subject=envelope.nats_subject, payload=envelope.model_dump_json().encode())
            for envelope in envelopes
        ]
        assert len(await self.bus.publish_until_acknowledged(again)) == len(again)

    async def ledger(self, **filters: Any) -> list[dict[str, Any]]:
        """The mails, as the API shows them; deliveries of every channel with `channel=None`."""
        params = {name: value for name, value in ({"channel": "mail"} | filters).items() if value is not None}
        answer = await self.http.get("/v1/deliveries", params=params, headers=OPERATOR)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


@asynccontextmanager
async def running(settings: NotificationSettings) -> AsyncIterator[Running]:
    """The service, its background jobs running."""
    app = build(settings)
    async with app.router.lifespan_context(app):
        state = app.state.app_state
        await state.bus.jetstream()
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://notification") as http:
            yield Running(app, http, state.bus, state.database)
