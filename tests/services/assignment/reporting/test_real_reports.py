"""Reports over real incidents: every number is a recount by a counter that shares no code with the reports.

The incidents of a real desk's log are lived through at their own instants and taken in as the service takes in events.
`RECOUNTED_INCIDENTS` says how many; the counter reads nothing but the events themselves.
"""

import os
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from csv import DictReader
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from html import unescape
from io import StringIO
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from services.assignment.consumers.projection import project
from services.assignment.reporting import backlog_counting, clock_sums
from services.assignment.reporting.aggregation import count_events
from services.assignment.reporting.clock_counting import count_clocks
from shared.contracts.events import LifecycleEvent
from shared.kit.clock import utc_now
from tests.replay.incident_log import LOG, Incident, read
from tests.replay.policy import policy_from
from tests.replay.pure import do, enveloped, finish, opened, opening_of, play
from tests.services.assignment.browsing import Surfer
from tests.services.assignment.desk import AgentApi, Desk, Json

HOW_MANY = int(os.environ.get("RECOUNTED_INCIDENTS", "30"))
ZONE = ZoneInfo("Europe/London")
FIRST, LAST = date(2016, 3, 1), date(2016, 4, 30)
"""With a change of the clocks, and ends of months."""
OPEN = {"new", "open", "pending", "on_hold"}
DAY = 86_400
AGES = {"under_1_day": (0, 1), "under_3_days": (1, 3), "under_7_days": (3, 7), "under_30_days": (7, 30)}
HAPPENED = {
    "ticket.opened": "opened",
    "ticket.assigned": "assigned",
    "ticket.transferred": "transferred",
    "ticket.sla_breached": "overdue",
    "ticket.sla_breach_withdrawn": "withdrawn",
    "ticket.resolved": "resolved",
    "ticket.closed": "closed",
    "ticket.reopened": "reopened",
}


@dataclass
class State:
    """What an event says of its ticket, in plain words."""

    at: datetime
    kind: str
    status: str
    team: str
    agent: str
    priority: str


@dataclass
class Recount:
    """The counter: lists of plain values, and loops."""

    lives: list[list[State]] = field(default_factory=list)
    opened_at: list[datetime] = field(default_factory=list)
    verdicts: list[tuple[datetime, str, str, str, float]] = field(default_factory=list)
    """When, which clock, how it ended, at which priority, after how many seconds of open time."""

    def add(self, events: list[LifecycleEvent]) -> None:
        """One ticket's whole life."""
        last: dict[tuple[str, int], Any] = {}
        life = []
        for event in events:
            said = event.snapshot
            team, agent = str(said.team_id or ""), str(said.assignee_id or "")
            life.append(State(event.at, event.event_name, said.status.value, team, agent, said.priority.value))
            if event.event_name == "ticket.sla_settled":
                told: Any = event
                last[told.verdict.metric.value, told.verdict.cycle] = (told.verdict, said.priority.value)
        self.lives.append(life)
        self.opened_at.append(events[0].at)
        for (metric, _), (one, priority) in last.items():
            self.verdicts.append((one.settled_at, metric, one.outcome.value, priority, one.elapsed.total_seconds()))

    def happened(self, since: datetime, until: datetime) -> Counter[str]:
        """How often each thing happened."""
        states = (state for life in self.lives for state in life if since <= state.at < until)
        return Counter(HAPPENED[state.kind] for state in states if state.kind in HAPPENED)

    def judged(self, since: datetime, until: datetime) -> dict[str, Counter[str]]:
        """How the clocks of each kind ended."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for at, metric, outcome, _, _ in self.verdicts:
            if since <= at < until:
                found[metric][outcome] += 1
        return found

    def taken(self, since: datetime, until: datetime, metric: str) -> list[float]:
        """The open time of clocks that were met or breached."""
        return [
            s for at, kind, how, _, s in self.verdicts if kind == metric and since <= at < until and how != "cancelled"
        ]

    def held(self, since: datetime, until: datetime) -> dict[tuple[str, str], list[float]]:
        """The seconds of each stretch that ended, by what it was a stretch of."""
        found: dict[tuple[str, str], list[float]] = defaultdict(list)
        for life in self.lives:
            for kind in ("status", "team", "agent"):
                begun, was = life[0].at, _held_by(life[0], kind)
                for state in life[1:]:
                    now = _held_by(state, kind)
                    if now != was:
                        if was is not None and since <= state.at < until:
                            found[kind, was].append((state.at - begun).total_seconds())
                        begun, was = state.at, now
        return found

    def backlog(self, at: datetime) -> Counter[str]:
        """Who was open, by age."""
        found: Counter[str] = Counter()
        for life, opened_at in zip(self.lives, self.opened_at, strict=True):
            before = [state for state in life if state.at <= at]
            if before and before[-1].status in OPEN:
                days = (at - opened_at).total_seconds() / DAY
                found["open"] += 1
                found[next((age for age, (low, high) in AGES.items() if low <= days < high), "older")] += 1
        return found


def _held_by(state: State, kind: str) -> str | None:
    if kind == "status":
        return state.status
    if state.status not in OPEN:
        return None
    return state.team if kind == "team" else state.agent


def chosen() -> Iterator[Incident]:
    """The first incidents that end in time, every reopened one before the others."""
    end = datetime.combine(LAST, time(), ZONE) - timedelta(days=8)
    early = [each for each in read() if each.ends_at < end]
    early.sort(key=lambda each: (not each.is_reopened, each.number))
    yield from early[:HOW_MANY]


@pytest.fixture(scope="module")
async def recount(desk: Desk) -> AsyncIterator[Recount]:
    """The incidents, lived through and taken in; gone afterwards."""
    if not LOG.exists() and os.environ.get("CI") != "true":
        pytest.skip(f"no incident log at {LOG}")
    incidents, counter = list(chosen()), Recount()
    policy = policy_from(min(incident.opened_at for incident in incidents))
    ids: list[UUID] = []
    for incident in incidents:
        ticket = opened(opening_of(incident))
        for deed in play(incident, policy).deeds:
            ticket.advance(deed.at)
            do(ticket, deed.what, deed.at)
        finish(ticket)
        counter.add(list(ticket.events))
        ids.append(ticket.events[0].ticket_id)
        await project(desk.database, desk.ids, "recount", enveloped(ticket.events))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(backlog_counting, "_count_next", _leave)
        await forget_counts(desk)
        yield counter
    async with desk.database.begin() as session:
        for table, column in (("events", "ticket_id"), ("verdicts", "ticket_id"), ("tickets", "id")):
            await session.execute(text(f"delete from {table} where {column} = any(:ids)"), {"ids": ids})
    await forget_counts(desk)


_count_day = backlog_counting._count_next


async def _leave(*_: Any) -> bool:
    """The service's own job, which would count the days up to now: the test counts those of the log."""
    return False


async def forget_counts(desk: Desk) -> None:
    """Everything is counted anew: these tickets are of years ago, and there only for a while."""
    async with desk.database.begin() as session:
        for table in ("activity_watermark", "clock_watermark", "backlog_watermark", "backlog_counts"):
            await session.execute(text(f"delete from {table}"))


async def count_all(desk: Desk) -> None:
    now, zone = utc_now(), desk.context.settings.time_zone
    await count_events(desk.database, zone, now)
    await count_clocks(desk.context, now, lag=timedelta())
    while await _count_day(desk.database, zone, datetime.combine(LAST, time(), ZONE) + timedelta(days=1)):
        pass


PERIODS = {
    "two months": (FIRST, LAST, "month"),
    "a change of the clocks": (date(2016, 3, 26), date(2016, 3, 28), "hour"),
    "the end of a month": (date(2016, 4, 30), date(2016, 5, 1), "day"),
}


def bounds(first: date, last: date) -> tuple[datetime, datetime]:
    return datetime.combine(first, time(), ZONE), datetime.combine(last + timedelta(days=1), time(), ZONE)


def asked(first: date, last: date) -> Json:
    return {"from": first.isoformat(), "to": last.isoformat(), "tz": "Europe/London"}


@pytest.mark.parametrize("is_counted", [False, True], ids=["from the log", "from the counts"])
async def test_every_number_is_a_recount_of_real_incidents(
    desk: Desk, recount: Recount, is_counted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await desk.agent("ada")
    if is_counted:
        await count_all(desk)
        monkeypatch.setattr(clock_sums, "MOST_READ", -1)
    for first, last, step in PERIODS.values():
        since, until = bounds(first, last)
        await check_activity(ada, recount, asked(first, last), since, until, step)
        await check_clocks(ada, recount, asked(first, last), since, until, is_counted)
        await check_held(ada, recount, asked(first, last), since, until)


async def check_activity(
    ada: AgentApi, recount: Recount, period: Json, since: datetime, until: datetime, step: str
) -> None:
    report = await ada.get("/v1/reports/activity", **period, interval=step)
    names = set(HAPPENED.values())
    assert +Counter({name: report["total"][name] for name in names}) == recount.happened(since, until)
    added: Counter[str] = Counter()
    starts = [datetime.fromisoformat(point["at"]) for point in report["series"]]
    for point, start, end in zip(report["series"], starts, [*starts[1:], until], strict=True):
        counts = +Counter({name: point[name] for name in names})
        assert counts == recount.happened(max(start, since), end), start
        added.update(counts)
    assert added == recount.happened(since, until)


async def check_clocks(
    ada: AgentApi, recount: Recount, period: Json, since: datetime, until: datetime, is_counted: bool
) -> None:
    found = {one["metric"]: one for one in (await ada.get("/v1/reports/sla", **period))["total"]}
    times = {one["metric"]: one for one in (await ada.get("/v1/reports/times", **period))["total"]}
    expected = recount.judged(since, until)
    assert {metric for metric, one in found.items() if one["met"] + one["breached"] + one["cancelled"]} == set(expected)
    for metric, counts in expected.items():
        one = found[metric]
        assert +Counter({name: one[name] for name in ("met", "breached", "cancelled")}) == counts, metric
        taken = recount.taken(since, until, metric)
        assert times.get(metric, {"count": 0})["count"] == len(taken)
        if taken:
            assert times[metric]["business"]["mean_seconds"] == pytest.approx(statistics.fmean(taken), abs=1e-3)
        if taken and not is_counted:
            assert times[metric]["business"]["median_seconds"] == pytest.approx(statistics.median(taken), abs=1e-3)


async def check_held(ada: AgentApi, recount: Recount, period: Json, since: datetime, until: datetime) -> None:
    expected = recount.held(since, until)
    for by in ("team", "agent"):
        report = await ada.get("/v1/reports/held", **period, group_by=by)
        found = {(by, one["id"] or ""): one for one in report["items"]}
        found |= {("status", one["status"]): one for one in report["statuses"]}
        assert found.keys() == {key for key in expected if key[0] in (by, "status")}
        for key, one in found.items():
            assert one["stretches"] == len(expected[key]), key
            assert one["seconds"] == pytest.approx(sum(expected[key]), abs=1e-3), key
        drilled = await ada.get("/v1/reports/tickets", **period, report="held", figure="stretches", group_by=by)
        assert drilled["count"] == report["total"]["stretches"]


async def test_the_backlog_over_time_is_a_recount(desk: Desk, recount: Recount) -> None:
    await count_all(desk)
    ada = await desk.agent("ada")
    history = await ada.get("/v1/reports/backlog/history", **asked(FIRST, LAST), interval="week", group_by="priority")
    assert len(history["points"]) == 8
    for point in history["points"]:
        at = datetime.fromisoformat(point["at"])
        local = at.astimezone(ZoneInfo(history["days_of"]))
        assert (local.weekday(), local.time()) == (0, time())
        assert +Counter({name: point[name] for name in ("open", "older", *AGES)}) == recount.backlog(at), at
        of_groups = [one["open"] for one in history["items"] if one["at"] == point["at"]]
        assert sum(of_groups) == point["open"]
        drilled = await ada.get("/v1/reports/tickets", report="backlog", figure="open", as_of=point["at"])
        assert drilled["count"] == point["open"], "those that are open then, and no others"


async def test_page_table_and_answer_say_the_same_of_the_same_instants(desk: Desk, recount: Recount) -> None:
    ada, surfer = await desk.agent("ada"), Surfer.of(desk.app)
    await surfer.sign_in("ada@everdesk.example")
    period = asked(FIRST, LAST)
    for name, path, more in (("activity", "activity", "by"), ("held", "held", "by"), ("times", "times", "group_by")):
        report = await ada.get(f"/v1/reports/{path}", **period)
        steps = {"interval": "month"} if name == "activity" else {}
        table = await ada.send("GET", f"/v1/reports/{path}.csv", params=period | steps)
        query = f"from={FIRST}&to={LAST}&tz=Europe/London&{more}=team&interval=month"
        downloaded = await surfer.open(f"/reports/{name}.csv?{query}")
        rows = list(DictReader(StringIO(downloaded.page)))
        assert rows == list(DictReader(StringIO(table.text))), name
        assert {row["from"] for row in rows} == {bounds(FIRST, LAST)[0].astimezone(ZoneInfo("UTC")).isoformat()}
        assert {row["to"] for row in rows} == {bounds(FIRST, LAST)[1].astimezone(ZoneInfo("UTC")).isoformat()}
        page = (await surfer.open(f"/reports/{name}?{query}")).page
        for end in (report["from"], report["to"]):
            assert f'datetime="{datetime.fromisoformat(end).isoformat()}"' in page, (name, end)
        total = report["total"]["opened"] if name == "activity" else None
        assert total is None or f">{total}<" in page


async def test_numbers_on_pages_lead_to_as_many_tickets(desk: Desk, recount: Recount) -> None:
    await count_all(desk)
    surfer = Surfer.of(desk.app)
    await surfer.sign_in("ada@everdesk.example")
    query = f"from={FIRST}&to={LAST}&tz=Europe/London"
    for name in ("arrivals", "held", "backlog"):
        page = (await surfer.open(f"/reports/{name}?{query}")).page
        assert surfer.status == 200, page
        links = re.findall(r'<a class="drill" href="([^"]+)">(\d+)</a>', page)
        if name == "backlog":
            links = [one for one in links if "as_of=" in one[0]]  # what is open now may change meanwhile
        assert links, name
        for link, number in links[:: max(1, len(links) // 5)]:
            shown = (await surfer.open(unescape(link))).page
            assert re.search(rf"<p>{number} lines?:", shown), link
    page = (await surfer.open(f"/reports/backlog?{query}&interval=week")).page
    assert page.count("<title>") >= 9, "a bar for each week beside the page's own title"
    assert (await surfer.open("/reports/workload")).status == 200
