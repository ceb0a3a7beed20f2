"""A served intake service, clients of it, and events told to its consumer."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx2
import uvicorn

from deploy.local.engines.ports import find_free_port
from services.intake.abuse.invitations import InvitationLimits
from services.intake.consumers import on_events
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import Author, Event, MessagePosted
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel
from shared.kit.auth import ApiKey
from shared.kit.clock import new_id, utc_now
from tests.services.intake.harness import IntakeHarness, Json
from tests.support.eventually import eventually


@asynccontextmanager
async def served(intake: IntakeHarness) -> AsyncIterator[str]:
    """The service on a port: streams need a real connection."""
    port = find_free_port()
    server = uvicorn.Server(uvicorn.Config(intake.app, port=port, lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await serving


def client(url: str, key: ApiKey) -> httpx2.AsyncClient:
    """A client program on a real connection."""
    return httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"})


def path_of(ticket: Json) -> str:
    """Where a ticket's events are."""
    return f"/v1/tickets/{ticket['id']}/events"


def posted(ticket: Json, kind: ActorKind = ActorKind.AGENT, **changes: Any) -> MessagePosted:
    """A message on a ticket."""
    values = {
        "ticket_id": TicketId(UUID(ticket["id"])),
        "message_id": MessageId(new_id()),
        "author": Author(kind=kind, name="Ada"),
        "body": "Try again.",
        "body_format": BodyFormat.TEXT,
        "channel": Channel.DESK,
        "received_at": utc_now(),
    }
    return MessagePosted(**(values | changes))


async def tell(intake: IntakeHarness, *events: Event, ids: Sequence[str] = ()) -> None:
    """Hands events to the consumer as one batch."""
    named = ids or [str(new_id()) for _ in events]
    await on_events(
        intake.database,
        InvitationLimits(intake.settings),
        [event.envelope(name, utc_now()) for event, name in zip(events, named, strict=True)],
    )
