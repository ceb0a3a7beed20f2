"""Reading tickets back: pages, filters, messages."""

from datetime import timedelta

import pytest

from shared.contracts.events import TicketClosed
from shared.kit.clock import utc_now
from tests.services.intake.harness import IntakeHarness, Json, after, request_for_help
from tests.support.eventually import eventually


async def test_tickets_come_newest_first_page_by_page(intake: IntakeHarness) -> None:
    async with intake.client(await intake.make_key()) as http:
        made = [(await http.post("/v1/tickets", json=request_for_help())).json()["id"] for _ in range(5)]
        seen: list[str] = []
        query: dict[str, str | int] = {"limit": 2}
        while True:
            page: Json = (await http.get("/v1/tickets", params=query)).json()
            seen += [item["id"] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
    assert seen == made[::-1]


async def test_tickets_are_filtered(intake: IntakeHarness) -> None:
    async with intake.client(await intake.make_key()) as http:
        person = {"email": "Lee@bank.example", "name": "Lee"}
        lee = (await http.post("/v1/tickets", json=request_for_help(requester=person, topic="access"))).json()
        dana = (await http.post("/v1/tickets", json=request_for_help(topic="feedback"))).json()
        await intake.publish(
            after(TicketClosed, dana, seq=1, status="closed", details={"reason": "resolved", "cause": "command"})
        )

        async def found(**filters: str) -> list[str]:
            answer = await http.get("/v1/tickets", params=filters)
            assert answer.status_code == 200, answer.text
            return [item["id"] for item in answer.json()["items"]]

        async def is_closed() -> None:
            assert await found(status="closed") == [dana["id"]]

        await eventually(is_closed)
        assert await found(status="new") == [lee["id"]]
        assert await found(requester="lee@bank.example") == [lee["id"]]
        assert await found(topic="feedback") == [dana["id"]]
        assert await found(number=lee["number"]) == await found(number=f"#{lee['number']}") == [lee["id"]]
        assert await found(number="1") == []
        assert await found(channel="api") == [dana["id"], lee["id"]]
        assert await found(channel="email") == []
        assert await found(updated_from=dana["created_at"]) == [dana["id"]]
        assert await found(created_from=dana["created_at"]) == [dana["id"]]
        assert await found(created_to=dana["created_at"]) == [lee["id"]]
        assert await found(created_from=(utc_now() + timedelta(hours=1)).isoformat()) == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("status=gone", "invalid_input"),
        ("limit=0", "invalid_input"),
        ("limit=201", "invalid_input"),
        ("colour=red", "invalid_input"),
        ("topic=none-of-ours", "invalid_input"),
        ("topic=%00", "invalid_input"),
        ("requester=%00", "invalid_input"),
        ("number=12%00", "invalid_input"),
        ("number=one", "invalid_input"),
        ("channel=fax", "invalid_input"),
        ("updated_from=now", "invalid_input"),
        ("created_from=yesterday", "invalid_input"),
        ("created_from=0", "invalid_input"),
        ("created_from=1764000000.5", "invalid_input"),
        ("created_from=2026-01-01", "invalid_input"),
        ("created_from=2026-01-01T00:00:00", "invalid_input"),
        ("created_from=9999-12-31T23:59:59-14:00", "invalid_input"),
        ("cursor=x", "invalid_cursor"),
        ("cursor=WzFd", "invalid_cursor"),
        ("cursor=Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OSwieCJd", "invalid_cursor"),
        ("cursor=%C3%A9", "invalid_cursor"),
    ],
)
async def test_a_filter_that_makes_no_sense_is_refused(intake: IntakeHarness, query: str, code: str) -> None:
    async with intake.client() as http:
        answer = await http.get(f"/v1/tickets?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_ticket_is_read_with_its_etag(intake: IntakeHarness) -> None:
    ticket = await intake.submit(topic="access", fields={"a": 1.0, "b": "\u2603"}, cc=["lee@bank.example"])
    async with intake.client() as http:
        answer = await http.get(f"/v1/tickets/{ticket['id']}")
    view = answer.json()
    assert answer.headers["etag"].startswith('"0-')
    assert (view["topic"], view["fields"], view["cc"]) == ("access", {"a": 1.0, "b": "\u2603"}, ["lee@bank.example"])
    assert view["channel"] == "api"
    assert "access_url" not in view, "a key that may only read must not get the link that allows replies"


async def test_a_ticket_that_has_not_changed_is_not_sent_again(intake: IntakeHarness) -> None:
    ticket = await intake.submit()
    path = f"/v1/tickets/{ticket['id']}"
    async with intake.client() as http:
        first = await http.get(path)
        etag = first.headers["etag"]
        for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            answer = await http.get(path, headers={"If-None-Match": known})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
            assert "ratelimit" in answer.headers
        assert (await http.get(path, headers={"If-None-Match": '"0"'})).status_code == 200
        by_timer = after(TicketClosed, ticket, seq=1, status="closed", details={"reason": "resolved", "cause": "timer"})
        same_revision = by_timer.snapshot.model_copy(update={"revision": 0})
        await intake.publish(by_timer.model_copy(update={"revision": 0, "snapshot": same_revision}))

        async def is_sent_again() -> None:
            answer = await http.get(path, headers={"If-None-Match": etag})
            assert (answer.status_code, answer.json()["status"]) == (200, "closed"), "a timer changes no revision"

        await eventually(is_sent_again)


@pytest.mark.parametrize(("ticket_id", "status"), [("01a2091e-28d4-7cf0-8b1a-8bdbf7a6b0f1", 404), ("100001", 422)])
async def test_an_unknown_ticket_is_not_there(intake: IntakeHarness, ticket_id: str, status: int) -> None:
    async with intake.client() as http:
        answer = await http.get(f"/v1/tickets/{ticket_id}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_messages_come_oldest_first(intake: IntakeHarness) -> None:
    ticket = await intake.submit(body="first")
    path = f"/v1/tickets/{ticket['id']}/messages"
    async with intake.client() as http:
        for body in ("second", "third"):
            answer = await http.post(path, json={"body": body, "body_format": "markdown"})
            assert (answer.status_code, answer.json()["body"]) == (201, body)
        first = (await http.get(path, params={"limit": 2})).json()
        rest = (await http.get(path, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [item["body"] for item in first["items"] + rest["items"]] == ["first", "second", "third"]
    assert rest["next_cursor"] is None
    assert first["items"][0]["author"] == "requester"


async def test_a_message_posted_twice_with_one_key_is_one_message(intake: IntakeHarness) -> None:
    ticket = await intake.submit()
    path = f"/v1/tickets/{ticket['id']}/messages"
    async with intake.client() as http:
        answers = [
            await http.post(path, json={"body": "once"}, headers={"Idempotency-Key": "message-1"}) for _ in range(2)
        ]
        assert answers[0].text == answers[1].text
        assert len((await http.get(path)).json()["items"]) == 2


async def test_the_topics_are_listed_in_their_order(intake: IntakeHarness) -> None:
    async with intake.client() as http:
        topics = (await http.get("/v1/topics")).json()
    seeded = ["general", "online-banking", "access", "report-problem", "feedback"]
    assert [topic["slug"] for topic in topics["items"] if topic["slug"] in seeded] == seeded
