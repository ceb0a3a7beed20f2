"""Chat rooms and on-call services: the shapes of their messages, retries, the open circuit, and the end of an alert."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.notification.targets import queue
from services.notification.targets.payloads import TargetKind, TargetMessage, request_of
from shared.contracts.base import TeamId
from shared.contracts.vocabulary import Metric
from shared.kit.clock import new_id
from tests.services.notification.running import OPERATOR, Running
from tests.services.notification.ticket_events import TicketEvents
from tests.support.eventually import eventually
from tests.support.small_server import serving

TARGETS = "/v1/targets"
MESSAGE = TargetMessage(
    delivery_id="d1",
    event="sla_breached",
    text="Resolution overdue",
    number="100003",
    subject="<!channel> @all *pay* [here](http://evil.example) & go",
    priority="urgent",
    url="https://desk.example/tickets/100003",
    at=datetime(2026, 11, 2, 9, tzinfo=UTC),
    ticket_id="t1",
)


@dataclass
class Receiver:
    """A server that notes what is posted to it, and answers as it is told."""

    answer: str = "200 OK"
    seen: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/secret-path"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].split()[0])
        self.seen.append(json.loads(await reader.readexactly(length)))
        writer.write(f"HTTP/1.1 {self.answer}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def receiver(answer: str = "200 OK") -> AsyncIterator[Receiver]:
    made = Receiver(answer)
    async with serving(made.serve) as made.port:
        yield made


@asynccontextmanager
async def target(service: Running, to: Receiver, kind: TargetKind, story: TicketEvents) -> AsyncIterator[str]:
    """A target for the story's team alone, so that other tests reach it with nothing."""
    body = {"name": "Room", "kind": kind, "url": to.url, "secret": "key", "team_id": str(story.team)}
    answer = await service.http.post(TARGETS, json=body, headers=OPERATOR)
    assert answer.status_code == 201, answer.text
    path = f"{TARGETS}/{answer.json()['id']}"
    yield path
    await service.http.delete(path, headers=OPERATOR)


async def rows(service: Running, story: TicketEvents, channel: str) -> list[dict[str, Any]]:
    return await service.ledger(ticket_id=str(story.ticket_id), channel=channel)


@pytest.mark.parametrize("kind", list(TargetKind))
def test_no_words_of_a_requester_become_a_mention_or_a_link(kind: TargetKind) -> None:
    request = request_of(kind, "https://receiver.example/hook", "key", MESSAGE)
    text = json.dumps(request.body, ensure_ascii=False)
    assert "100003" in text
    if kind.channel == "chat":
        assert "<!channel>" not in text
        assert kind is TargetKind.SLACK or not any(found in text for found in ("@all", "](http://evil"))


def test_on_call_services_get_the_shapes_that_they_document() -> None:
    opened = request_of(TargetKind.PAGERDUTY, "https://events.example/v2/enqueue", "key", MESSAGE).body
    assert (opened["event_action"], opened["routing_key"], opened["dedup_key"]) == ("trigger", "key", "everdesk-t1")
    assert opened["payload"].keys() >= {"summary", "source", "severity"}
    assert opened["payload"]["severity"] == "critical"
    over = replace(MESSAGE, event="resolved")
    closed = request_of(TargetKind.PAGERDUTY, "https://events.example/v2/enqueue", "key", over).body
    assert closed == {"routing_key": "key", "event_action": "resolve", "dedup_key": "everdesk-t1"}
    alert = request_of(TargetKind.OPSGENIE, "https://api.example/v2/alerts", "key", MESSAGE)
    assert (alert.headers["Authorization"], alert.body["alias"], alert.body["priority"]) == (
        "GenieKey key",
        "everdesk-t1",
        "P1",
    )
    ended = request_of(TargetKind.OPSGENIE, "https://api.example/v2/alerts", "key", over)
    assert ended.url == "https://api.example/v2/alerts/everdesk-t1/close?identifierType=alias"


async def test_a_breach_calls_once_and_the_resolution_ends_the_call(service: Running) -> None:
    story = TicketEvents()
    async with receiver() as pager, target(service, pager, TargetKind.PAGERDUTY, story):
        breach = story.breached()
        await service.publish(*story.people(), story.submitted(), story.assigned(by=story.ada), breach)
        await service.deliver_again(breach)
        await eventually(lambda: len(pager.seen) == 1)
        await service.publish(story.resolved())
        await eventually(lambda: len(pager.seen) == 2)
        assert [one["event_action"] for one in pager.seen] == ["trigger", "resolve"]

        async def is_recorded() -> None:
            found = await rows(service, story, "on_call")
            assert [(one["status"], one["answer"]) for one in found] == [("sent", "HTTP 200 ok")] * 2

        await eventually(is_recorded)


async def is_settled(service: Running, story: TicketEvents) -> None:
    """Raises AssertionError until everything that the story told so far is decided; the mail for a link comes last."""
    found = await service.ledger(ticket_id=str(story.ticket_id), limit=200)
    assert any(one["template"] == "access_link" and one["status"] == "sent" for one in found)


async def is_called_for_two_breaches(service: Running, pager: Receiver, story: TicketEvents) -> None:
    """Returns once the on-call service knows of both; that of the first response has step 6."""
    await service.publish(*story.people(), story.submitted(), story.assigned(by=story.ada))
    await service.publish(story.breached(seq=5), story.breached(seq=6, metric=Metric.FIRST_RESPONSE))
    await eventually(lambda: len(pager.seen) == 2)


async def test_a_call_ends_once_no_breach_stands_and_not_before(service: Running) -> None:
    """Two clocks are overdue; one breach is withdrawn, and later the other. Both are one alert of the ticket."""
    story = TicketEvents()
    reply = Metric.FIRST_RESPONSE
    async with receiver() as pager, target(service, pager, TargetKind.PAGERDUTY, story):
        await is_called_for_two_breaches(service, pager, story)
        await service.publish(story.withdrawn(seq=7), story.link_requested())
        await eventually(lambda: is_settled(service, story))
        assert len(await rows(service, story, "on_call")) == 2
        withdrawn = story.withdrawn(seq=8, metric=reply)
        await service.publish(withdrawn)
        await service.deliver_again(withdrawn)
        await eventually(lambda: len(pager.seen) == 3)
        assert [one["event_action"] for one in pager.seen] == ["trigger", "trigger", "resolve"]


async def test_both_breaches_withdrawn_at_once_end_the_call_once(service: Running) -> None:
    story = TicketEvents()
    reply = Metric.FIRST_RESPONSE
    async with receiver() as pager, target(service, pager, TargetKind.PAGERDUTY, story):
        await is_called_for_two_breaches(service, pager, story)
        await service.publish(story.withdrawn(seq=7), story.withdrawn(seq=8, metric=reply), story.resolved(seq=9))
        await service.publish(story.link_requested())
        await eventually(lambda: is_settled(service, story))
        assert len(await rows(service, story, "on_call")) == 3


async def test_no_end_is_told_of_what_is_over_already(service: Running) -> None:
    """Resolved, reopened and resolved again with no breach between: an end without an alert would only confuse."""
    story = TicketEvents()
    async with receiver() as pager, target(service, pager, TargetKind.GENERIC, story):
        await service.publish(*story.people(), story.submitted(), story.assigned(by=story.ada), story.breached(seq=5))
        await eventually(lambda: len(pager.seen) == 1)
        await service.publish(story.resolved(seq=6))
        await eventually(lambda: len(pager.seen) == 2)
        await service.publish(story.reopened(seq=7), story.resolved(seq=8), story.closed(seq=9))
        await service.publish(story.link_requested())
        await eventually(lambda: is_settled(service, story))
        assert len(await rows(service, story, "on_call")) == 2
        assert [one["status"] for one in pager.seen] == ["triggered", "resolved"]


async def test_a_room_is_told_no_more_of_a_ticket_that_left_its_team(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the room could not be reached the ticket went to another team: its subject is not that room's any more."""
    monkeypatch.setattr(queue, "LONG", timedelta())
    story = TicketEvents()
    async with receiver("503 Busy") as room, target(service, room, TargetKind.SLACK, story):
        await service.publish(*story.people(), story.submitted(), story.assigned(by=story.ada), story.breached())
        await eventually(lambda: len(room.seen) == 1)
        await service.publish(story.transferred(None, seq=6, to=TeamId(new_id())))
        room.answer = "200 OK"

        async def is_dropped() -> None:
            (told,) = await rows(service, story, "chat")
            assert (told["status"], told["last_error"]) == ("dropped", "the ticket is with another team now")

        await eventually(is_dropped)
        assert len(room.seen) == 1


async def test_a_temporary_refusal_is_tried_again_and_a_permanent_one_is_not(service: Running) -> None:
    story, other = TicketEvents(), TicketEvents()
    async with (
        receiver("503 Busy") as slow,
        target(service, slow, TargetKind.SLACK, story),
        receiver("404 Gone") as gone,
        target(service, gone, TargetKind.MATTERMOST, other),
    ):
        for one in (story, other):
            await service.publish(*one.people(), one.submitted(), one.assigned(by=one.ada), one.breached())
        await eventually(lambda: len(slow.seen) == 1)
        slow.answer = "200 OK"
        await eventually(lambda: len(slow.seen) == 2)

        async def are_recorded() -> None:
            (told,), (refused,) = await rows(service, story, "chat"), await rows(service, other, "chat")
            assert (told["status"], told["attempts"]) == ("sent", 2)
            assert (refused["status"], refused["last_error"]) == ("failed", "HTTP 404 ok")

        await eventually(are_recorded)
        assert len(gone.seen) == 1


async def test_a_target_shows_no_secret_and_can_be_tried(service: Running) -> None:
    story = TicketEvents()
    async with receiver() as room, target(service, room, TargetKind.TEAMS, story) as path:
        shown = await service.http.get(path, headers=OPERATOR)
        assert "secret-path" not in shown.text
        assert "key" not in shown.text.replace('"kind"', "")
        tried = await service.http.post(f"{path}/test", headers=OPERATOR)
        assert tried.json() == {"accepted": True, "answer": "HTTP 200 ok"}
        assert room.seen[0]["type"] == "message"
        private = {"name": "Inside", "kind": "generic", "url": "https://10.0.0.1/hook"}
        made = await service.http.post(TARGETS, json=private, headers=OPERATOR)
        inside = f"{TARGETS}/{made.json()['id']}"
        refused = (await service.http.post(f"{inside}/test", headers=OPERATOR)).json()
        await service.http.delete(inside, headers=OPERATOR)
        assert (refused["accepted"], refused["answer"]) == (False, "10.0.0.1 is not on the public internet")


async def test_a_target_said_again_as_it_is_makes_no_version(service: Running) -> None:
    story = TicketEvents()
    async with receiver() as to, target(service, to, TargetKind.GENERIC, story) as path:
        said = {"name": "Room", "kind": "generic", "url": to.url, "team_id": str(story.team)}
        versions = []
        for body in (said, said | {"secret": "key"}, said | {"secret": "other"}, said | {"url": f"{to.url}/2"}):
            answer = await service.http.put(path, json=body, headers=OPERATOR)
            versions.append(answer.json()["version"])
        assert versions == [1, 1, 2, 3]
