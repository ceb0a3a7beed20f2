"""Alerts of monitoring systems: one ticket per fingerprint, told what changes, resolved and reopened with the alert."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy import select, update

from services.intake.access.key_scopes import KeyScope
from services.intake.alerts.accept_reports import PATIENCE
from services.intake.alerts.follow_through import FollowThrough
from services.intake.models import Alert, Message, Ticket
from shared.contracts.base import TicketId
from shared.contracts.commands import Command
from shared.contracts.tickets import TicketSnapshot
from shared.domain.errors import TicketArchivedError
from shared.kit.auth import ApiKey
from shared.kit.clock import utc_now
from shared.kit.tickets import Tickets
from tests.services.intake.harness import IntakeHarness, Json
from tests.support.eventually import eventually


def delivery(*alerts: Json) -> Json:
    """What Alertmanager posts."""
    return {
        "version": "4",
        "groupKey": '{}:{alertname="HostDown"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "everdesk",
        "groupLabels": {"alertname": "HostDown"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example",
        "alerts": list(alerts),
    }


def host_down(fingerprint: str, status: str = "firing", summary: str = "db1 does not answer", **changes: Any) -> Json:
    """One alert as Alertmanager writes it."""
    return {
        "status": status,
        "labels": {"alertname": "HostDown", "instance": "db1", "severity": "critical", "team": "databases"},
        "annotations": {"summary": summary, "description": "No answer\nfor five minutes."},
        "startsAt": "2026-11-28T10:00:00.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example/graph",
        "fingerprint": fingerprint,
    } | changes


class Monitoring:
    """A monitoring system with a key of its own."""

    def __init__(self, intake: IntakeHarness, key: ApiKey) -> None:
        self.intake, self.key = intake, key

    async def post(self, path: str, body: Json, status: int = 200, idempotency_key: str = "") -> Json:
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        async with self.intake.client(self.key) as http:
            answer = await http.post(path, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        told: Json = answer.json()
        return told

    async def send_alerts(self, *alerts: Json) -> list[Json]:
        told: list[Json] = (await self.post("/v1/alerts/alertmanager", delivery(*alerts)))["alerts"]
        return told

    async def outcome(self, alert: Json) -> str:
        [result] = await self.send_alerts(alert)
        return str(result["outcome"])

    async def tickets(self) -> list[Ticket]:
        async with self.intake.database.begin() as session:
            mine = select(Ticket).where(Ticket.api_key_id == self.key.key_id).order_by(Ticket.created_at, Ticket.id)
            return list(await session.scalars(mine))

    async def messages(self, ticket_id: str | UUID) -> list[str]:
        async with self.intake.database.begin() as session:
            there = select(Message.body).where(Message.ticket_id == UUID(str(ticket_id)))
            return list(await session.scalars(there.order_by(Message.received_at, Message.id)))

    async def stand(self, ticket_id: UUID, **values: Any) -> None:
        """Where the ticket stands, as if its workflow had told."""
        async with self.intake.database.begin() as session:
            await session.execute(update(Ticket).where(Ticket.id == ticket_id).values(values))

    async def wanted(self, fingerprint: str) -> str | None:
        async with self.intake.database.begin() as session:
            mine = Alert.key_id == self.key.key_id, Alert.fingerprint == fingerprint
            return await session.scalar(select(Alert.wanted).where(*mine))

    async def set_up(self, **rules: Any) -> Json:
        async with self.intake.client(await self.intake.make_key(KeyScope.ADMIN)) as http:
            answer = await http.put(f"/v1/admin/alert-sources/{self.key.key_id}", json=rules)
        assert answer.status_code == 200, answer.text
        view: Json = answer.json()
        return view


@pytest.fixture
async def monitoring(intake: IntakeHarness) -> Monitoring:
    return Monitoring(intake, await intake.make_key(KeyScope.ALERT))


async def test_one_alert_has_one_ticket_that_is_told_only_what_changed(monitoring: Monitoring) -> None:
    [first] = await monitoring.send_alerts(host_down("a"))
    assert first["outcome"] == "opened"
    [ticket] = await monitoring.tickets()
    assert (str(ticket.id), ticket.subject, ticket.priority) == (first["ticket_id"], "db1 does not answer", "urgent")
    assert ticket.fields["team"] == "databases"
    assert ticket.requester_email.endswith(".invalid"), "no mail is sent to a program"
    assert await monitoring.outcome(host_down("a")) == "repeated"
    assert await monitoring.outcome(host_down("a", summary="db1 answers slowly")) == "changed"
    assert await monitoring.outcome(host_down("a", summary="db1 answers very slowly")) == "repeated", "a flood"
    opening, changed = await monitoring.messages(ticket.id)
    assert "No answer\nfor five minutes." in opening
    assert changed.startswith("The alert has changed: db1 answers slowly")
    assert len(await monitoring.tickets()) == 1


async def test_deliveries_at_once_make_one_ticket(monitoring: Monitoring) -> None:
    alerts = [host_down(name) for name in "abc"]
    told = await asyncio.gather(
        *(monitoring.send_alerts(*alerts[turn % 3 :], *alerts[: turn % 3]) for turn in range(6))
    )
    assert len(await monitoring.tickets()) == 3
    outcomes = [result["outcome"] for results in told for result in results]
    assert (outcomes.count("opened"), outcomes.count("repeated")) == (3, 15)


async def test_recovery_resolves_and_firing_again_reopens(monitoring: Monitoring) -> None:
    await monitoring.send_alerts(host_down("a"))
    [ticket] = await monitoring.tickets()
    assert await monitoring.outcome(host_down("a", "resolved")) == "recovered"
    assert await monitoring.wanted("a") == "resolve"
    assert await monitoring.outcome(host_down("a", "resolved")) == "repeated"
    assert await monitoring.outcome(host_down("a")) == "reopened", "before or after it was resolved"
    assert await monitoring.wanted("a") == "reopen"
    assert [text.split("\n")[0][:24] for text in (await monitoring.messages(ticket.id))[1:]] == [
        "The alert has recovered ",
        "The alert fires again.",
    ]
    older = {"startsAt": "2026-11-28T09:00:00Z"}
    assert await monitoring.outcome(host_down("a", "resolved", **older)) == "ignored", "of an earlier time"
    assert await monitoring.outcome(host_down("never", "resolved")) == "ignored"


class Failing:
    """The way to the workflows: one fails as nobody thought of, the others are archived."""

    def __init__(self, broken: UUID) -> None:
        self.broken = broken

    async def send(self, ticket_id: TicketId, _command: Command) -> TicketSnapshot:
        if ticket_id == self.broken:
            raise ValueError("nobody thought of this")
        raise TicketArchivedError("it is archived")


async def test_an_alert_that_fails_unexpectedly_holds_up_no_other(monitoring: Monitoring) -> None:
    [first], [_] = [await monitoring.send_alerts(host_down(name)) for name in ("a", "b")]
    broken = UUID(first["ticket_id"])
    await monitoring.send_alerts(host_down("a", "resolved"), host_down("b", "resolved"))
    database = monitoring.intake.database
    async with database.begin() as session:
        ours = update(Alert).where(Alert.key_id == monitoring.key.key_id)
        for name, at in (("a", utc_now() - timedelta(days=1)), ("b", utc_now())):
            await session.execute(ours.where(Alert.fingerprint == name).values(try_after=at))
    await FollowThrough(database, cast("Tickets", Failing(broken))).do_what_is_due()
    assert await monitoring.wanted("b") is None
    async with database.begin() as session:
        left = await session.scalar(select(Alert).where(Alert.ticket_id == broken))
    assert left is not None
    assert left.try_after is not None
    assert (left.wanted, left.attempts, left.try_after > utc_now() - timedelta(hours=1)) == ("resolve", 1, True)


async def test_an_unsteady_alert_is_counted_and_not_told(monitoring: Monitoring) -> None:
    await monitoring.send_alerts(host_down("a"))
    [ticket] = await monitoring.tickets()
    for _ in range(12):
        await monitoring.send_alerts(host_down("a", "resolved"))
        await monitoring.send_alerts(host_down("a"))
    messages = await monitoring.messages(ticket.id)
    assert messages[-1].startswith("The alert keeps recovering and firing again.")
    assert len(messages) == 10
    assert await monitoring.wanted("a") is None, "it is not reopened, as it was not resolved"


async def test_what_people_resolved_is_left_alone_for_an_hour_and_then_reopened(monitoring: Monitoring) -> None:
    await monitoring.send_alerts(host_down("a"))
    [ticket] = await monitoring.tickets()
    await monitoring.stand(ticket.id, status="resolved", resolved_at=utc_now())
    assert await monitoring.outcome(host_down("a")) == "repeated"
    await monitoring.stand(ticket.id, resolved_at=utc_now() - PATIENCE)
    assert await monitoring.outcome(host_down("a")) == "reopened"


async def test_after_the_reopen_window_a_new_ticket_follows(monitoring: Monitoring) -> None:
    await monitoring.send_alerts(host_down("a"), host_down("a", "resolved"))
    await monitoring.send_alerts(host_down("a"))
    [ticket] = await monitoring.tickets()
    await monitoring.stand(ticket.id, status="closed", is_archived=True)
    assert await monitoring.outcome(host_down("a")) == "opened"
    _, after = await monitoring.tickets()
    assert after.follows == ticket.id


@pytest.mark.parametrize(("policy", "written"), [("note", 2), ("nothing", 1)])
async def test_a_source_may_leave_recovered_tickets_to_people(
    monitoring: Monitoring, policy: str, written: int
) -> None:
    await monitoring.set_up(on_recovery=policy, topic="online-banking", priorities={"Critical": "low"})
    await monitoring.send_alerts(host_down("a"))
    assert await monitoring.outcome(host_down("a", "resolved")) == "recovered"
    [ticket] = await monitoring.tickets()
    assert len(await monitoring.messages(ticket.id)) == written
    assert (await monitoring.wanted("a"), ticket.priority) == (None, "low")
    assert ticket.topic_id is not None


async def test_a_storm_is_collected_in_one_ticket(monitoring: Monitoring) -> None:
    await monitoring.set_up(storm_limit=2)
    names = [f"storm-{turn}" for turn in range(20)]
    told = await monitoring.send_alerts(*(host_down(name, summary=f"{name} is down") for name in names))
    assert [result["outcome"] for result in told].count("opened") == 2
    assert len({result["ticket_id"] for result in told}) == 3
    collecting = next(result["ticket_id"] for result in told if result["outcome"] == "collected")

    async def is_told() -> None:
        opening, added = await monitoring.messages(collecting)
        assert "more than 2 new alerts within a minute" in opening
        assert added.startswith("Alerts that began to fire: 18\n\n- storm-")

    await eventually(is_told)
    collected = [result["fingerprint"] for result in told if result["outcome"] == "collected"]
    await monitoring.send_alerts(*(host_down(name, "resolved") for name in collected[:-1]))
    assert {await monitoring.wanted(name) for name in collected} == {None}, "one still fires"
    await monitoring.send_alerts(host_down(collected[-1], "resolved"))
    assert await monitoring.wanted(collected[-1]) == "resolve"
    assert (await monitoring.messages(collecting))[-1] == "All alerts collected here have recovered."


async def test_a_group_of_a_thousand_sent_twice_at_once_has_each_alert_once(monitoring: Monitoring) -> None:
    """Of two Alertmanagers, each with labels as long as a delivery may carry; then all of them recover in disorder."""
    labels = {"alertname": "HostDown", "severity": "critical", "pod": "p" * 1_500}
    alerts = [host_down(f"of-many-{turn}", labels=labels | {"instance": f"db{turn}"}) for turn in range(1_000)]
    told = await asyncio.gather(monitoring.send_alerts(*alerts), monitoring.send_alerts(*reversed(alerts)))
    outcomes = Counter(result["outcome"] for results in told for result in results)
    tickets = await monitoring.tickets()
    assert (outcomes["opened"] + 1, sum(outcomes.values())) == (len(tickets), 2_000)
    assert outcomes["opened"] + outcomes["collected"] == outcomes["repeated"] == 1_000
    places = [{result["fingerprint"]: result["ticket_id"] for result in results} for results in told]
    assert places[0] == places[1]
    recovered = await monitoring.send_alerts(*(one | {"status": "resolved"} for one in sorted(alerts, key=str)))
    assert {result["outcome"] for result in recovered} == {"recovered"}


async def test_alerts_in_our_own_form(monitoring: Monitoring) -> None:
    alert: Json = {"title": "Disk full", "severity": "warning", "labels": {"host": "db1"}}
    first = await monitoring.post("/v1/alerts", alert, idempotency_key="one")
    assert await monitoring.post("/v1/alerts", alert, idempotency_key="one") == first, "a retry"
    assert (await monitoring.post("/v1/alerts", alert | {"status": "resolved"}))["outcome"] == "recovered"
    assert (await monitoring.post("/v1/alerts", alert))["ticket_id"] == first["ticket_id"]
    async with monitoring.intake.client(monitoring.key) as http:
        page = (await http.get("/v1/alerts?state=firing&limit=1")).json()
    assert [item["title"] for item in page["items"]] == ["Disk full"]
    wrong_ones: list[Json] = [{"title": " \n"}, {"title": "x", "surplus": 1}, {"title": "x", "status": "odd"}, {}]
    for wrong in wrong_ones:
        await monitoring.post("/v1/alerts", wrong, 422)


async def test_whatever_a_system_sends_is_brought_within_limits(monitoring: Monitoring) -> None:
    labels = {f"label {turn}": "\0ü" * 400 for turn in range(60)} | {"": "nameless", "severity": "x" * 300}
    annotations = {"summary": "Bell\a\n<b>" * 200, "description": "\0ü" * 100_000}
    [told] = await monitoring.send_alerts({"status": "firing", "labels": labels, "annotations": annotations})
    assert told["outcome"] == "opened"
    [ticket] = await monitoring.tickets()
    assert len(ticket.subject) <= 255
    assert "\n" not in ticket.subject


async def test_a_changed_source_is_versioned_and_audited(intake: IntakeHarness, monitoring: Monitoring) -> None:
    view = await monitoring.set_up(storm_limit=7)
    assert (view["storm_limit"], view["version"], view["name"]) == (7, 2, "test")
    assert (await monitoring.set_up(storm_limit=7))["version"] == 2
    path = f"/v1/admin/alert-sources/{monitoring.key.key_id}"
    async with intake.client(await intake.make_key(KeyScope.ADMIN)) as http:
        stale = await http.put(path, json={}, headers={"If-Match": '"1"'})
        unknown = await http.put(path, json={"topic": "no-such"})
        nobody = await http.get("/v1/admin/alert-sources/0123456789abcdef")
        log = (await http.get(f"/v1/admin/audit?kind=alert-source&subject={monitoring.key.key_id}")).json()["items"]
    assert (stale.status_code, unknown.status_code, nobody.status_code) == (412, 422, 404)
    assert log[0]["after"]["storm_limit"] == 7
