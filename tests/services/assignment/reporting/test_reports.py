"""Reports: clocks that still run are seen, days are the reader's, and periods add up."""

from collections import Counter
from collections.abc import Mapping
from csv import DictReader
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from services.assignment.consumers.projection import project
from services.assignment.queries.periods import InvalidPeriod, period_of
from shared.contracts.events import Envelope
from shared.contracts.tickets import Clock
from shared.contracts.vocabulary import ClockState, Metric, Outcome, Status
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import Desk, Json
from tests.services.assignment.read_model.test_projection import pended, settled, verdict

FIGURES = ("met", "breached", "breached_running", "cancelled", "running_in_time")
HOUR = timedelta(hours=1)


async def a_team(desk: Desk) -> tuple[str, UUID]:
    slug, ada = f"r-{new_id().hex[-8:]}", await desk.agent("ada")
    team = await ada.post("/v1/teams", {"slug": slug, "name": f"={slug}"})
    return slug, UUID(team["id"])


def clock(started_at: datetime, due_at: datetime | None, **changes: Any) -> Clock:
    return Clock.model_validate(
        {
            "metric": Metric.RESOLUTION,
            "cycle": 1,
            "state": ClockState.RUNNING,
            "target": HOUR,
            "elapsed": timedelta(),
            "started_at": started_at,
            "due_at": due_at,
            **changes,
        }
    )


def running(team: UUID, *clocks: Clock, ticket: UUID | None = None, **changes: Any) -> Envelope:
    return pended(ticket or new_id(), 5, team_id=team, status=Status.OPEN, clocks=clocks, **changes)


def settled_at(team: UUID, at: datetime, outcome: Outcome) -> Envelope:
    one = verdict(1, outcome, metric=Metric.RESOLUTION).model_copy(update={"settled_at": at})
    return settled(new_id(), 1, one, team_id=team)


async def resolution(desk: Desk, **asked: Any) -> Json:
    report = await (await desk.agent("ada")).get("/v1/reports/sla", **asked)
    found: list[Json] = [one for one in report["total"] if one["metric"] == "resolution"]
    return found[0] if found else {}


async def test_what_is_overdue_and_not_stopped_is_a_breach(desk: Desk) -> None:
    slug, team = await a_team(desk)
    now = utc_now()
    ago, ahead = now - HOUR, now + HOUR
    batch = [
        settled_at(team, ago, Outcome.MET),
        running(team, clock(ago - HOUR, ago)),
        running(team, clock(ago - HOUR, ahead, breached_at=ago)),
        running(team, clock(ago - HOUR, None, state=ClockState.PAUSED, breached_at=ago)),
        running(team, clock(now - timedelta(days=50), now - timedelta(days=40))),
        running(team, clock(ago, ahead)),
        running(team, clock(ago, None, state=ClockState.PAUSED)),
        running(team, clock(ago, ahead, state=ClockState.SETTLED, outcome=Outcome.MET, settled_at=now)),
    ]
    await project(desk.database, desk.ids, "test", batch)
    metric = await resolution(desk, team=slug)
    assert {name: metric[name] for name in (*FIGURES, "overdue_now", "attainment")} == {
        "met": 1,
        "breached": 3,
        "breached_running": 3,
        "cancelled": 0,
        "running_in_time": 2,
        "overdue_now": 4,
        "attainment": 25.0,
    }


async def test_a_clock_that_runs_again_has_no_verdict_until_it_stops(desk: Desk) -> None:
    slug, team = await a_team(desk)
    ticket, now = new_id(), utc_now()
    first = settled(ticket, 1, verdict(1, Outcome.MET, metric=Metric.RESOLUTION), team_id=team)
    again = running(team, clock(now - 2 * HOUR, now - HOUR), ticket=ticket)
    await project(desk.database, desk.ids, "test", [first, again])
    metric = await resolution(desk, team=slug)
    assert (metric["met"], metric["breached"], metric["attainment"]) == (0, 1, 0.0)


@pytest.mark.parametrize(
    ("zone", "first", "last"),
    [
        ("Europe/Berlin", date(2025, 10, 24), date(2025, 10, 28)),
        ("Europe/Berlin", date(2026, 3, 27), date(2026, 3, 31)),
        ("America/New_York", date(2025, 10, 31), date(2025, 11, 3)),
        ("America/Havana", date(2025, 11, 1), date(2025, 11, 3)),
        ("Asia/Beirut", date(2026, 3, 28), date(2026, 3, 30)),
        ("America/Santiago", date(2026, 4, 3), date(2026, 4, 6)),
        ("America/Santiago", date(2026, 9, 4), date(2026, 9, 7)),
        ("Africa/Cairo", date(2026, 4, 23), date(2026, 4, 25)),
        ("Africa/Cairo", date(2026, 10, 29), date(2026, 10, 31)),
        ("Asia/Kathmandu", date(2026, 2, 27), date(2026, 3, 2)),
    ],
)
async def test_the_days_of_a_period_add_up_to_it(desk: Desk, zone: str, first: date, last: date) -> None:
    slug, team = await a_team(desk)
    random, days = Random(zone), [first + timedelta(days=n) for n in range((last - first).days + 1)]
    whole = {"from": first.isoformat(), "to": last.isoformat(), "tz": zone, "team": slug}
    begins, ends = (datetime.combine(day, datetime.min.time(), ZoneInfo(zone)) for day in (first, last))
    inside = [begins, begins.astimezone(UTC) - timedelta(microseconds=1), ends]
    inside += [begins + timedelta(seconds=random.randint(-90_000, 86_400 * (len(days) + 1))) for _ in range(60)]
    makers = [
        lambda at: settled_at(team, at, random.choice(list(Outcome))),
        lambda at: running(team, clock(at - HOUR, at)),
        lambda at: running(team, clock(at, utc_now() + HOUR)),
    ]
    await project(desk.database, desk.ids, "test", [random.choice(makers)(at.astimezone(UTC)) for at in inside])
    added: Counter[str] = Counter()
    for day in days:
        added.update(figures(await resolution(desk, **whole | {"from": day.isoformat(), "to": day.isoformat()})))
    assert +added == +figures(await resolution(desk, **whole))
    assert sum(added.values()) > 5


def figures(metric: Mapping[str, Any]) -> Counter[str]:
    return Counter({name: metric.get(name, 0) for name in FIGURES})


async def test_days_are_the_readers_and_the_last_one_is_included(desk: Desk) -> None:
    ada = await desk.agent("ada")
    asked: Json = {"from": "2025-10-26", "to": "2025-10-26", "tz": "Europe/Berlin"}
    report = await ada.get("/v1/reports/sla", **asked)
    assert (report["from"], report["to"]) == ("2025-10-25T22:00:00Z", "2025-10-26T23:00:00Z")
    assert report["time_zone"] == "Europe/Berlin"
    report = await ada.get("/v1/reports/sla", **asked | {"tz": "UTC"})
    assert (report["from"], report["to"]) == ("2025-10-26T00:00:00Z", "2025-10-27T00:00:00Z")
    month = period_of(None, date(2026, 3, 31), "Europe/Berlin")
    assert month.since == datetime(2026, 3, 1, 23, tzinfo=UTC)
    for wrong in ("Nowhere/City", "../etc/passwd", "/etc/localtime", "Europe", "x" * 64):
        await ada.get("/v1/reports/sla", expect=422, **asked | {"tz": wrong})
        with pytest.raises(InvalidPeriod):
            period_of(None, None, wrong)


async def test_page_table_and_answer_show_the_same(desk: Desk) -> None:
    slug, team = await a_team(desk)
    day = datetime(2026, 3, 29, 21, 30, tzinfo=UTC)
    batch = [settled_at(team, day, Outcome.MET), running(team, clock(day - HOUR, day))]
    await project(desk.database, desk.ids, "test", batch)
    ada = await desk.agent("ada")
    asked: Json = {"from": "2026-03-29", "to": "2026-03-29", "tz": "Europe/Berlin", "team": slug}
    report = await ada.get("/v1/reports/sla", **asked)
    headers = {"Authorization": f"Bearer {ada.token}"}
    table = await desk.http.get("/v1/reports/sla.csv", params=asked, headers=headers)
    cookies = {"Cookie": f"everdesk_session={ada.token}"}
    download = await desk.http.get("/reports.csv", params=asked, headers=cookies)
    assert table.headers["content-type"].startswith("text/csv")
    assert table.text == download.text
    total, group = DictReader(StringIO(table.text))
    assert (total["from"], total["to"]) == ("2026-03-28T23:00:00+00:00", "2026-03-29T22:00:00+00:00")
    assert (total["group_by"], total["breached"], total["attainment"]) == ("total", "1", "50.0")
    assert group["name"] == f"'={slug}"
    page = await desk.http.get("/reports", params=asked, headers=cookies)
    assert page.status_code == 200
    for bound in (total["from"], total["to"]):
        assert f'datetime="{bound}"' in page.text
    assert "50.0 %" in page.text
    assert report["total"][0]["attainment"] == 50.0
    backwards = await desk.http.get("/reports", params=asked | {"to": "2026-03-01"}, headers=cookies)
    assert (backwards.status_code, "from must be earlier than to" in backwards.text) == (400, True)
    dmitri = await desk.agent("dmitri")
    refused = await desk.http.get(
        "/v1/reports/sla.csv", params=asked, headers={"Authorization": f"Bearer {dmitri.token}"}
    )
    assert refused.status_code == 403
    refused = await desk.http.get("/reports.csv", headers={"Cookie": f"everdesk_session={dmitri.token}"})
    assert refused.status_code == 403
