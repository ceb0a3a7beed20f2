"""The read model: newest snapshot wins, twice is once, and erased is gone."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from services.assignment.commands.execution.record_answers import record_answers
from services.assignment.consumers.projection import project
from services.assignment.models import LoggedEvent, Message, SettledClock, Ticket
from shared.contracts.answers import CommandAnswer
from shared.contracts.base import MessageId, TicketId
from shared.contracts.commands import ResolveTicket
from shared.contracts.events import (
    AttachmentRef,
    Author,
    Envelope,
    MessagePosted,
    RequesterErased,
    SlaSettled,
    TicketPended,
    TopicChanged,
    TopicField,
)
from shared.contracts.tickets import SYSTEM, TicketSnapshot, Verdict
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel, Metric, Outcome, Status
from shared.domain.ticket import Ticket as DomainTicket
from shared.domain.ticket import TicketState
from shared.kit.auth import FileLink, FileLinks
from shared.kit.clock import new_id, utc_now
from shared.kit.tables import inbox
from tests.services.assignment.desk import TOPICS, Desk, agent_id, team_id
from tests.support.eventually import eventually
from tests.support.scripted_ticket import ScriptedTicket
from tests.support.tickets import ADA, REQUESTER, opening, triage


def snapshot(ticket_id: UUID, seq: int, **changes: Any) -> TicketSnapshot:
    now = utc_now()
    return TicketSnapshot.model_validate(
        {
            "ticket_id": ticket_id,
            "number": f"P{ticket_id.hex[-10:]}",
            "seq": seq,
            "revision": seq,
            "status": Status.OPEN,
            "priority": "normal",
            "team_id": team_id("online-banking"),
            "opened_at": now,
            "updated_at": now,
            **changes,
        }
    )


def pended(ticket_id: UUID, seq: int, **changes: Any) -> Envelope:
    after = snapshot(ticket_id, seq, **changes)
    event = TicketPended(
        ticket_id=TicketId(ticket_id), seq=seq, revision=seq, at=after.updated_at, actor=SYSTEM, snapshot=after
    )
    return event.envelope(f"test-{ticket_id}:{seq}", after.updated_at)


def settled(ticket_id: UUID, seq: int, verdict: Verdict, **changes: Any) -> Envelope:
    after = snapshot(ticket_id, seq, **changes)
    event = SlaSettled(
        ticket_id=TicketId(ticket_id),
        seq=seq,
        revision=seq,
        at=after.updated_at,
        actor=SYSTEM,
        snapshot=after,
        verdict=verdict,
    )
    return event.envelope(f"test-{ticket_id}:{seq}", after.updated_at)


def verdict(revision: int, outcome: Outcome, minutes: int = 10, metric: Metric = Metric.FIRST_RESPONSE) -> Verdict:
    return Verdict(
        metric=metric,
        cycle=1,
        revision=revision,
        target=timedelta(minutes=15),
        elapsed=timedelta(minutes=minutes),
        due_at=utc_now(),
        settled_at=utc_now(),
        outcome=outcome,
        policy_version=1,
        calendar_version=1,
    )


async def test_an_older_snapshot_never_overwrites_a_newer_one(desk: Desk) -> None:
    ticket_id = new_id()
    newer, older = pended(ticket_id, 5, status=Status.PENDING), pended(ticket_id, 3)
    await project(desk.database, desk.ids, "test", [newer])
    await project(desk.database, desk.ids, "test", [older])
    async with desk.database.begin() as session:
        ticket = await session.get_one(Ticket, ticket_id)
        logged = await session.scalar(select(func.count()).where(LoggedEvent.ticket_id == ticket_id))
    assert (ticket.seq, ticket.status) == (5, "pending")
    assert logged == 2, "the log keeps what the read model skips"


@pytest.mark.parametrize("order", ["answers first", "stream first", "newest first"])
async def test_two_publishers_in_any_order_leave_the_same(desk: Desk, order: str) -> None:
    """Answers carry some of a ticket's events, the stream the others, and each of them may come twice."""
    life = ScriptedTicket(is_new=True)
    ticket_id = TicketId(new_id())
    life.ticket = DomainTicket(TicketState.of(opening(ticket_id, number=f"T{ticket_id.hex[-10:]}")))
    life.ticket.open(REQUESTER, life.opened_at)
    answers, timed, taken = [], [], 0
    steps: list[Callable[[], object]] = [
        lambda: life.ticket.handle(triage(agent_id=ADA), life.opened_at),
        lambda: life.wait(timedelta(hours=2)),
        lambda: life.reply(timedelta(hours=3)),
        lambda: life.wait(timedelta(days=2)),
        lambda: life.do(ResolveTicket, timedelta(days=2)),
    ]
    for step in steps:
        step()
        new = [event.envelope(f"ticket-{ticket_id}:{event.seq}", event.at) for event in life.ticket.events[taken:]]
        taken = len(life.ticket.events)
        if step in (steps[1], steps[3]):
            timed.append(new)
        else:
            answers.append(CommandAnswer(snapshot=life.ticket.state.snapshot(), events=tuple(new)))

    async def answer(told: CommandAnswer) -> None:
        async with desk.database.begin() as session:
            await record_answers(session, [told])

    async def stream(batch: list[Envelope]) -> None:
        await project(desk.database, desk.ids, "two", batch)

    todo = [partial(answer, told) for told in answers], [partial(stream, batch) for batch in timed]
    match order:
        case "answers first":
            calls = [*todo[0], *todo[1]]
        case "stream first":
            calls = [*todo[1], *todo[0], *todo[0]]
        case _:
            calls = [*reversed(todo[0]), *reversed(todo[1]), *todo[1]]
    for call in calls:
        await call()
    async with desk.database.begin() as session:
        ticket = await session.get_one(Ticket, ticket_id)
        seqs = await session.scalars(select(LoggedEvent.seq).where(LoggedEvent.ticket_id == ticket_id))
        clocks = await session.scalars(select(SettledClock).where(SettledClock.ticket_id == ticket_id))
    assert sorted(seqs) == list(range(1, taken + 1))
    assert ticket.snapshot == life.ticket.state.snapshot().model_dump(mode="json")
    assert (ticket.assignee_id, ticket.assigned_at) == (ADA, life.opened_at)
    assert {(clock.metric, clock.outcome) for clock in clocks} == {
        (verdict.metric.value, verdict.outcome.value) for verdict in life.verdicts
    }


async def test_duplicates_change_nothing(desk: Desk) -> None:
    ticket_id = new_id()
    batch = [pended(ticket_id, 1), settled(ticket_id, 2, verdict(1, Outcome.MET)), pended(ticket_id, 1)]
    for consumer in ("test", "test", "another"):
        await project(desk.database, desk.ids, consumer, batch)
    async with desk.database.begin() as session:
        logged = await session.scalar(select(func.count()).where(LoggedEvent.ticket_id == ticket_id))
        verdicts = await session.scalar(select(func.count()).where(SettledClock.ticket_id == ticket_id))
    assert (logged, verdicts) == (2, 1)


async def test_what_was_submitted_and_written_comes_twice_and_leaves_the_same_without_being_remembered(
    desk: Desk,
) -> None:
    submitted = await desk.submit("general")
    await desk.seen(submitted.ticket_id, status="open")
    posted = MessagePosted(
        ticket_id=submitted.ticket_id,
        message_id=MessageId(new_id()),
        author=Author(kind=ActorKind.REQUESTER, name="Dana Ruiz", email="dana@bank.example"),
        body="Still down.",
        body_format=BodyFormat.TEXT,
        channel=Channel.EMAIL,
        received_at=utc_now(),
    )
    name = f"twice-{submitted.ticket_id}"
    events = [submitted.envelope(f"{name}:submitted", utc_now()), posted.envelope(f"{name}:posted", utc_now())]
    async with desk.database.begin() as session:
        ticket = await session.get_one(Ticket, submitted.ticket_id)
        ticket.subject = "As somebody corrected it"
    for batch in (events, [*events, *events], list(reversed(events))):
        await project(desk.database, desk.ids, name, batch)
    async with desk.database.begin() as session:
        ticket = await session.get_one(Ticket, submitted.ticket_id)
        messages = await session.scalar(select(func.count()).where(Message.ticket_id == submitted.ticket_id))
        remembered = await session.scalar(select(func.count()).where(inbox.c.consumer == name))
    assert (ticket.subject, ticket.status, messages, remembered) == ("As somebody corrected it", "open", 2, 0)


async def test_a_submission_is_seen_before_its_workflow_begins_and_words_survive_snapshots(desk: Desk) -> None:
    ticket = await desk.ticket("online-banking", subject="Ünïcode & <b>words</b> 100%_\\")
    ada = await desk.agent("ada")
    assert ticket["subject"] == "Ünïcode & <b>words</b> 100%_\\"
    for part in ("100%_\\", "ünïcode", ticket["number"].lower(), "dana r"):
        found = await ada.get("/v1/tickets", q=part, limit=200)
        assert ticket["id"] in [item["id"] for item in found["items"]], part
    assert (await ada.get("/v1/tickets", q="100%x"))["items"] == []


async def test_erasing_a_requester_redacts_everything_this_service_holds(desk: Desk) -> None:
    ticket = await desk.ticket("online-banking")
    ada, path = await desk.agent("ada"), f"/v1/tickets/{ticket['id']}"
    await ada.post(f"{path}/notes", {"body": "Dana's number is 555."}, Idempotency_Key="erased")
    event = RequesterErased(requester_id=new_id(), ticket_ids=(TicketId(UUID(ticket["id"])),), erased_at=utc_now())
    await project(desk.database, desk.ids, "test", [event.envelope(f"erased:{ticket['id']}", utc_now())])
    seen = await ada.get(path)
    assert (seen["subject"], seen["requester"]) == ("[erased]", {"name": "[erased]", "email": ""})
    entries = (await ada.get(f"{path}/messages"))["items"]
    assert {entry["body"] for entry in entries} == {"[erased]"}
    async with desk.database.begin() as session:
        kept = await session.scalar(
            select(func.count()).where(
                Message.author_email == "dana@bank.example", Message.ticket_id == UUID(ticket["id"])
            )
        )
    assert kept == 0
    assert (await ada.get("/v1/tickets", q=ticket["number"]))["items"] == []


async def test_reports_add_up_the_highest_revisions_only(desk: Desk) -> None:
    ada, slug = await desk.agent("ada"), f"r-{new_id().hex[-8:]}"
    team = await ada.post("/v1/teams", {"slug": slug, "name": slug})
    place = {"team_id": team["id"], "assignee_id": agent_id("ada")}
    corrected, missed, spam = new_id(), new_id(), new_id()
    batch = [
        settled(corrected, 1, verdict(1, Outcome.BREACHED, 20), **place),
        settled(corrected, 2, verdict(2, Outcome.MET, 10), **place),
        settled(missed, 1, verdict(1, Outcome.BREACHED, 30), **place),
        settled(spam, 1, verdict(1, Outcome.CANCELLED, 1), **place),
    ]
    await project(desk.database, desk.ids, "test", batch)
    report = await ada.get("/v1/reports/sla", team=slug, group_by="agent")
    (group,) = report["items"]
    (metric,) = group["metrics"]
    assert group["name"] == "Ada Lindqvist"
    assert {name: metric[name] for name in ("met", "breached", "cancelled", "attainment")} == {
        "met": 1,
        "breached": 1,
        "cancelled": 1,
        "attainment": 50.0,
    }
    assert metric["median_seconds"] == 20 * 60
    assert metric["p90_seconds"] == 28 * 60
    assert report["total"] == group["metrics"]
    later: dict[str, Any] = {"from": (utc_now() + timedelta(days=1)).isoformat(), "to": "2200-01-01", "team": slug}
    assert (await ada.get("/v1/reports/sla", **later))["items"] == []
    reversed_period: dict[str, Any] = {"from": "2026-02-01", "to": "2026-01-01"}
    await ada.get("/v1/reports/sla", expect=422, **reversed_period)


async def test_a_report_of_the_past_has_the_verdicts_that_had_been_published(desk: Desk) -> None:
    ada, slug = await desk.agent("ada"), f"p-{new_id().hex[-8:]}"
    team = await ada.post("/v1/teams", {"slug": slug, "name": slug})
    ticket_id, place = new_id(), {"team_id": team["id"], "assignee_id": agent_id("ada")}
    first = verdict(1, Outcome.BREACHED)
    await project(desk.database, desk.ids, "test", [settled(ticket_id, 1, first, **place)])
    between = utc_now()
    corrected = first.model_copy(update={"revision": 2, "outcome": Outcome.MET})
    await project(desk.database, desk.ids, "test", [settled(ticket_id, 2, corrected, **place)])
    cases: list[tuple[dict[str, Any], int, int]] = [({"as_of": between.isoformat()}, 0, 1), ({}, 1, 0)]
    for as_of, met, breached in cases:
        (total,) = (await ada.get("/v1/reports/sla", team=slug, **as_of))["total"]
        assert (total["met"], total["breached"]) == (met, breached)
    for path in ("activity", "workload", "backlog.csv", "arrivals"):
        answer = await ada.send("GET", f"/v1/reports/{path}", params={"as_of": between.isoformat()})
        assert answer.status_code == 200
    await ada.get("/v1/reports/backlog", expect=422, as_of="2999-01-01T00:00:00Z")


async def test_an_agent_with_a_teams_scope_sees_reports_of_their_teams_only(desk: Desk) -> None:
    ada, vera, slug = await desk.agent("ada"), await desk.agent("vera"), f"r-{new_id().hex[-8:]}"
    team = await ada.post("/v1/teams", {"slug": slug, "name": slug})
    await project(desk.database, desk.ids, "test", [settled(new_id(), 1, verdict(1, Outcome.MET), team_id=team["id"])])
    assert slug in [group["name"] for group in (await ada.get("/v1/reports/sla"))["items"]]
    assert slug not in [group["name"] for group in (await vera.get("/v1/reports/sla"))["items"]]


async def test_answers_stand_with_the_labels_of_the_topics_form_and_what_no_form_asks_for_after_them(
    desk: Desk,
) -> None:
    now = utc_now()
    form = (
        TopicField(name="branch", label="Your branch", kind="choice"),
        TopicField(name="since", label="Since when", kind="date"),
    )
    changed = TopicChanged(
        topic_id=TOPICS["access"], slug="access", name="Access", is_active=True, fields=form, version=9
    )
    await desk.publish(changed.envelope("topic:access:9", now))
    answers = {"colour": "red", "branch": "Leeds", "since": None}
    submitted = await desk.submit("access", fields=answers, quoted="> earlier words", is_automatic=True)
    ticket = await desk.seen(submitted.ticket_id, status="open")
    ada = await desk.agent("ada")

    async def has_labels() -> None:
        """The form is read by another consumer than the one that opens tickets."""
        found = await ada.get(f"/v1/tickets/{ticket['id']}")
        assert [(field["label"], field["value"]) for field in found["fields"]] == [
            ("Your branch", "Leeds"),
            ("colour", "red"),
        ]

    await eventually(has_labels)
    message = (await ada.get(f"/v1/tickets/{ticket['id']}/messages"))["items"][0]
    assert message["quoted"] == "> earlier words"
    assert message["is_automatic"] is True


async def test_a_file_has_an_address_that_intake_gives_it_out_at(desk: Desk) -> None:
    ref = AttachmentRef(id=new_id(), name="shot.png", media_type="image/png", size=73)
    submitted = await desk.submit("general", attachments=(ref,))
    ticket = await desk.seen(submitted.ticket_id, status="open")
    ada = await desk.agent("ada")
    message = (await ada.get(f"/v1/tickets/{ticket['id']}/messages"))["items"][0]
    (file,) = message["attachments"]
    assert (file["name"], file["size"]) == ("shot.png", 73)
    link = FileLinks(desk.context.settings).read(file["url"].rpartition("/")[2])
    assert link == FileLink(ref.id)
