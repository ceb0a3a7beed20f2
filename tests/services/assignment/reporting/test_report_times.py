"""Times, attainment over time, and the tickets behind figures: every number is a recount of the verdicts."""

from collections import Counter
from csv import DictReader
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import pairwise
from random import Random
from statistics import mean, quantiles
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from services.assignment.consumers.projection import project
from services.assignment.reporting.duration_buckets import FINE, HISTOGRAM, histogram, percentile
from shared.contracts.vocabulary import Metric, Outcome, Priority
from shared.kit.clock import new_id
from tests.services.assignment.desk import Desk, Json
from tests.services.assignment.read_model.test_projection import settled, verdict
from tests.services.assignment.reporting.test_reports import a_team, clock

HOURS = timedelta(hours=1)


@dataclass
class Known:
    """A verdict as the test knows it."""

    ticket: UUID
    at: datetime
    outcome: Outcome
    priority: Priority
    business: timedelta
    wall: timedelta


async def some_verdicts(desk: Desk, team: UUID, begins: datetime, days: int, count: int = 80) -> list[Known]:
    random, known, batch = Random(count), [], []
    for _ in range(count):
        at = begins + timedelta(seconds=random.randint(0, days * 86_400 - 1))
        wall = timedelta(seconds=random.randint(30, 400_000))
        one = Known(
            new_id(), at, random.choice(list(Outcome)), random.choice(list(Priority)), wall * random.random(), wall
        )
        known.append(one)
        changes = {"settled_at": at, "elapsed": one.business}
        said = verdict(1, one.outcome, metric=Metric.RESOLUTION).model_copy(update=changes)
        began = clock(at - wall, None, settled_at=at, outcome=one.outcome, state="settled")
        batch.append(settled(one.ticket, 1, said, team_id=team, clocks=(began,), priority=one.priority))
    await project(desk.database, desk.ids, "test", batch)
    return known


async def test_times_are_a_recount_by_group_with_their_distribution(desk: Desk) -> None:
    slug, team = await a_team(desk)
    begins = datetime(2026, 2, 1, tzinfo=UTC)
    known = await some_verdicts(desk, team, begins, 20)
    judged = [one for one in known if one.outcome is not Outcome.CANCELLED]
    ada = await desk.agent("ada")
    asked: Json = {"from": begins.isoformat(), "to": (begins + timedelta(days=20)).isoformat(), "team": slug}
    report = await ada.get("/v1/reports/times", group_by="priority", **asked)
    (total,) = report["total"]
    check(total, judged)
    assert (report["precision"], report["previous_total"]) == ("exact", [])
    for group in report["items"]:
        check(group["metrics"][0], [one for one in judged if one.priority == group["name"]])
    assert [one["name"] for one in report["items"]] == ["urgent", "high", "normal", "low"]
    (chart,) = report["histograms"]
    assert sum(bucket["wall"] for bucket in chart["buckets"]) == len(judged)
    for bucket in chart["buckets"]:
        start, end = bucket["from_seconds"], bucket["to_seconds"] or 10**9
        assert bucket["business"] == sum(start <= one.business.total_seconds() < end for one in judged)
        if bucket["wall"]:
            lines = await ada.get(
                "/v1/reports/tickets", report="times", figure="count", measure="wall", from_seconds=start,
                to_seconds=end, **asked,
            )  # fmt: skip
            assert lines["count"] == bucket["wall"]
            assert {one["ticket_id"] for one in lines["items"]} == {
                str(one.ticket) for one in judged if start <= one.wall.total_seconds() < end
            }
    later = await ada.get("/v1/reports/times", team=slug, **{"from": asked["to"], "to": "2026-03-13T00:00:00Z"})
    assert later["previous_total"] == report["total"]
    table = list(DictReader(StringIO((await ada.send("GET", "/v1/reports/times.csv", params=asked)).text)))
    assert float(table[0]["wall_median_seconds"]) == total["wall"]["median_seconds"]
    assert {row["row"] for row in table} == {"total", "team", "bucket"}


def check(metric: Json, judged: list[Known]) -> None:
    assert metric["count"] == len(judged)
    for kind in ("business", "wall"):
        seconds = sorted(getattr(one, kind).total_seconds() for one in judged)
        tenths = quantiles(seconds, n=10, method="inclusive")
        found = metric[kind]
        assert found["mean_seconds"] == pytest.approx(mean(seconds), abs=1e-4)
        assert found["median_seconds"] == pytest.approx(tenths[4], abs=1e-4)
        assert found["p90_seconds"] == pytest.approx(tenths[8], abs=1e-4)


@pytest.mark.parametrize(("zone", "interval", "count"), [("Europe/Berlin", "hour", 97), ("America/Havana", "day", 4)])
async def test_the_intervals_add_up_over_a_change_of_clocks_and_lead_to_their_tickets(
    desk: Desk, zone: str, interval: str, count: int
) -> None:
    slug, team = await a_team(desk)
    days = {"Europe/Berlin": ("2025-10-25", "2025-10-28"), "America/Havana": ("2026-03-06", "2026-03-09")}[zone]
    begins = datetime.fromisoformat(days[0]).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    known = await some_verdicts(desk, team, begins, 3, 60)
    ada = await desk.agent("ada")
    asked: Json = {"from": days[0], "to": days[1], "tz": zone, "team": slug, "interval": interval}
    report = await ada.get("/v1/reports/sla", **asked)
    starts = [datetime.fromisoformat(point["at"]) for point in report["series"]]
    assert len(starts) == count
    ends = [*starts[1:], datetime.fromisoformat(report["to"])]
    for point, since, until in zip(report["series"], starts, ends, strict=True):
        counted = Counter(one.outcome.value for one in known if since <= one.at < until)
        assert {name: point[name] for name in ("met", "breached", "cancelled")} == {
            name: counted[name] for name in ("met", "breached", "cancelled")
        }
    (total,) = report["total"]
    for name in ("met", "breached", "cancelled"):
        assert sum(point[name] for point in report["series"]) == total[name]
        lines = await ada.get("/v1/reports/tickets", report="sla", figure=name, **asked_without(asked, "interval"))
        assert lines["count"] == total[name] == len(lines["items"])
    table = list(DictReader(StringIO((await ada.send("GET", "/v1/reports/sla.csv", params=asked)).text)))
    assert sum(int(row["met"]) for row in table if row["group_by"] == "interval") == total["met"]
    too_many = await ada.get("/v1/reports/sla", interval="hour", expect=422, **{"from": "2020-01-01"})
    assert "intervals" in too_many["detail"]


def asked_without(asked: Json, *names: str) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if name not in names}


async def test_attainment_by_topic_channel_and_organisation_and_the_page_of_a_figure(desk: Desk) -> None:
    slug, team = await a_team(desk)
    begins = datetime(2026, 2, 1, tzinfo=UTC)
    known = await some_verdicts(desk, team, begins, 5, 20)
    ada = await desk.agent("ada")
    met = sum(one.outcome is Outcome.MET for one in known)
    asked: Json = {"from": "2026-02-01", "to": "2026-02-06", "team": slug}
    for group_by, name in (("topic", "No topic"), ("channel", "Not known"), ("organisation", "No organisation")):
        report = await ada.get("/v1/reports/sla", group_by=group_by, **asked)
        assert [(one["name"], one["metrics"][0]["met"]) for one in report["items"]] == [(name, met)]
        lines = await ada.get(
            "/v1/reports/tickets", report="sla", figure="met", group_by=group_by, group="none", **asked
        )
        assert lines["count"] == met
    cookies = {"Cookie": f"everdesk_session={ada.token}"}
    for page in ("/reports", "/reports/times", "/reports/activity"):
        answer = await desk.http.get(page, params=asked | {"interval": "week"}, headers=cookies)
        assert answer.status_code == 200, answer.text
    params = asked | {"report": "sla", "figure": "met", "back": "//evil.example"}
    assert (await desk.http.get("/reports/tickets", params=params, headers=cookies)).status_code == 422
    answer = await desk.http.get("/reports/tickets", params=params | {"back": "/reports"}, headers=cookies)
    assert (answer.status_code, f"{met} lines" in answer.text) == (200, True)
    unknown = await ada.get("/v1/reports/tickets", report="sla", figure="nonsense", expect=422, **asked)
    assert "figure" in unknown["detail"]
    dmitri = await desk.agent("dmitri")
    refused = await dmitri.send("GET", "/v1/reports/tickets", params={"report": "sla", "figure": "met"})
    assert refused.status_code == 403


def test_fine_buckets_hold_the_bounds_of_the_histogram_and_keep_percentiles_within_their_ratio() -> None:
    assert set(map(float, HISTOGRAM)) <= set(FINE)
    assert all(first < second for first, second in pairwise(FINE))
    random = Random(1)
    for size in (1, 2, 7, 500):
        values = sorted(random.lognormvariate(8, 2) for _ in range(size))
        counts = Counter(sum(bound <= value for bound in FINE) for value in values)
        assert sum(histogram(counts)) == size
        for share in (0.5, 0.9):
            low, high = values[int(share * (size - 1))], values[-(-int(share * (size - 1) * 1000) // 1000)]
            found = percentile(counts, share)
            assert found is not None
            assert low / 1.05 - 1 <= found <= high * 1.05 + 1
