"""A mail server that is away, slow to agree or says no: nothing is lost, nothing is sent twice."""

from functools import partial
from typing import Any

from services.notification.delivery.mail_circuit import OPENS_AFTER, MailCircuit
from services.notification.delivery.status import DeliveryStatus
from services.notification.delivery_replay import BOUNCING, REASONS, UNKNOWN
from services.notification.measures import CIRCUITS, measure_notifications
from shared.contracts.events import Envelope, NotificationFailed
from shared.contracts.names import STREAM
from shared.contracts.vocabulary import ActorKind
from shared.kit.clock import new_id, utc_now
from tests.services.notification.mail_server import MailServer
from tests.services.notification.running import OPERATOR, Running
from tests.services.notification.ticket_events import TicketEvents
from tests.support.eventually import eventually


async def test_mails_wait_while_the_server_is_away_and_leave_once_when_it_is_back(
    service: Running, mail_server: MailServer
) -> None:
    await mail_server.stop()
    stories = [TicketEvents() for _ in range(5)]
    try:
        for story in stories:
            await service.publish(story.submitted(), story.message(ActorKind.AGENT))
        row = await eventually(lambda: _waiting_for_the_server(service, stories[0]))
        assert row["attempts"] == 0
    finally:
        await mail_server.start()
    await eventually(lambda: all(len(mail_server.about(story.number)) == 2 for story in stories), within=20)
    for story in stories:
        assert [mail["Auto-Submitted"] for mail in mail_server.about(story.number)] == ["auto-replied", None]


async def test_the_server_being_away_is_named_and_does_not_stop_the_service(
    service: Running, mail_server: MailServer
) -> None:
    await mail_server.stop()
    try:
        answer = await service.http.get("/readyz")
        assert answer.status_code == 200
        assert answer.json()["degraded"] == ["smtp"]
    finally:
        await mail_server.start()
    assert (await service.http.get("/readyz")).json()["degraded"] == []


async def test_a_temporary_refusal_is_tried_again(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    mail_server.refusals[story.requester] = ["451 4.7.1 Greylisted, come back"]
    await service.publish(story.submitted())
    await eventually(lambda: mail_server.about(story.number))
    row = await eventually(lambda: _only_row(service, story, "sent"))
    assert row["attempts"] == 2
    assert row["last_error"] is None


async def test_a_final_refusal_is_announced_and_an_operator_may_retry(
    service: Running, mail_server: MailServer
) -> None:
    story = TicketEvents()
    mail_server.refusals[story.requester] = [f"550 5.1.1 <{story.requester}> no such user"]
    await service.publish(story.submitted())
    row = await eventually(lambda: _only_row(service, story, "failed"))
    assert "550" in row["last_error"] or "5.1.1" in row["last_error"]

    failed = await eventually(lambda: _announced(service, NotificationFailed, story))
    assert story.requester not in failed.model_dump_json()
    assert failed.data["delivery_id"] == row["id"]

    headers = OPERATOR | {"Idempotency-Key": f"retry-{story.number}"}
    first = await service.http.post(f"/v1/deliveries/{row['id']}/retry", headers=headers)
    assert (first.status_code, first.json()["status"]) == (200, "queued")
    again = await service.http.post(f"/v1/deliveries/{row['id']}/retry", headers=headers)
    assert again.json() == first.json()

    await eventually(lambda: mail_server.about(story.number))
    sent = await eventually(lambda: _only_row(service, story, "sent"))
    assert sent["message_id"] == row["message_id"] == mail_server.about(story.number)[0]["Message-ID"]
    refused = await service.http.post(f"/v1/deliveries/{row['id']}/retry", headers=OPERATOR)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_failed")


async def test_many_mails_share_few_connections(service: Running, mail_server: MailServer) -> None:
    before = mail_server.connections
    stories = [TicketEvents() for _ in range(40)]
    await service.publish(*(story.submitted() for story in stories))
    await eventually(lambda: all(mail_server.about(story.number) for story in stories), within=30)
    assert mail_server.connections - before <= 4


async def test_a_sent_mail_leaves_its_words_behind(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    await service.publish(story.submitted(), story.message(ActorKind.AGENT, "a secret word"))
    await eventually(lambda: _all_sent(service, story, 2))
    async with service.database.connection() as connection:
        kept = await connection.exec_driver_sql(
            "select count(*) from deliveries where facts::text like '%a secret word%'"
        )
        assert kept.scalar_one() == 0


async def test_what_failed_is_counted_and_sent_again_by_range_and_by_id(
    service: Running, mail_server: MailServer
) -> None:
    since = utc_now().isoformat()
    stories = [TicketEvents() for _ in range(4)]
    answers = ["550 5.7.1 Not today", "550 5.7.1 Not today", "550 5.1.1 No such user", "250"]
    for story, answer in zip(stories[:3], answers, strict=False):
        mail_server.refusals[story.requester] = [answer]
    await service.publish(*(story.submitted() for story in stories))
    failed = [await eventually(partial(_only_row, service, story, "failed")) for story in stories[:3]]
    sent = await eventually(lambda: _only_row(service, stories[3], "sent"))

    asked = {"since": since, "channel": "mail"}
    counted = await _replay(service, asked | {"dry_run": True})
    assert (counted["count"], counted["refused_count"], counted["is_more"]) == (2, 1, False)
    assert counted["refused"][0] == {"id": failed[2]["id"], "reason": BOUNCING}
    assert (await _replay(service, asked | {"until": since, "dry_run": True}))["count"] == 0
    assert (await _replay(service, asked | {"target_id": str(new_id()), "dry_run": True}))["count"] == 0

    unknown = str(new_id())
    named = await _replay(service, {"ids": [failed[0]["id"], sent["id"], unknown]})
    assert named["count"] == 1
    assert {one["id"]: one["reason"] for one in named["refused"]} == {
        sent["id"]: REASONS[DeliveryStatus.SENT],
        unknown: UNKNOWN,
    }
    await eventually(lambda: mail_server.about(stories[0].number))
    assert (await _replay(service, asked))["count"] == 1
    await eventually(lambda: mail_server.about(stories[1].number))
    assert mail_server.about(stories[2].number) == []

    audit = (await service.http.get("/v1/audit", params={"kind": "delivery-replay"}, headers=OPERATOR)).json()["items"]
    assert [one["after"]["count"] for one in audit[:2]] == [1, 1]
    wrong: list[dict[str, Any]] = [{"status": "sent"}, {"ids": []}, {"ids": [unknown], "since": since}]
    for body in (*wrong, {"dry_run": "yes"}):
        assert (await service.http.post("/v1/deliveries/replay", json=body, headers=OPERATOR)).status_code == 422, body


async def test_an_open_circuit_is_told_and_closed_by_a_test_mail_that_is_taken(service: Running) -> None:
    circuit = MailCircuit(service.database)
    for _ in range(OPENS_AFTER):
        await circuit.note_failure("connection refused")
    shown = (await service.http.get("/v1/mail-settings", headers=OPERATOR)).json()
    assert shown["circuit"]["failures"] == OPENS_AFTER
    assert shown["circuit"]["reason"] == "connection refused"
    await measure_notifications(service.database)
    assert CIRCUITS.labels("mail server")._value.get() == 1
    taken = await service.http.post("/v1/test-mails", json={"to": "ada@bank.example"}, headers=OPERATOR)
    assert taken.status_code == 200, taken.text
    shown = (await service.http.get("/v1/mail-settings", headers=OPERATOR)).json()
    assert shown["circuit"] == {"failures": 0, "since": None, "open_until": None, "reason": None}


async def _replay(service: Running, body: dict[str, Any]) -> dict[str, Any]:
    answer = await service.http.post("/v1/deliveries/replay", json=body, headers=OPERATOR)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def _only_row(service: Running, story: TicketEvents, status: str) -> dict[str, Any]:
    (row,) = await service.ledger(ticket_id=str(story.ticket_id), status=status)
    return row


async def _waiting_for_the_server(service: Running, story: TicketEvents) -> dict[str, Any]:
    rows = await service.ledger(ticket_id=str(story.ticket_id), status="queued")
    return next(row for row in rows if "away" in (row["last_error"] or ""))


async def _all_sent(service: Running, story: TicketEvents, count: int) -> bool:
    rows = await service.ledger(ticket_id=str(story.ticket_id))
    return [row["status"] for row in rows] == ["sent"] * count


async def _announced(service: Running, event: type[NotificationFailed], story: TicketEvents) -> Envelope:
    js = await service.bus.jetstream()
    message = await js.get_last_msg(STREAM, f"{event.type()}.{story.ticket_id}")
    return Envelope.model_validate_json(message.data or b"")
