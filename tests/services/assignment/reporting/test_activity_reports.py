"""Activity, arrivals, backlog and workload: every number is a recount of the event log or of the open tickets."""

from collections import Counter
from csv import DictReader
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from services.assignment.consumers.projection import project
from services.assignment.models import LoggedEvent
from services.assignment.reporting.aggregation import COUNTED, count_events
from shared.contracts.vocabulary import ClockState, Priority, Status
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import Desk, Json, agent_id
from tests.services.assignment.read_model.test_projection import pended
from tests.services.assignment.reporting.test_reports import HOUR, a_team, clock, running

NAMES = {kind: name for name, kind in COUNTED.items()}


def logged(team: UUID, kind: str, at: datetime, agent: UUID | None = None, priority: str = "normal") -> LoggedEvent:
    ticket = new_id()
    state = {
        "team_id": str(team),
        "assignee_id": str(agent) if agent else None,
        "topic_id": None,
        "priority": priority,
    }
    return LoggedEvent(
        event_id=f"{ticket}:1",
        ticket_id=ticket,
        seq=1,
        type=kind,
        at=at,
        data={"snapshot": state},
    )


async def log(desk: Desk, *events: LoggedEvent) -> None:
    """Records events now, whenever they happened."""
    async with desk.database.begin() as session:
        session.add_all(events)


async def count_all(desk: Desk) -> None:
    await count_events(desk.database, desk.context.settings.time_zone, utc_now())


def recount(events: list[LoggedEvent], since: datetime, until: datetime) -> Counter[str]:
    """By a counter that shares nothing with the reports."""
    return Counter(NAMES[event.type] for event in events if since <= event.at < until)


def figures(counts: Json) -> Counter[str]:
    return +Counter({name: counts[name] for name in COUNTED})


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/Havana"])
async def test_counted_and_fresh_events_add_up_to_a_recount(desk: Desk, zone: str) -> None:
    slug, team = await a_team(desk)
    random, ada = Random(zone), await desk.agent("ada")
    first, last = date(2025, 10, 24), date(2025, 11, 3)
    begins, ends = (datetime.combine(day, datetime.min.time(), ZoneInfo(zone)) for day in (first, last))
    instants = [begins, ends, begins.astimezone(UTC) - timedelta(microseconds=1)]
    instants += [begins.astimezone(UTC) + timedelta(seconds=random.randint(-90_000, 86_400 * 12)) for _ in range(120)]
    kinds = list(COUNTED.values())
    events = [logged(team, random.choice(kinds), at.astimezone(UTC)) for at in instants]
    await log(desk, *events[:60])
    await count_all(desk)
    await log(desk, *events[60:])

    async def asked(**period: Any) -> Json:
        return await ada.get("/v1/reports/activity", team=slug, tz=zone, **period)

    whole = await asked(**{"from": first.isoformat(), "to": last.isoformat(), "interval": "day"})
    assert figures(whole["total"]) == recount(events, begins, ends + timedelta(days=1))
    added: Counter[str] = Counter()
    for point in whole["series"]:
        added.update(figures(point))
    assert +added == figures(whole["total"])
    odd = begins.astimezone(UTC) + timedelta(hours=7, minutes=13, seconds=5)
    for length in (timedelta(minutes=11), timedelta(hours=3), timedelta(days=3, minutes=1)):
        report = await asked(**{"from": odd.isoformat(), "to": (odd + length).isoformat()})
        assert figures(report["total"]) == recount(events, odd, odd + length)
        assert figures(report["previous_total"]) == recount(events, odd - length, odd)


async def test_an_event_is_counted_once_however_often_counting_runs(desk: Desk) -> None:
    slug, team = await a_team(desk)
    at = utc_now() - timedelta(days=2)
    await log(desk, logged(team, "ticket.opened", at), logged(team, "ticket.closed", at))
    for _ in range(3):
        await count_all(desk)
    total = (await (await desk.agent("ada")).get("/v1/reports/activity", team=slug))["total"]
    assert figures(total) == {"opened": 1, "closed": 1}


async def test_activity_by_agent_and_priority(desk: Desk) -> None:
    slug, team = await a_team(desk)
    ada = await desk.agent("ada")
    me = agent_id("ada")
    at = utc_now() - HOUR
    await log(
        desk,
        logged(team, "ticket.resolved", at, me, "urgent"),
        logged(team, "ticket.resolved", at, me, "low"),
        logged(team, "ticket.opened", at),
    )
    by_agent = await ada.get("/v1/reports/activity", team=slug, group_by="agent")
    assert [(one["name"], one["resolved"], one["opened"]) for one in by_agent["items"]] == [
        ("Ada Lindqvist", 2, 0),
        ("Nobody assigned", 0, 1),
    ]
    by_priority = await ada.get("/v1/reports/activity", team=slug, group_by="priority")
    assert [one["id"] for one in by_priority["items"]] == ["urgent", "normal", "low"]
    mine = await ada.get("/v1/reports/activity", team=slug, agent=str(me))
    assert figures(mine["total"]) == {"resolved": 2}
    refused = await ada.get("/v1/reports/activity", agent=str(me), group_by="topic", expect=422)
    assert "group_by" in refused["detail"]


async def test_replies_per_resolution_and_one_touch_share_are_a_recount(desk: Desk) -> None:
    slug, team = await a_team(desk)
    at, batch = utc_now() - HOUR, []
    for replies, reopened in ((0, 0), (1, 0), (2, 0), (1, 1)):
        end = logged(team, "ticket.resolved", at)
        end.seq, end.event_id = 9, f"{end.ticket_id}:9"
        end.data = {"snapshot": {**end.data["snapshot"], "reopen_count": reopened}}
        batch.append(end)
        for seq, author in enumerate(["agent"] * replies + ["requester"], 2):
            said = logged(team, "ticket.message_recorded", at)
            said.ticket_id, said.seq, said.event_id = end.ticket_id, seq, f"{end.ticket_id}:{seq}"
            said.data = {**said.data, "author": author}
            batch.append(said)
    await log(desk, *batch)
    ada = await desk.agent("ada")
    for _ in range(2):
        total = (await ada.get("/v1/reports/activity", team=slug))["total"]
        assert (total["resolved"], total["replies"], total["one_touch"]) == (4, 4, 2)
        assert (total["replies_per_resolution"], total["one_touch_share"]) == (1.0, 50.0)
        await count_all(desk)


async def test_arrivals_are_by_the_readers_hours(desk: Desk) -> None:
    slug, team = await a_team(desk)
    monday = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
    await log(desk, *(logged(team, "ticket.opened", monday + timedelta(minutes=n)) for n in (0, 10, 29)))
    await count_all(desk)
    ada = await desk.agent("ada")
    period: Json = {"from": "2026-03-01", "to": "2026-03-08", "team": slug}
    for zone, hour in (("UTC", 8), ("Europe/Berlin", 9), ("Asia/Kathmandu", 14)):
        report = await ada.get("/v1/reports/arrivals", tz=zone, **period)
        assert report["items"] == [{"weekday": 1, "hour": hour, "opened": 3}], zone
        assert report["total"] == 3


async def test_backlog_and_workload_count_open_tickets(desk: Desk) -> None:
    slug, team = await a_team(desk)
    ada, now = await desk.agent("ada"), utc_now()
    me = agent_id("ada")
    batch = [
        running(team, clock(now - HOUR, now - HOUR / 2), assignee_id=me, priority=Priority.URGENT),
        pended(
            new_id(),
            5,
            team_id=team,
            status=Status.PENDING,
            clocks=(clock(now - HOUR, now + HOUR / 2),),
            assignee_id=me,
        ),
        running(team, clock(now - HOUR, None, state=ClockState.PAUSED)),
        pended(new_id(), 5, team_id=team, status=Status.RESOLVED),
    ]
    await project(desk.database, desk.ids, "test", batch)
    backlog = await ada.get("/v1/reports/backlog", team=slug)
    assert (backlog["total"]["open"], backlog["total"]["overdue"]) == (3, 1)
    ages = ("under_1_day", "under_3_days", "under_7_days", "under_30_days", "older")
    assert sum(backlog["total"][age] for age in ages) == 3
    assert [(one["name"], one["open"]) for one in backlog["items"]] == [(f"={slug}", 3)]
    workload = await ada.get("/v1/reports/workload", team=slug)
    assert [(one["name"], one["open"], one["urgent"], one["waiting"], one["overdue"]) for one in workload["items"]] == [
        ("Ada Lindqvist", 2, 1, 1, 1),
        ("Nobody assigned", 1, 0, 0, 0),
    ]


async def test_the_tables_say_the_same_and_compute_nothing(desk: Desk) -> None:
    slug, team = await a_team(desk)
    await log(desk, logged(team, "ticket.opened", utc_now() - HOUR))
    ada = await desk.agent("ada")
    rows = list(
        DictReader(StringIO((await ada.send("GET", f"/v1/reports/activity.csv?team={slug}&interval=day")).text))
    )
    assert [row["row"] for row in rows[:3]] == ["total", "team", "interval"]
    by_kind = {
        kind: sum(int(row["opened"]) for row in rows if row["row"] == kind) for kind in ("total", "team", "interval")
    }
    assert by_kind == {"total": 1, "team": 1, "interval": 1}
    assert rows[1]["name"] == f"'={slug}"
    for name in ("arrivals", "backlog", "workload"):
        answer = await ada.send("GET", f"/v1/reports/{name}.csv?team={slug}")
        assert answer.headers["content-type"].startswith("text/csv")
        assert answer.status_code == 200, answer.text


async def test_an_agent_sees_the_activity_that_their_report_permission_reaches(desk: Desk) -> None:
    slug, team = await a_team(desk)
    await log(desk, logged(team, "ticket.opened", utc_now() - HOUR))
    dmitri = await desk.agent("dmitri")
    for path in ("activity", "arrivals", "backlog", "workload"):
        answer = await dmitri.send("GET", f"/v1/reports/{path}?team={slug}")
        assert answer.status_code in (200, 403)
        if answer.status_code == 200:
            total = answer.json()["total"]
            assert not (total["opened"] if path == "activity" else total["open"] if isinstance(total, dict) else total)


async def test_an_opening_counts_for_the_team_that_triage_gave_the_ticket_to(desk: Desk) -> None:
    slug, team = await a_team(desk)
    opened, triaged = logged(team, "ticket.opened", utc_now() - HOUR), logged(team, "ticket.triaged", utc_now() - HOUR)
    opened.data = {"snapshot": {**opened.data["snapshot"], "team_id": None}}
    triaged.ticket_id, triaged.seq, triaged.event_id = opened.ticket_id, 2, f"{opened.ticket_id}:2"
    await log(desk, opened, triaged)
    ada = await desk.agent("ada")
    for _ in range(2):
        report = await ada.get("/v1/reports/activity", team=slug, interval="hour")
        assert report["total"]["opened"] == 1
        assert len(report["series"]) in range(30 * 24, 30 * 24 + 3), "hours without any are there, too"
        await count_all(desk)
