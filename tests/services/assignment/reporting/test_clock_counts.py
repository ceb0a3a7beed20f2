"""Reports from counts say the same as reports from the verdicts themselves, whatever came late or runs again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from services.assignment.consumers.projection import project
from services.assignment.models import ClockCount
from services.assignment.reporting import clock_sums
from services.assignment.reporting.clock_counting import count_clocks
from shared.contracts.vocabulary import Metric, Outcome, Priority
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import Desk, Json
from tests.services.assignment.read_model.test_projection import settled, verdict
from tests.services.assignment.reporting.test_reports import a_team, clock, running

BEGINS = datetime(2025, 9, 20, tzinfo=UTC)
ASKED: list[Json] = [
    {"from": "2025-09-20", "to": "2026-01-10", "tz": "UTC", "interval": "month"},
    {"from": "2025-10-20", "to": "2025-12-10", "tz": "Europe/Berlin", "group_by": "priority", "interval": "day"},
    {"from": "2025-10-01T10:17:00Z", "to": "2025-12-31T23:00:01Z", "group_by": "agent", "interval": "week"},
    {"from": "2025-10-25", "to": "2025-10-27", "tz": "Asia/Kathmandu", "group_by": "topic", "interval": "hour"},
    {"from": "2025-11-01T10:00:00Z", "to": "2025-11-01T11:00:00Z", "group_by": "channel"},
]


async def count(desk: Desk) -> None:
    await count_clocks(desk.context, utc_now(), lag=timedelta())


def one_verdict(random: Random, team: UUID, ticket: UUID, revision: int = 1, taken: timedelta | None = None) -> Any:
    at = BEGINS + timedelta(seconds=random.randint(0, 110 * 86_400))
    taken = taken or timedelta(seconds=random.randint(1, 500_000))
    outcome, changes = random.choice(list(Outcome)), {"settled_at": at, "elapsed": taken}
    said = verdict(revision, outcome, metric=Metric.RESOLUTION).model_copy(update=changes)
    began = clock(at - 2 * taken, None, settled_at=at, outcome=outcome, state="settled")
    more: Json = {"priority": random.choice(list(Priority)), "assignee_id": None, "clocks": (began,)}
    return settled(ticket, revision, said, team_id=team, **more)


@asynccontextmanager
async def from_counts(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    with monkeypatch.context() as patched:
        patched.setattr(clock_sums, "MOST_READ", -1)
        yield


async def compare(desk: Desk, monkeypatch: pytest.MonkeyPatch, slug: str) -> None:
    ada = await desk.agent("ada")
    for asked in ASKED:
        read = await both(ada, slug, asked)
        async with from_counts(monkeypatch):
            counted = await both(ada, slug, asked)
        for one, other in zip(read, counted, strict=True):
            assert (one.pop("precision"), other.pop("precision")) == ("exact", "bucketed")
            assert_close(one, other)


async def both(ada: Any, slug: str, asked: Json) -> tuple[Json, Json]:
    without = {name: value for name, value in asked.items() if name != "interval"}
    sla = await ada.get("/v1/reports/sla", team=slug, **asked)
    times = await ada.get("/v1/reports/times", team=slug, **without)
    return sla, times


def assert_close(one: Any, other: Any, name: str = "") -> None:
    """Equal, but for percentiles: between few values those of the counts may be anywhere."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_close(one[key], other[key], key)
    elif isinstance(one, list):
        assert len(one) == len(other), name
        for first, second in zip(one, other, strict=True):
            assert_close(first, second, name)
    elif name.startswith(("median", "p90")):
        assert (one is None) == (other is None)
    elif isinstance(one, float):
        assert other == pytest.approx(one, rel=1e-6), name
    else:
        assert one == other, name


async def test_counted_young_corrected_and_reopened_clocks_add_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    slug, team = await a_team(desk)
    random, tickets = Random(5), [new_id() for _ in range(120)]
    await project(desk.database, desk.ids, "test", [one_verdict(random, team, ticket) for ticket in tickets])
    await count(desk)
    await compare(desk, monkeypatch, slug)
    later = [one_verdict(random, team, ticket, 2) for ticket in tickets[:20]]
    later += [one_verdict(random, team, new_id()) for _ in range(30)]
    due = BEGINS + timedelta(days=40)
    later += [running(team, clock(due - timedelta(hours=1), due), ticket=ticket) for ticket in tickets[15:30]]
    await project(desk.database, desk.ids, "test", later)
    await compare(desk, monkeypatch, slug)
    await count(desk)
    await compare(desk, monkeypatch, slug)


async def test_counts_of_many_buckets_are_kept_as_bytes_and_say_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    slug, team = await a_team(desk)
    random, tickets = Random(7), [new_id() for _ in range(900)]

    def any_length(ticket: UUID, revision: int = 1) -> Any:
        return one_verdict(random, team, ticket, revision, timedelta(seconds=round(2 ** random.uniform(0, 19))))

    await project(desk.database, desk.ids, "test", [any_length(ticket) for ticket in tickets])
    await count(desk)
    async with desk.database.begin() as session:
        kept = select(ClockCount.resolution).where(
            ClockCount.team_id == team, ClockCount.business_histogram.is_not(None)
        )
        assert set(await session.scalars(kept)) == {"month", "quarter"}
    await compare(desk, monkeypatch, slug)
    await project(desk.database, desk.ids, "test", [any_length(ticket, 2) for ticket in tickets[:60]])
    await compare(desk, monkeypatch, slug)
    await count(desk)
    await compare(desk, monkeypatch, slug)


async def test_percentiles_from_counts_are_within_their_bucket(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    slug, team = await a_team(desk)
    random = Random(6)
    await project(desk.database, desk.ids, "test", [one_verdict(random, team, new_id()) for _ in range(400)])
    await count(desk)
    ada = await desk.agent("ada")
    asked: Json = {"from": "2025-09-01", "to": "2026-02-01", "team": slug}
    (read,) = (await ada.get("/v1/reports/times", **asked))["total"]
    async with from_counts(monkeypatch):
        (counted,) = (await ada.get("/v1/reports/times", **asked))["total"]
    for kind in ("business", "wall"):
        for name in ("median_seconds", "p90_seconds"):
            assert counted[kind][name] == pytest.approx(read[kind][name], rel=0.05)
