"""Live updates: what is told, in which order, to whom, and when a stream ends."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sse_starlette.sse import AppStatus

from services.intake.abuse.invitations import InvitationLimits
from services.intake.access.key_scopes import KeyScope
from services.intake.commands.keys import revoke_key
from services.intake.consumers import on_events
from services.intake.live import event_streams
from services.intake.live.event_streams import EventStreams
from services.intake.live.timeline_queries import entries_after
from services.intake.models import TimelineEntry
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import (
    MessageUnclaimed,
    SlaWarned,
    TicketArchived,
    TicketAssigned,
    TicketClosed,
    TicketOpened,
    TicketPended,
    TicketPrioritised,
    TicketResolved,
)
from shared.contracts.vocabulary import ActorKind
from shared.kit import inbox
from shared.kit.clock import new_id, utc_now
from tests.services.intake.event_stream_tools import client, path_of, posted, served, tell
from tests.services.intake.harness import IntakeHarness, Json, after
from tests.support.eventually import eventually
from tests.support.sse import EventReader, reading

AGENT = str(new_id())
CLOSED = {"reason": "resolved", "cause": "command"}
REQUEST = {"requester": {"email": "a@b.example", "name": "A"}, "subject": "s", "body": "b"}


@pytest.fixture
async def url(intake: IntakeHarness) -> AsyncIterator[str]:
    """Where the service is served."""
    async with served(intake) as address:
        yield address


async def timeline(intake: IntakeHarness, ticket: Json) -> list[Any]:
    """What was written down."""
    async with intake.database.begin() as session:
        return await entries_after(session, UUID(ticket["id"]), 0)


async def test_what_concerns_the_requester_is_written_down_and_nothing_else(intake: IntakeHarness) -> None:
    ticket = await intake.submit()
    reply = posted(ticket)
    due = {"metric": "resolution", "cycle": 1, "percent": 50, "due_at": utc_now()}
    await tell(
        intake,
        after(TicketOpened, ticket, seq=1, status="new"),
        after(TicketPrioritised, ticket, seq=2, details={"priority": "high", "previous": "normal"}),
        after(TicketAssigned, ticket, seq=3, details={"agent_id": AGENT}),
        after(TicketAssigned, ticket, seq=4, details={"agent_id": str(new_id()), "previous_agent_id": AGENT}),
        after(SlaWarned, ticket, seq=5, details=due),
        reply,
        after(TicketPended, ticket, seq=6, status="pending"),
    )
    rows = await timeline(intake, ticket)
    assert [row.kind for row in rows] == ["opened", "assigned", "message", "pended"]
    assert [str(row.status) for row in rows] == ["new", "open", "open", "pending"]
    assert [row.revision for row in rows] == [1, 3, 5, 6]
    assert rows[0].message_id is not None
    assert rows[2].message_id == reply.message_id


async def test_the_requesters_own_messages_are_told_once_and_kept_once(intake: IntakeHarness) -> None:
    ticket = await intake.submit()
    async with intake.client() as http:
        message = (await http.post(f"/v1/tickets/{ticket['id']}/messages", json={"body": "And now?"})).json()

    async def told() -> None:
        assert [str(row.message_id) for row in await timeline(intake, ticket) if row.kind == "message"] == [
            message["id"]
        ]

    await eventually(told)
    async with intake.client() as http:
        assert len((await http.get(f"/v1/tickets/{ticket['id']}/messages")).json()["items"]) == 2


async def test_what_was_recorded_by_an_earlier_version_is_not_told_again(intake: IntakeHarness) -> None:
    ticket = await intake.submit()
    event = after(TicketOpened, ticket, seq=1, status="new").envelope(str(new_id()), utc_now())
    async with intake.database.begin() as session:
        await inbox.claim(session, "intake", [event])
    await on_events(intake.database, InvitationLimits(intake.settings), [event])
    assert await timeline(intake, ticket) == []


async def test_a_message_is_told_when_it_is_posted_and_not_again_when_the_bus_brings_it(intake: IntakeHarness) -> None:
    ticket = await intake.submit()
    async with intake.client() as http:
        message = (await http.post(f"/v1/tickets/{ticket['id']}/messages", json={"body": "mine"})).json()
    assert [str(row.message_id) for row in await timeline(intake, ticket)] == [message["id"]]
    again = posted(ticket, ActorKind.REQUESTER, message_id=MessageId(UUID(message["id"])))
    await tell(intake, again)
    assert [str(row.message_id) for row in await timeline(intake, ticket)] == [message["id"]]


@pytest.mark.parametrize("replicas", [2])
async def test_batches_in_any_order_on_several_replicas_tell_everything_once(
    intake: IntakeHarness, replicas: int
) -> None:
    tickets = [await intake.submit() for _ in range(4)]
    events = [
        event.envelope(f"{ticket['id']}:{number}", utc_now())
        for ticket in tickets
        for number, event in enumerate(
            (
                after(TicketOpened, ticket, seq=1, status="new"),
                after(TicketAssigned, ticket, seq=2, details={"agent_id": AGENT}),
                posted(ticket),
                after(TicketPended, ticket, seq=3, status="pending"),
                after(TicketResolved, ticket, seq=4, status="resolved", details={"cause": "command"}),
            )
        )
    ]

    async def replica(seed: int) -> None:
        shuffled = random.Random(seed).sample(events, len(events))
        for start in range(0, len(shuffled), 4):
            await on_events(intake.database, InvitationLimits(intake.settings), shuffled[start : start + 4])

    await asyncio.gather(*(replica(seed) for seed in range(2)))
    for ticket in tickets:
        kinds = sorted(row.kind for row in await timeline(intake, ticket))
        assert kinds == ["assigned", "message", "opened", "pended", "resolved"]
        assert str((await intake.stored(ticket["id"])).status) == "resolved"


async def test_an_event_that_comes_again_changes_nothing(intake: IntakeHarness) -> None:
    ticket = await intake.submit()
    resolved = after(TicketResolved, ticket, seq=2, status="resolved")
    name = str(new_id())
    await tell(intake, resolved, ids=[name])
    await tell(intake, resolved, ids=[name])
    assert [row.kind for row in await timeline(intake, ticket)] == ["resolved"]


async def test_news_of_a_ticket_of_somebody_else_is_ignored(intake: IntakeHarness) -> None:
    stranger = {"id": str(new_id()), "number": "9"}
    before = await intake.count("timeline_entries")
    await tell(intake, after(TicketOpened, stranger, seq=1), posted(stranger))
    assert await intake.count("timeline_entries") == before


async def test_ids_rise_in_the_order_in_which_they_can_be_read(intake: IntakeHarness) -> None:
    """Else a reader that resumes after the last id it saw would skip what commits late."""
    ticket = await intake.submit()
    seen: list[int] = []

    async def read(count: int) -> None:
        while len(seen) < count:
            async with intake.database.begin() as session:
                found = await entries_after(session, UUID(ticket["id"]), seen[-1] if seen else 0)
            seen.extend(row.id for row in found)

    writers = [tell(intake, posted(ticket), posted(ticket)) for _ in range(12)]
    async with asyncio.timeout(30):
        await asyncio.gather(read(24), *writers)
    assert seen == [row.id for row in await timeline(intake, ticket)]


async def test_a_stream_begins_with_what_was_and_goes_on_with_what_comes(intake: IntakeHarness, url: str) -> None:
    ticket = await intake.submit()
    await tell(intake, after(TicketOpened, ticket, seq=1, status="new"))
    async with client(url, intake.key) as http, reading(http, path_of(ticket)) as stream:
        first = await stream.next()
        assert (first.event, first.data["kind"], first.data["status"]) == ("opened", "opened", "new")
        assert first.data.keys() == {"id", "kind", "at", "status", "revision", "message_id"}
        assert first.id == first.data["id"]
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["cache-control"] == "no-store"
        reply = posted(ticket)
        await tell(intake, reply, after(TicketResolved, ticket, seq=2, status="resolved"))
        second, third = await stream.next(), await stream.next()
    assert (second.event, second.data["message_id"]) == ("message", str(reply.message_id))
    assert (third.event, third.data["revision"]) == ("resolved", 2)
    assert first.id < second.id < third.id


@pytest.mark.parametrize("way", ["header", "query"])
async def test_a_reader_comes_back_and_misses_nothing(intake: IntakeHarness, url: str, way: str) -> None:
    ticket = await intake.submit()
    await tell(intake, after(TicketOpened, ticket, seq=1, status="new"), posted(ticket))
    async with client(url, intake.key) as http:
        async with reading(http, path_of(ticket)) as stream:
            seen = await stream.next()
        await tell(intake, after(TicketPended, ticket, seq=2, status="pending"))
        again = (
            reading(http, path_of(ticket), seen.id)
            if way == "header"
            else reading(http, f"{path_of(ticket)}?after={seen.id}")
        )
        async with again as stream:
            assert await stream.kinds(2) == ["message", "pended"]


async def test_a_stream_of_a_ticket_of_which_nothing_is_written_waits(intake: IntakeHarness, url: str) -> None:
    ticket = await intake.submit()
    async with client(url, intake.key) as http, reading(http, path_of(ticket)) as stream:
        assert stream.status == 200
        await tell(intake, posted(ticket))
        assert "message" in await stream.kinds(1)


async def test_a_stream_ends_with_the_ticket_and_there_is_no_coming_back(intake: IntakeHarness, url: str) -> None:
    ticket = await intake.submit()
    async with client(url, intake.key) as http:
        async with reading(http, path_of(ticket)) as stream:
            await tell(intake, after(TicketClosed, ticket, seq=8, status="closed", details=CLOSED))
            await tell(intake, after(TicketArchived, ticket, seq=9, status="closed", is_archived=True))
            told = await stream.rest()
            assert told[-2:] == ["closed", "archived"]
        last = (await timeline(intake, ticket))[-1].id
        assert (await http.get(path_of(ticket), headers={"Last-Event-ID": str(last)})).status_code == 204
        async with reading(http, path_of(ticket)) as stream:
            assert (await stream.rest())[-1] == "archived"


async def test_an_end_recorded_while_the_stream_looks_is_told(
    intake: IntakeHarness, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await intake.submit()
    await tell(intake, after(TicketClosed, ticket, seq=8, status="closed", details=CLOSED))
    archiving = [after(TicketArchived, ticket, seq=9, status="closed", is_archived=True)]

    async def slow_entries_after(session: AsyncSession, ticket_id: UUID, last: int) -> list[TimelineEntry]:
        found = await entries_after(session, ticket_id, last)
        if archiving and found:
            await tell(intake, archiving.pop())
        return found

    monkeypatch.setattr(event_streams, "entries_after", slow_entries_after)
    async with client(url, intake.key) as http, reading(http, path_of(ticket)) as stream:
        assert (await stream.rest())[-2:] == ["closed", "archived"]


async def test_a_message_on_an_archived_ticket_is_followed_until_it_has_become_a_new_one(
    intake: IntakeHarness, url: str
) -> None:
    ticket = await intake.submit()
    await tell(intake, after(TicketArchived, ticket, seq=9, status="closed", is_archived=True))
    async with client(url, intake.key) as http:
        answer = await http.post(f"/v1/tickets/{ticket['id']}/messages", json={"body": "It is back."})
        async with reading(http, path_of(ticket)) as stream:
            unclaimed = MessageUnclaimed(
                ticket_id=TicketId(UUID(ticket["id"])), message_id=MessageId(UUID(answer.json()["id"]))
            )
            await tell(intake, unclaimed)
            assert (await stream.rest())[-1] == "followed_up"


async def test_who_may_not_read_the_ticket_may_not_follow_it(intake: IntakeHarness, url: str) -> None:
    ticket = await intake.submit()
    async with client(url, await intake.make_key()) as http:
        assert (await http.get(path_of(ticket))).status_code == 404
    async with client(url, await intake.make_key(KeyScope.CREATE, KeyScope.REPLY)) as http:
        assert (await http.get(path_of(ticket))).json()["code"] == "scope_missing"
    async with httpx2.AsyncClient(base_url=url) as http:
        assert (await http.get(path_of(ticket))).status_code == 401


@pytest.mark.parametrize("last", ["x", "-1", "9" * 30])
async def test_a_last_event_that_is_none_is_refused(intake: IntakeHarness, url: str, last: str) -> None:
    ticket = await intake.submit()
    async with client(url, intake.key) as http:
        assert (await http.get(path_of(ticket), headers={"Last-Event-ID": last})).status_code == 422


async def test_a_stream_ends_when_its_key_is_revoked(intake: IntakeHarness, url: str) -> None:
    key = await intake.make_key()
    async with intake.client(key) as http:
        ticket = (await http.post("/v1/tickets", json=REQUEST)).json()
    async with client(url, key) as http, reading(http, path_of(ticket)) as stream:
        async with intake.database.begin() as session:
            await revoke_key(session, key.key_id)
        intake.app.state.app_state.keys.forget(key.key_id)
        await tell(intake, posted(ticket))
        assert "message" not in await stream.rest()


async def test_so_many_streams_and_no_more(intake: IntakeHarness, url: str) -> None:
    ticket = await intake.submit()
    live = intake.app.state.app_state.event_streams
    each = intake.app.state.app_state.settings.streams_per_key
    streams: list[EventReader] = []
    async with client(url, intake.key) as http:
        live._open[f"key:{intake.key.key_id}"] += each - 1
        try:
            async with reading(http, path_of(ticket)) as stream:
                streams.append(stream)
                await eventually(lambda: live._open[f"key:{intake.key.key_id}"] == each)
                refused = await http.get(path_of(ticket))
        finally:
            live._open[f"key:{intake.key.key_id}"] -= each - 1
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
    assert int(refused.headers["retry-after"]) > 0
    await eventually(lambda: live.open_streams == 0)


async def test_a_stream_ends_after_its_time_and_says_when_to_return(
    intake: IntakeHarness, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await intake.submit()
    monkeypatch.setattr(intake.app.state.app_state.event_streams, "_seconds", 0.2)
    async with client(url, intake.key) as http, http.stream("GET", path_of(ticket)) as response:
        assert "retry: 2000" in (await response.aread()).decode()


async def test_a_lost_connection_to_the_database_is_made_again(intake: IntakeHarness, url: str) -> None:
    ticket = await intake.submit()
    kill = text(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity where query = 'select 1' or query like 'LISTEN%'"
    )
    async with client(url, intake.key) as http, reading(http, path_of(ticket)) as stream:
        async with intake.database.begin() as session:
            assert await session.scalar(kill)
        await tell(intake, posted(ticket))
        assert "message" in await stream.kinds(1) or "message" in await stream.kinds(1)


async def test_a_server_that_stops_does_not_wait_for_its_streams(
    intake: IntakeHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AppStatus, "should_exit", False)
    ticket = await intake.submit()
    async with served(intake) as url, client(url, intake.key) as http, reading(http, path_of(ticket)) as stream:
        monkeypatch.setattr(AppStatus, "should_exit", True)  # as SIGTERM does
        async with asyncio.timeout(3):
            await stream.rest()


def test_the_live_machinery_is_described(intake: IntakeHarness) -> None:
    described = intake.app.openapi()["paths"]["/v1/tickets/{ticket_id}/events"]["get"]
    assert described["responses"]["200"]["content"].keys() == {"text/event-stream"}
    assert "Last-Event-ID" in {parameter["name"] for parameter in described["parameters"]}
    assert isinstance(intake.app.state.app_state.event_streams, EventStreams)
