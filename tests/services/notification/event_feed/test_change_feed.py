"""The change feed: every event once, in an order that never changes behind a reader's back."""

import asyncio
import json
from functools import partial
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from services.notification.app import build
from services.notification.settings import NotificationSettings
from shared.contracts.base import MessageId
from shared.contracts.events import (
    Author,
    NotificationFailed,
    RequesterErased,
    SideMessageReceived,
    SideMessageSent,
    TicketErased,
)
from shared.contracts.vocabulary import ActorKind, BodyFormat
from shared.kit.clock import new_id, utc_now
from shared.kit.requester_ids import RequesterIds
from tests.services.notification.running import OPERATOR, Running
from tests.services.notification.ticket_events import TicketEvents, wrapped
from tests.support.eventually import eventually as at_some_time

eventually = partial(at_some_time, within=45)
"""Longer than the bus keeps from a consumer what one that has ended was handed."""


@pytest.fixture(autouse=True)
async def feed_from_the_beginning(service: Running) -> None:
    """The tickets of these tests were opened in the past: of those from before the feed it would not wait for steps."""
    async with service.database.begin() as session:
        await session.execute(text("update feed_end set began_at = '2000-01-01'"))


async def feed(service: Running, status: int = 200, **query: Any) -> Any:
    answer = await service.http.get("/v1/events", params=query, headers=OPERATOR)
    assert answer.status_code == status, answer.text
    return answer.json()


async def of_ticket(service: Running, story: TicketEvents, count: int, **query: Any) -> list[dict[str, Any]]:
    """The ticket's events, once there are so many."""

    async def look() -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await feed(service, ticket_id=str(story.ticket_id), **query))["items"]
        assert len(items) == count, [one["type"] for one in items]
        return items

    found: list[dict[str, Any]] = await eventually(look)
    return found


async def test_the_feed_holds_what_nats_carried_in_the_order_of_the_steps(service: Running) -> None:
    story = TicketEvents()
    steps = [story.opened(), story.triaged(), story.assigned(), story.released()]
    sent = [story.submitted(), steps[3], steps[1], steps[2], steps[0]]
    await service.publish(*sent)
    await service.deliver_again(*sent)
    items = await of_ticket(service, story, 5)
    assert items[0] == json.loads(sent[0].model_dump_json())
    assert [one["id"] for one in items[1:]] == [step.id for step in steps]


async def test_pages_follow_each_other_without_a_gap_and_without_a_double(service: Running) -> None:
    start = (await feed(service, after="latest"))["next_cursor"]
    stories = [TicketEvents() for _ in range(10)]
    reading = asyncio.create_task(_read_on(service, start, {str(story.ticket_id) for story in stories}, 30))
    for story in stories:
        await service.publish(story.triaged(), story.opened(), story.assigned())
    seen = await reading
    assert len(seen) == len({one["id"] for one in seen}) == 30
    for story in stories:
        mine = [one["data"]["seq"] for one in seen if one["subject"] == str(story.ticket_id)]
        assert mine == [1, 2, 3]


async def _read_on(service: Running, cursor: str, subjects: set[str], count: int) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []
    async with asyncio.timeout(45):
        while len(seen) < count:
            page = await feed(service, after=cursor, limit=7, wait=5)
            seen += [one for one in page["items"] if one["subject"] in subjects]
            cursor = page["next_cursor"]
    return seen


async def test_a_reader_at_the_end_is_told_as_soon_as_something_happens(service: Running) -> None:
    story = TicketEvents()
    end = (await feed(service, after="latest"))["next_cursor"]
    waiting = asyncio.create_task(feed(service, after=end, ticket_id=str(story.ticket_id), wait=30))
    await service.publish(story.opened())
    async with asyncio.timeout(45):
        assert [one["type"] for one in (await waiting)["items"]] == ["everdesk.ticket.opened.v1"]


async def test_a_long_poll_ends_with_its_process_and_goes_on_at_the_next_without_a_gap(
    service: Running, settings: NotificationSettings
) -> None:
    """Nothing that its filter wants came; the answer says from where to ask the process that is there afterwards."""
    story = TicketEvents()
    app = build(settings)
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://notification") as http:
            end = (await feed(service, after="latest"))["next_cursor"]
            asked = {"after": end, "ticket_id": str(story.ticket_id), "types": "ticket.assigned", "wait": "30"}
            waiting = asyncio.create_task(http.get("/v1/events", params=asked, headers=OPERATOR))
            await service.publish(story.opened(), story.triaged())
            await of_ticket(service, story, 2)
            assert not waiting.done()
            app.state.stopping.begin()
            async with asyncio.timeout(5):
                answer = await waiting
                again = await http.get("/v1/events", params=asked, headers=OPERATOR)
    assert (answer.status_code, answer.json()["items"], again.json()["items"]) == (200, [], [])
    cursor = answer.json()["next_cursor"]
    await service.publish(story.assigned())
    await service.deliver_again(story.triaged(), story.assigned())
    page = await feed(service, **(asked | {"after": cursor}))
    assert [one["type"] for one in page["items"]] == ["everdesk.ticket.assigned.v1"]
    assert (await feed(service, **(asked | {"after": page["next_cursor"], "wait": 1})))["items"] == []


async def test_filters_name_events_and_notes_must_be_named(service: Running) -> None:
    story = TicketEvents()
    await service.publish(story.submitted(), story.opened(), story.triaged(), story.link_requested())
    await of_ticket(service, story, 3)
    assert len(await of_ticket(service, story, 1, types="ticket.triaged")) == 1
    assert len(await of_ticket(service, story, 3, types="ticket.*,message.posted")) == 3
    for wrong in ("nothing", "access.requested", "ticket.*,x.*", "*.*"):
        assert (await feed(service, 422, types=wrong))["errors"][0]["parameter"] == "types"


@pytest.mark.parametrize("query", ["after=x", "after=-1", "limit=0", "limit=201", "wait=31", "ticket_id=7"])
async def test_a_wrong_question_is_refused(service: Running, query: str) -> None:
    assert (await service.http.get(f"/v1/events?{query}", headers=OPERATOR)).status_code == 422


async def test_what_is_not_kept_any_more_is_not_passed_over_in_silence(service: Running) -> None:
    story = TicketEvents()
    await service.publish(story.opened())
    await of_ticket(service, story, 1)
    end = int((await feed(service, after="latest"))["next_cursor"])
    assert (await feed(service, 410, after=str(end + 1000)))["code"] == "cursor_expired"
    async with service.database.begin() as session:
        await session.execute(text("delete from feed_events where position < :end"), {"end": end})
    if end > 2:
        assert (await feed(service, 410, after=str(end - 2)))["code"] == "cursor_expired"
    assert len((await feed(service, after=str(end - 1)))["items"]) >= 1
    assert len((await feed(service))["items"]) >= 1


async def test_an_erasure_reaches_the_feed_and_what_comes_after_it(service: Running) -> None:
    mine, others = TicketEvents(subject="Secret matter"), TicketEvents()
    settings = service.app.state.app_state.settings
    guest = mine.message(ActorKind.REQUESTER, "I take part.").model_copy(update={"subject": str(others.ticket_id)})
    guest = guest.model_copy(update={"data": guest.data | {"ticket_id": str(others.ticket_id)}})
    copied = others.submitted()
    copied = copied.model_copy(update={"data": copied.data | {"cc": [mine.requester, "lee@bank.example"]}})
    await service.publish(mine.submitted(), mine.opened(), copied, guest)
    await of_ticket(service, mine, 2)
    await of_ticket(service, others, 2)
    erased = RequesterErased(
        requester_id=RequesterIds(settings).of(mine.requester),
        ticket_ids=(mine.ticket_id,),
        took_part_in=(others.ticket_id,),
        erased_at=utc_now(),
    )
    await service.publish(wrapped(erased), wrapped(TicketErased(ticket_id=mine.ticket_id, erased_at=utc_now())))
    await service.publish(mine.message(ActorKind.REQUESTER, "Too late."))
    items = await of_ticket(service, mine, 4)
    assert items[0]["data"] == items[3]["data"] == {"redacted": True, "ticket_id": str(mine.ticket_id)}
    assert items[1]["data"]["seq"] == 1
    submitted, message = await of_ticket(service, others, 2)
    assert submitted["data"]["requester"]["email"] == others.requester
    assert submitted["data"]["cc"] == ["lee@bank.example"]
    assert message["data"] == {"redacted": True, "ticket_id": str(others.ticket_id)}


async def test_an_erasure_reaches_what_was_written_beside_others_tickets(service: Running) -> None:
    """Answers of a third party name no address; their mail's failure may."""
    story = TicketEvents()
    message_ids = [MessageId(new_id()) for _ in range(3)]
    common = {"ticket_id": story.ticket_id, "body": "Secret matter", "body_format": BodyFormat.TEXT}
    sent = [
        SideMessageSent.model_validate(
            common
            | {"conversation_id": new_id(), "message_id": one, "email": "sam@supplier.example", "subject": "Line"}
            | {"author": Author(kind=ActorKind.AGENT, id=story.ada, name="Ada"), "sent_at": utc_now()}
        )
        for one in message_ids[:2]
    ]
    answered = SideMessageReceived.model_validate(
        common
        | {"message_id": message_ids[2], "answered_id": message_ids[0], "author_name": "Sam", "received_at": utc_now()}
    )
    failed = NotificationFailed(
        delivery_id=new_id(),
        ticket_id=story.ticket_id,
        cause=f"side-message:{message_ids[0]}",
        template="side_message",
        message_id="<x@y.example>",
        reason="550 <sam@supplier.example>",
        failed_at=utc_now(),
    )
    written: list[SideMessageSent | SideMessageReceived] = [*sent, answered]
    told = [event.envelope(f"side-message:{event.message_id}", utc_now()) for event in written]
    await service.publish(*told, wrapped(failed))
    names = "side.message_sent,side.message_received,notification.failed"
    await of_ticket(service, story, 4, types=names)
    erased = RequesterErased(
        requester_id=new_id(),
        ticket_ids=(),
        side_message_ids=(message_ids[0], message_ids[2]),
        erased_at=utc_now(),
    )
    await service.publish(wrapped(erased))

    async def is_redacted() -> None:
        items = await of_ticket(service, story, 4, types=names)
        assert [one["id"] for one in items if one["data"].get("redacted")] == [told[0].id, told[2].id, items[3]["id"]]

    await eventually(is_redacted)


async def test_a_step_whose_predecessor_never_comes_is_released_after_a_while(service: Running) -> None:
    story = TicketEvents()
    await service.publish(story.assigned(7))
    held = text("update feed_early set release_at = now() where ticket_id = :ticket")

    async def expire() -> bool:
        async with service.database.begin() as session:
            return bool((await session.execute(held, {"ticket": story.ticket_id})).rowcount)  # type: ignore[attr-defined]

    await eventually(expire)
    await service.publish(TicketEvents().opened())
    assert [one["data"]["seq"] for one in await of_ticket(service, story, 1)] == [7]


async def test_tokens_of_programs_reach_as_far_as_their_scopes(service: Running) -> None:
    async def make(*scopes: str) -> tuple[str, dict[str, str]]:
        body = {"name": "Warehouse", "scopes": list(scopes)}
        answer = await service.http.post("/v1/event-tokens", json=body, headers=OPERATOR)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"], {"Authorization": f"Bearer {answer.json()['token']}"}

    reader_id, reader = await make("events")
    _, noter = await make("notes")
    _, keeper = await make("webhooks")
    get = service.http.get
    assert (await get("/v1/events", headers=reader)).status_code == 200
    assert (await get("/v1/events?types=note.added", headers=reader)).status_code == 403
    assert (await get("/v1/events?types=note.added", headers=noter)).status_code == 200
    assert (await get("/v1/events", headers=keeper)).status_code == 403
    assert (await get("/v1/webhooks", headers=keeper)).status_code == 200
    for path in ("/v1/webhooks", "/v1/deliveries", "/v1/event-tokens", "/v1/audit"):
        assert (await get(path, headers=reader)).status_code in {401, 403}, path
    listed = (await get("/v1/event-tokens", headers=OPERATOR)).text
    assert reader["Authorization"].rpartition("_")[2] not in listed
    assert (await service.http.delete(f"/v1/event-tokens/{reader_id}", headers=OPERATOR)).status_code == 204
    assert (await get("/v1/events", headers=reader)).status_code == 401
    forged = {"Authorization": noter["Authorization"][:-1] + ("a" if noter["Authorization"][-1] != "a" else "b")}
    assert (await get("/v1/events", headers=forged)).status_code == 401


async def test_a_stream_goes_on_after_the_last_event_it_gave(service: Running) -> None:
    """Read below HTTP's client, which waits for the end of an answer."""
    story = TicketEvents()
    await service.publish(story.opened(), story.triaged())
    await of_ticket(service, story, 2)
    first = await _streamed(service, story, None, 2)
    assert [one["data"]["seq"] for _, one in first] == [1, 2]
    await service.publish(story.assigned())
    assert [one["data"]["seq"] for _, one in await _streamed(service, story, first[0][0], 2)] == [2, 3]


async def _streamed(
    service: Running, story: TicketEvents, last: str | None, count: int
) -> list[tuple[str, dict[str, Any]]]:
    headers = {**OPERATOR, "Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
    scope = httpx2.Request("GET", f"http://notification/v1/events?ticket_id={story.ticket_id}", headers=headers)
    parts: asyncio.Queue[bytes] = asyncio.Queue()
    gone = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            await parts.put(message["body"])

    asked = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/v1/events",
        "raw_path": b"/v1/events",
        "query_string": scope.url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in scope.headers.raw],
        "client": ("127.0.0.1", 1),
        "server": ("notification", 80),
    }
    serving = asyncio.create_task(service.app(asked, receive, send))
    found: list[tuple[str, dict[str, Any]]] = []
    async with asyncio.timeout(45):
        while len(found) < count:
            fields = dict(line.split(": ", 1) for line in (await parts.get()).decode().splitlines() if ": " in line)
            if "data" in fields:
                found.append((fields["id"], json.loads(fields["data"])))
    gone.set()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    return found
