"""Webhooks: signed by the book, each event once and in order per ticket, whatever the receiver answers."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from services.notification.webhooks import dispatcher, ledger
from shared.contracts.base import MessageId
from shared.contracts.events import Author, NoteAdded
from shared.contracts.vocabulary import ActorKind, BodyFormat
from shared.kit.backoff import Backoff
from shared.kit.clock import new_id, utc_now
from tests.services.notification.running import OPERATOR, Running
from tests.services.notification.ticket_events import TicketEvents
from tests.services.notification.webhooks.webhook_receiver import OK, WebhookReceiver, receiving
from tests.support.eventually import eventually as at_some_time

eventually = partial(at_some_time, within=45)
"""Longer than the bus keeps from a consumer what one that has ended was handed."""
BUSY = ("503 Service Unavailable", b"busy")


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "RETRIES", Backoff((0.2, 0.3)))
    monkeypatch.setattr(ledger, "CIRCUIT", Backoff((0.3,)))
    monkeypatch.setattr(dispatcher, "SOONEST_SECONDS", 0.05)


async def call(service: Running, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    answer = await service.http.request(method, f"/v1/webhooks{path}", json=body, headers=OPERATOR)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


@asynccontextmanager
async def subscribed(service: Running, **fields: Any) -> AsyncIterator[tuple[WebhookReceiver, str]]:
    """A receiver with a webhook of its own."""
    async with receiving() as receiver:
        made = await call(
            service, "POST", "", {"name": "Test", "url": receiver.url, "types": ["ticket.*"]} | fields, 201
        )
        receiver.secret = made["secret"]
        try:
            yield receiver, f"/{made['id']}"
        finally:
            await call(service, "DELETE", f"/{made['id']}", status=204)


async def deliveries(service: Running, webhook: str, **query: Any) -> list[dict[str, Any]]:
    answer = await service.http.get(
        f"/v1/webhooks{webhook}/deliveries", params={"limit": 200} | query, headers=OPERATOR
    )
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_each_event_arrives_once_and_in_order_with_the_id_it_has_everywhere(service: Running) -> None:
    story = TicketEvents()
    steps = [story.opened(), story.triaged(), story.assigned(), story.released()]
    async with subscribed(service) as (receiver, webhook):
        await service.publish(steps[0], steps[2], steps[1], steps[3])
        await service.deliver_again(*steps)
        await eventually(lambda: len(receiver.of(story.ticket_id)) == 4)
        got = receiver.of(story.ticket_id)
        assert [one.id for one in got] == [step.id for step in steps]
        assert got[0].envelope == json.loads(steps[0].model_dump_json())
        assert receiver.forged == 0

        async def recorded() -> None:
            rows = [row for row in await deliveries(service, webhook) if row["entity_id"] == str(story.ticket_id)]
            outcomes = [
                (row["event_id"], row["status"], row["answer_status"], row["attempts"]) for row in reversed(rows)
            ]
            assert outcomes == [(step.id, "delivered", 204, 1) for step in steps]

        await eventually(recorded)


async def test_a_later_event_of_a_ticket_waits_for_the_retries_of_an_earlier_one(service: Running) -> None:
    story, other = TicketEvents(), TicketEvents()
    refusals = iter([BUSY, BUSY])
    async with subscribed(service) as (receiver, _):
        steps = [story.opened(), story.triaged(), story.assigned()]
        receiver.answer = lambda one: next(refusals, OK) if one.id == steps[0].id else OK
        await service.publish(*steps, other.opened())
        await eventually(lambda: len(receiver.of(story.ticket_id)) == 3)
        assert [one.id for one in receiver.of(story.ticket_id)] == [step.id for step in steps]
        assert [one.id for one in receiver.requests if one.envelope["subject"] == str(story.ticket_id)] == [
            steps[0].id,
            *(step.id for step in (steps[0], *steps)),
        ]
        order = [one.envelope["subject"] for one in receiver.accepted]
        assert order.index(str(other.ticket_id)) < order.index(str(story.ticket_id))


async def test_after_the_last_attempt_the_event_is_listed_and_can_be_replayed(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "MOST_ATTEMPTS", 2)
    story = TicketEvents()
    async with subscribed(service) as (receiver, webhook):
        receiver.answer = lambda _: ("500 Oh", b"no \xff\0 way")
        await service.publish(story.opened())
        (failed,) = await eventually(lambda: deliveries(service, webhook, status="failed"))
        assert (failed["attempts"], failed["answer_status"], failed["answer"]) == (2, 500, "no \ufffd way")
        receiver.answer = lambda _: OK
        await call(service, "POST", f"{webhook}/deliveries/{failed['id']}/replay")
        await eventually(lambda: len(receiver.of(story.ticket_id)) == 1)
        assert {one.id for one in receiver.requests} == {failed["event_id"]}
        assert (await call(service, "POST", f"{webhook}/replay", {"which": "undelivered"}))["count"] == 0
        again = await call(service, "POST", f"{webhook}/replay", {"which": "all", "after": str(failed["position"] - 1)})
        assert again["count"] >= 1
        await eventually(lambda: len(receiver.of(story.ticket_id)) == 2)


async def test_gone_disables_and_drops_what_waits(service: Running) -> None:
    story = TicketEvents()
    async with subscribed(service) as (receiver, webhook):
        receiver.answer = lambda _: ("410 Gone", b"")
        await service.publish(story.opened(), story.triaged())
        seen = await eventually(lambda: _in_state(service, webhook, "disabled"))
        assert "410" in seen["state_reason"]
        await service.publish(story.assigned())
        rows = await deliveries(service, webhook)
        assert {row["status"] for row in rows} <= {"failed", "dropped"}
        receiver.answer = lambda _: OK
        assert (await call(service, "POST", f"{webhook}/enable"))["state"] == "active"
        await call(service, "POST", f"{webhook}/replay", {})
        await eventually(lambda: [one.envelope["data"]["seq"] for one in receiver.of(story.ticket_id)] == [1, 2, 3])
        entries = (await service.http.get("/v1/audit", params={"subject": webhook[1:]}, headers=OPERATOR)).json()[
            "items"
        ]
        assert ("Everdesk", "webhook.changed") in [(one["actor_name"], one["action"]) for one in entries]


async def _in_state(service: Running, webhook: str, state: str) -> Any:
    found = await call(service, "GET", webhook)
    assert found["state"] == state
    return found


async def test_a_paused_endpoint_gets_later_what_has_waited(service: Running) -> None:
    story = TicketEvents()
    async with subscribed(service, is_paused=True) as (receiver, webhook):
        await service.publish(story.opened(), story.triaged())
        await eventually(lambda: deliveries(service, webhook, status="queued"))
        assert receiver.requests == []
        await call(service, "POST", f"{webhook}/enable")
        await eventually(lambda: len(receiver.of(story.ticket_id)) == 2)


async def test_both_secrets_sign_while_they_overlap(service: Running) -> None:
    async with subscribed(service) as (receiver, webhook):
        assert (await call(service, "POST", f"{webhook}/test"))["delivered"] is True
        former = receiver.secret
        new = (await call(service, "POST", f"{webhook}/rotate-secret", {"overlap_seconds": 60}))["secret"]
        for secret in (former, new):
            receiver.secret = secret
            assert (await call(service, "POST", f"{webhook}/test"))["delivered"] is True
        receiver.secret = (await call(service, "POST", f"{webhook}/rotate-secret", {"overlap_seconds": 0}))["secret"]
        assert (await call(service, "POST", f"{webhook}/test"))["delivered"] is True
        receiver.secret = new
        assert (await call(service, "POST", f"{webhook}/test"))["status"] == 401
        stored = json.dumps(await call(service, "GET", webhook))
        assert "whsec_" not in stored


async def test_whoever_rotates_twice_leaves_nobody_with_a_secret_that_does_not_sign(service: Running) -> None:
    """The first answer was lost: the receiver knows the oldest secret, whose time is not over, and gets what waited."""
    story = TicketEvents()
    async with subscribed(service, is_paused=True) as (receiver, webhook):
        oldest = receiver.secret
        await service.publish(story.opened())
        await eventually(lambda: deliveries(service, webhook, status="queued"))
        secrets = [oldest]
        for _ in range(3):
            answer = await call(service, "POST", f"{webhook}/rotate-secret", {"overlap_seconds": 60})
            secrets.append(answer["secret"])
        await call(service, "POST", f"{webhook}/enable")
        await eventually(lambda: len(receiver.of(story.ticket_id)) == 1)
        assert receiver.forged == 0
        for receiver.secret in secrets:
            assert (await call(service, "POST", f"{webhook}/test"))["delivered"] is True
        for _ in range(3):
            await call(service, "POST", f"{webhook}/rotate-secret", {"overlap_seconds": 60})
        signatures = receiver.requests[-1].headers["webhook-signature"].split()
        assert len(signatures) == len(set(signatures)) == 4
        receiver.secret = secrets[-1]
        assert (await call(service, "POST", f"{webhook}/test"))["delivered"] is True
        assert len(receiver.requests[-1].headers["webhook-signature"].split()) == 6, "the newest and five before it"
        receiver.secret = (await call(service, "POST", f"{webhook}/rotate-secret", {"overlap_seconds": 0}))["secret"]
        assert (await call(service, "POST", f"{webhook}/test"))["delivered"] is True
        receiver.secret = secrets[-1]
        assert (await call(service, "POST", f"{webhook}/test"))["status"] == 401


async def test_redirects_are_refused_and_large_answers_cut(service: Running) -> None:
    async with subscribed(service) as (receiver, webhook):
        receiver.answer = lambda _: ("302 Found\r\nLocation: http://127.0.0.1:1/", b"")
        told = await call(service, "POST", f"{webhook}/test")
        assert (told["delivered"], told["status"]) == (False, 302)
        receiver.answer = lambda _: ("200 OK", b"x" * 300_000)
        told = await call(service, "POST", f"{webhook}/test")
        assert told["delivered"] is True
        assert len(told["answer"]) == 1000


async def test_notes_go_only_to_whoever_names_them(service: Running) -> None:
    story = TicketEvents()
    event = NoteAdded(
        ticket_id=story.ticket_id,
        note_id=MessageId(new_id()),
        author=Author(kind=ActorKind.AGENT, id=story.ada, name="Ada"),
        body="Only for us.",
        body_format=BodyFormat.TEXT,
        added_at=utc_now(),
    ).envelope(str(new_id()), utc_now())
    async with subscribed(service, types=["*"]) as (plain, _), subscribed(service, types=["note.added"]) as (asked, _):
        await service.publish(event, story.opened())
        await eventually(lambda: len(asked.of(story.ticket_id)) == 1 and len(plain.of(story.ticket_id)) == 1)
        assert asked.of(story.ticket_id)[0].id == event.id
        assert plain.of(story.ticket_id)[0].envelope["type"] == "everdesk.ticket.opened.v1"


async def test_a_slow_endpoint_delays_nobody_else(service: Running) -> None:
    stories = [TicketEvents() for _ in range(6)]
    async with subscribed(service) as (slow, _), subscribed(service) as (quick, _):
        slow.hold.clear()
        await service.publish(*(story.opened() for story in stories))
        await eventually(lambda: all(quick.of(story.ticket_id) for story in stories))
        assert slow.requests == []
        slow.hold.set()
        await eventually(lambda: all(slow.of(story.ticket_id) for story in stories))


async def test_many_failures_open_the_circuit_and_a_success_closes_it(service: Running) -> None:
    stories = [TicketEvents() for _ in range(8)]
    async with subscribed(service) as (receiver, webhook):
        receiver.answer = lambda _: BUSY
        await service.publish(*(story.opened() for story in stories))
        await eventually(lambda: _has_open_circuit(service, webhook))
        receiver.answer = lambda _: OK
        await eventually(lambda: all(receiver.of(story.ticket_id) for story in stories))
        assert (await call(service, "GET", webhook))["failures"] == 0


async def _has_open_circuit(service: Running, webhook: str) -> bool:
    found = await call(service, "GET", webhook)
    return found["failures"] >= 5 and found["open_until"] is not None


@pytest.mark.parametrize(
    "url",
    [
        *("http://status.bank.example/", "ftp://status.bank.example/", "https://user:x@status.bank.example/"),
        *("https://2130706433/", "https://0177.0.0.1/", "https://0x7f000001/", "https://127.1/", "https://10.0.0.1/"),
        *("https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://[64:ff9b::a00:1]/", "https://[fe80::1]/"),
        *("https://169.254.169.254/latest/meta-data/", "https://192.168.0.1./", "https://localhost.localdomain./x y"),
    ],
)
async def test_addresses_inside_are_refused_in_every_spelling(service: Running, url: str) -> None:
    refused = await call(service, "POST", "", {"name": "Inside", "url": url}, 422)
    assert refused["errors"][0]["pointer"] == "/url"
    async with subscribed(service) as (_, webhook):
        assert (await call(service, "PATCH", webhook, {"url": url}, 422))["errors"][0]["pointer"] == "/url"


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x", "url": "https://status.bank.example/", "types": ["ticket.*", "nothing.*"]},
        {"name": "x", "url": "https://status.bank.example/", "types": []},
        {"name": "x", "url": "https://status.bank.example/", "types": ["access.requested"]},
        {"name": "", "url": "https://status.bank.example/"},
        {"name": "x"},
        {"name": "x", "url": "https://status.bank.example/", "secret": "whsec_mine"},
    ],
)
async def test_what_makes_no_webhook_is_refused(service: Running, body: dict[str, Any]) -> None:
    await call(service, "POST", "", body, 422)


async def test_a_change_made_for_an_older_state_is_refused(service: Running) -> None:
    async with subscribed(service) as (_, webhook):
        first = (await service.http.get(f"/v1/webhooks{webhook}", headers=OPERATOR)).headers["ETag"]
        await call(service, "PATCH", webhook, {"name": "Renamed", "types": ["everdesk.ticket.assigned.v1", "ticket.*"]})
        stale = OPERATOR | {"If-Match": first}
        answer = await service.http.patch(f"/v1/webhooks{webhook}", json={"name": "Again"}, headers=stale)
        assert (answer.status_code, answer.json()["code"]) == (412, "version_conflict")
        seen = await call(service, "GET", webhook)
        assert (seen["name"], seen["types"]) == ("Renamed", ["ticket.assigned", "ticket.*"])


async def test_a_crash_between_attempt_and_record_repeats_the_event_under_its_id(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender that dies after the receiver's answer leaves a claim, which ends; then the event is sent again."""
    story = TicketEvents()
    monkeypatch.setattr(ledger, "LEASE", timedelta(seconds=0.3))
    settle, deaths = ledger.WebhookLedger.settle, iter([True])

    async def die_once(self: ledger.WebhookLedger, *arguments: Any) -> None:
        if next(deaths, False):
            raise RuntimeError("the process ends here")
        await settle(self, *arguments)

    async def leave(self: ledger.WebhookLedger, _ids: Any) -> None:
        """A process that was killed puts nothing back."""

    monkeypatch.setattr(ledger.WebhookLedger, "settle", die_once)
    monkeypatch.setattr(ledger.WebhookLedger, "release", leave)
    async with subscribed(service) as (receiver, _):
        steps = [story.opened(), story.triaged()]
        await service.publish(*steps)
        await eventually(lambda: len(receiver.of(story.ticket_id)) == 3)
        assert [one.id for one in receiver.of(story.ticket_id)] == [steps[0].id, steps[0].id, steps[1].id]


async def test_what_is_as_it_was_makes_no_version(service: Running) -> None:
    async with subscribed(service) as (_, webhook):
        made = await call(service, "GET", webhook)
        again = {name: made[name] for name in ("name", "url", "types")}
        for same in ({}, *({name: value} for name, value in again.items()), again):
            assert await call(service, "PATCH", webhook, same) == made
        assert await call(service, "POST", f"{webhook}/enable") == made
        paused = await call(service, "POST", f"{webhook}/pause")
        assert paused["version"] == made["version"] + 1
        assert await call(service, "POST", f"{webhook}/pause") == paused
