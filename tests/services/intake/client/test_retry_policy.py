"""Asking again: when it helps, with the same key, as long as patience lasts, and never when the answer is no."""

import asyncio
import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.intake.client import (
    BlockingIntakeClient,
    Conflict,
    IntakeClient,
    NewTicket,
    Person,
    Refused,
    RetryPolicy,
    ServiceUnavailable,
    TooManyRequests,
    Unreachable,
)
from services.intake.client.uploads import Source
from services.intake.examples import SUBMITTED, TICKET, TOPIC

REQUEST = NewTicket(requester=Person(email="dana@bank.example", name="Dana"), subject="Down", body="Down.")
QUICK = RetryPolicy(total=2.0, first=0.001, longest=0.002)
FILE = {"id": TICKET["id"], "name": "a.log", "media_type": "text/plain", "size": 3}

Answer = httpx2.Response | Exception


class Service:
    """Gives its answers in order, and remembers what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[httpx2.Request] = []

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, patience: RetryPolicy = QUICK) -> IntakeClient:
        return IntakeClient("http://intake.example", "a key", patience=patience, transport=httpx2.MockTransport(self))


def problem(status: int, code: str, **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.Response(status, json={"code": code, "detail": "no", "status": status}, headers=named)


def created() -> httpx2.Response:
    return httpx2.Response(201, json=SUBMITTED)


@pytest.mark.parametrize(
    "later",
    [
        lambda: httpx2.ConnectError("refused"),
        lambda: httpx2.ReadTimeout("slow"),
        lambda: httpx2.RemoteProtocolError("cut off"),
        lambda: problem(503, "unavailable"),
        lambda: httpx2.Response(502, text="<html>bad gateway"),
        lambda: problem(429, "rate_limited", Retry_After="0"),
        lambda: problem(409, "request_in_flight", Retry_After="0"),
    ],
)
async def test_what_may_succeed_later_is_asked_again_with_the_same_key(later: Callable[[], Answer]) -> None:
    service = Service(later(), later(), created())
    async with service.client() as intake:
        assert (await intake.submit(REQUEST)).number == SUBMITTED["number"]
    assert len({request.headers["idempotency-key"] for request in service.asked}) == 1
    assert len({request.content for request in service.asked}) == 1
    assert len(service.asked) == 3


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (problem(409, "illegal_transition"), Conflict),
        (problem(400, "malformed_json"), Refused),
        (problem(500, "internal_error"), ServiceUnavailable),
        (httpx2.Response(404, text="not ours"), Refused),
    ],
)
async def test_a_no_is_not_asked_again(answer: httpx2.Response, kind: type[Refused]) -> None:
    service = Service(answer)
    async with service.client() as intake:
        with pytest.raises(kind):
            await intake.submit(REQUEST)
    assert len(service.asked) == 1


async def test_patience_ends_rather_than_wait_longer_than_it_lasts() -> None:
    service = Service(problem(429, "rate_limited", Retry_After="30"))
    async with service.client() as intake:
        with pytest.raises(TooManyRequests):
            await intake.submit(REQUEST)
    away = Service(httpx2.ConnectError("refused"))
    async with away.client(RetryPolicy(total=0)) as intake:
        with pytest.raises(Unreachable, match=r"intake\.example"):
            await intake.submit(REQUEST)


def test_waits_grow_are_shortened_at_random_and_never_undercut_the_service() -> None:
    patience = RetryPolicy(first=1.0, longest=8.0)
    assert all(0 <= patience.wait(0, 0) <= 1 for _ in range(50))
    assert all(5 <= patience.wait(20, 5) <= 13 for _ in range(50))
    assert len({patience.wait(3, 0) for _ in range(50)}) > 40


async def test_a_revision_becomes_the_condition_of_a_change() -> None:
    service = Service(httpx2.Response(200, json=TICKET), httpx2.Response(200, json=TICKET))
    async with service.client() as intake:
        await intake.close_ticket(TICKET["id"], reason="resolved", if_revision=3)
        await intake.reopen_ticket(TICKET["id"])
    assert service.asked[0].headers["if-match"] == '"3"'
    assert json.loads(service.asked[0].content) == {"reason": "resolved"}
    assert "if-match" not in service.asked[1].headers


async def test_what_a_newer_service_adds_is_let_pass() -> None:
    newer = TICKET | {"mood": "calm", "status": "snoozed"}
    async with Service(httpx2.Response(200, json=newer)).client() as intake:
        assert (await intake.get_ticket(TICKET["id"])).status == "snoozed"


@pytest.mark.parametrize("kind", ["path", "bytes", "open file"])
async def test_a_broken_upload_is_begun_anew(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"log")
    opened = BytesIO(b"log")
    source: dict[str, Source] = {"path": path, "bytes": b"log", "open file": opened}
    service = Service(httpx2.WriteError("cut off"), problem(503, "unavailable"), httpx2.Response(201, json=FILE))
    async with service.client() as intake:
        attachment = await intake.upload(source[kind], name="a.log", media_type="text/plain")
    assert attachment.size == 3
    assert len({request.headers["idempotency-key"] for request in service.asked}) == 1
    for request in service.asked:
        assert b'name="file"; filename="a.log"' in request.content
        assert b"\r\n\r\nlog\r\n" in request.content
    assert not opened.closed


async def test_a_file_without_a_name_needs_one() -> None:
    async with Service().client() as intake:
        with pytest.raises(ValueError, match="name"):
            await intake.upload(b"log")


def event(number: int, **data: Any) -> str:
    what = {"id": number, "kind": "message", "at": "2026-11-24T09:00:00Z", "status": "open", "revision": number} | data
    return f"id: {number}\nevent: {what['kind']}\ndata: {json.dumps(what)}\n\n"


def stream(*events: str) -> httpx2.Response:
    return httpx2.Response(200, text=": hello\n\n" + "".join(events), headers={"Content-Type": "text/event-stream"})


async def test_a_stream_goes_on_where_it_broke_off_and_ends_when_all_is_said() -> None:
    service = Service(
        stream("retry: 2000\n\n", event(4), event(7)),
        httpx2.ReadError("cut off"),
        problem(503, "unavailable", Retry_After="0"),
        stream(event(9, kind="archived", status="closed")),
        httpx2.Response(204),
    )
    async with service.client() as intake:
        heard = [happening async for happening in intake.events(TICKET["id"], after=3)]
    assert [happening.id for happening in heard] == [4, 7, 9]
    assert heard[-1].kind == "archived"
    assert [request.headers["last-event-id"] for request in service.asked] == ["3", "7", "7", "7", "9"]


async def test_a_stream_that_may_not_be_read_ends_with_the_reason() -> None:
    async with Service(problem(404, "not_found")).client() as intake:
        with pytest.raises(Refused) as refused:
            await anext(intake.events(TICKET["id"]))
    assert refused.value.code == "not_found"


async def test_a_stream_that_does_not_come_back_is_given_up() -> None:
    async with Service(*[httpx2.ConnectError("refused")] * 100).client(RetryPolicy(0.05, 0.01, 0.01)) as intake:
        with pytest.raises(Unreachable):
            await anext(intake.events(TICKET["id"]))


async def test_programs_that_do_not_await_have_the_same_methods() -> None:
    def use() -> None:
        topics = httpx2.Response(200, json={"items": [TOPIC, TOPIC], "next_cursor": None})
        service = Service(created(), topics, problem(409, "illegal_transition"))
        with BlockingIntakeClient("http://intake.example", "a key") as intake:
            intake.client = service.client()
            assert intake.submit(REQUEST).number == SUBMITTED["number"]
            assert [topic.slug for topic in intake.list_topics()] == [TOPIC["slug"]] * 2
            with pytest.raises(Conflict):
                intake.close_ticket(TICKET["id"])

    await asyncio.to_thread(use)
    missing = {name for name in vars(IntakeClient) if not name.startswith("_")} - set(vars(BlockingIntakeClient))
    assert missing == {"aclose"}
