"""Watching tickets change: server-sent events of what one may see, at whichever process holds the stream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import delete
from sse_starlette.sse import AppStatus

from services.assignment.app import build
from services.assignment.models import Membership
from services.assignment.settings import AssignmentSettings
from shared.contracts.names import STREAM
from tests.services.assignment.desk import AgentApi, Desk, Json
from tests.services.assignment.permissions.test_permissions import make
from tests.support.eventually import eventually
from tests.support.sse import EventReader, Received, reading


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """The service on a port."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving
    AppStatus.should_exit = False


@pytest.fixture(scope="module")
async def url(desk: Desk) -> AsyncIterator[str]:
    """Where the service is served, for a stream does not come through a test transport."""
    async with serving(desk.app) as address:
        yield address


@asynccontextmanager
async def watching(url: str, agent: AgentApi, last: int | None = None, more: str = "") -> AsyncIterator[EventReader]:
    headers = {"Authorization": f"Bearer {agent.token}"}
    async with (
        httpx2.AsyncClient(base_url=url, headers=headers) as http,
        reading(http, f"/v1/stream{more}", last) as stream,
    ):
        assert stream.status == 200
        await stream.comment()
        yield stream


async def test_what_reads_for_open_pages_says_so_and_ends_with_its_process(desk: Desk) -> None:
    js = await desk.bus.jetstream()

    async def is_there() -> bool:
        readers = [one.config for one in await js.consumers_info(STREAM) if one.name.startswith("desk-live-")]
        return bool(readers) and not any(one.durable_name for one in readers)

    await eventually(is_there)


async def of(stream: EventReader, ticket: Json, kind: str) -> Received:
    """The next event of a ticket and kind."""
    while True:
        event = await stream.next()
        if (event.data.get("ticket_id"), event.data["kind"]) == (ticket["id"], kind):
            return event


async def test_a_change_is_told_and_a_stream_goes_on_where_it_was_left(desk: Desk, url: str) -> None:
    ada, ticket = await desk.agent("ada"), await desk.ticket_of("ada")
    async with watching(url, ada) as stream:
        await ada.post(f"/v1/tickets/{ticket['id']}/prioritise", {"priority": "urgent"})
        seen = await of(stream, ticket, "ticket.prioritised")
        assert (seen.event, seen.data["priority"], seen.data["number"]) == ("ticket", "urgent", ticket["number"])
        assert seen.id == seen.data["id"]
    await ada.post(f"/v1/tickets/{ticket['id']}/resolve")
    async with watching(url, ada, seen.id, f"?ticket_id={ticket['id']}") as stream:
        assert (await of(stream, ticket, "ticket.resolved")).id > seen.id


async def test_another_process_tells_the_same(desk: Desk, settings: AssignmentSettings) -> None:
    ada, ticket = await desk.agent("ada"), await desk.ticket_of("ada")
    app = build(settings)
    async with app.router.lifespan_context(app), serving(app) as other, watching(other, ada) as stream:
        await ada.post(f"/v1/tickets/{ticket['id']}/pend")
        await of(stream, ticket, "ticket.pended")


async def test_only_what_one_may_see_is_told_and_what_goes_out_of_sight_is_gone(desk: Desk, url: str) -> None:
    ada, someone = await desk.agent("ada"), await make(desk, "teams", ["ticket.view"])
    hidden, seen = await desk.ticket("access"), await desk.ticket("online-banking")
    async with watching(url, someone.api) as stream:
        await ada.post(f"/v1/tickets/{hidden['id']}/prioritise", {"priority": "urgent"})
        await ada.post(f"/v1/tickets/{seen['id']}/transfer", {"team_id": hidden["team_id"]})
        event = await stream.next()
        while event.data["ticket_id"] != seen["id"] or event.event != "gone":
            assert event.data["ticket_id"] != hidden["id"]
            event = await stream.next()
        assert set(event.data) == {"id", "kind", "ticket_id"}


@pytest.mark.parametrize("ending", ["session", "role"])
async def test_a_stream_ends_with_the_session_or_the_rights_it_was_opened_with(
    desk: Desk, url: str, ending: str
) -> None:
    someone = await make(desk, "teams", ["ticket.view"])
    async with watching(url, someone.api) as stream:
        if ending == "session":
            assert (await someone.api.send("DELETE", "/v1/sessions")).status_code == 204
        else:
            async with desk.database.begin() as session:
                await session.execute(delete(Membership).where(Membership.agent_id == UUID(someone.id)))
        await stream.rest()


async def test_an_agent_holds_only_so_many_streams(desk: Desk, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.assignment.live.change_streams.PER_AGENT", 1)
    someone = await make(desk, "teams", ["ticket.view"])
    async with watching(url, someone.api):
        refused = await someone.api.send("GET", "/v1/stream")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")


async def test_who_was_away_too_long_is_told_to_read_anew(desk: Desk, url: str) -> None:
    ada = await desk.agent("ada")
    async with watching(url, ada, 2**62) as stream:
        assert (await stream.next()).event == "reset"
