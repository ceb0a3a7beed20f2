"""Asks our five questions for every fact that other projects' test suites state about business hours."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.calendars import BusinessCalendar
from shared.domain.business_time import (
    add_business_time,
    business_time_between,
    is_open,
    next_closing,
    next_opening,
)

Vector = dict[str, Any]
Segment = tuple[datetime, datetime]
REPOSITORY = Path(__file__).parents[3]
DATA = Path(os.environ.get("EVERDESK_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
FACTS = DATA / "business_hours_vectors.json"
DOCUMENT: dict[str, Any] = json.loads(FACTS.read_text()) if FACTS.exists() else {"schedules": {}, "vectors": []}
VECTORS: list[Vector] = DOCUMENT["vectors"]
LOOK_BACK = timedelta(days=60)

OUR_ANSWERS = {
    # Due at the closing at which the time runs out, not at the next opening (DESIGN §4.7).
    "v020": "2006-01-08T12:00:00+00:00",
    # 02:30 does not exist that day, 03:00 to 03:15 does: the peer drops the whole window, we keep what exists.
    "v053": [["2006-04-02T03:00:00-07:00", "2006-04-02T03:15:00-07:00"]],
    # Reversed instants have no time between them; the peer answers minus five hours.
    "v141": 0,
    # A Sunday of 25 hours counts 25 hours of elapsed time; the peer counts 24 of wall clock.
    "v149": 90_000,
}


def calendar_of(schedule: dict[str, Any]) -> BusinessCalendar:
    breaks = [{"date": day, "hours": hours} for day, hours in schedule.get("breaks", {}).items()]
    return BusinessCalendar.model_validate(
        {
            "timezone": schedule["tz"],
            "weekly": schedule["hours"],
            "holidays": [*({"date": day} for day in schedule.get("holidays", [])), *breaks],
            "special_days": [{"date": day, "hours": hours} for day, hours in schedule.get("shifts", {}).items()],
        }
    )


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def seconds(vector: Vector) -> timedelta:
    return timedelta(seconds=vector["seconds"])


def segments_from(calendar: BusinessCalendar, at: datetime) -> Iterator[Segment]:
    while True:
        opening = next_opening(calendar, at)
        at = next_closing(calendar, opening)
        yield opening, at


def segments_before(calendar: BusinessCalendar, at: datetime) -> list[Segment]:
    """The open segments of the days before, latest first, the latest cut at `at`."""
    earlier: list[Segment] = []
    for opening, closing in segments_from(calendar, at - LOOK_BACK):
        if opening >= at:
            break
        earlier.insert(0, (opening, min(closing, at)))
    return earlier


def backward(calendar: BusinessCalendar, vector: Vector) -> datetime:
    remaining = seconds(vector)
    for opening, closing in segments_before(calendar, instant(vector["start"])):
        if remaining <= closing - opening:
            return closing - remaining
        remaining -= closing - opening
    pytest.fail("the look-back is too short for this vector")


def first_segments(calendar: BusinessCalendar, vector: Vector) -> list[Segment]:
    return [
        found
        for found, _ in zip(segments_from(calendar, instant(vector["origin"])), range(vector["take"]), strict=False)
    ]


ADAPTERS: dict[str, Callable[[BusinessCalendar, Vector], object]] = {
    "deadline": lambda calendar, fact: add_business_time(calendar, instant(fact["start"]), seconds(fact)),
    "elapsed": lambda calendar, fact: business_time_between(
        calendar, instant(fact["start"]), instant(fact["end"])
    ).total_seconds(),
    "active": lambda calendar, fact: is_open(calendar, instant(fact["at"])),
    "next_open": lambda calendar, fact: next_opening(calendar, instant(fact["at"])),
    "next_close": lambda calendar, fact: next_closing(calendar, instant(fact["at"])),
    "prev_open": lambda calendar, fact: segments_before(calendar, instant(fact["at"]))[0][1],
    "backward": backward,
    "segments": first_segments,
    "segments_before": lambda calendar, fact: segments_before(calendar, instant(fact["origin"]))[: fact["take"]],
}


def parsed(answer: Any) -> object:
    if isinstance(answer, str):
        return instant(answer)
    return [(instant(start), instant(end)) for start, end in answer] if isinstance(answer, list) else answer


def asked(vector: Vector) -> object:
    return ADAPTERS[vector["op"]](calendar_of(DOCUMENT["schedules"][vector["schedule"]]), vector)


def stated(vector: Vector) -> object:
    return parsed(OUR_ANSWERS.get(vector["id"], vector["expect"]))


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["id"] for vector in VECTORS])
def test_answers_a_fact_from_another_project(vector: Vector) -> None:
    assert asked(vector) == stated(vector)


def test_all_182_facts_are_answered(record_property: Callable[[str, object], None]) -> None:
    if not FACTS.exists() and os.environ.get("CI") != "true":
        pytest.skip(f"no business-hours facts at {FACTS}: set EVERDESK_TEST_DATA to the folder that holds them")
    assert FACTS.exists(), f"CI must ask the business-hours facts, but there are none at {FACTS}"
    ran = Counter(vector["op"] for vector in VECTORS if asked(vector) == stated(vector))
    listed = ", ".join(f"{count} {op}" for op, count in ran.most_common())
    record_property("summary", f"{ran.total()} of {len(VECTORS)} business-hours facts ran and hold: {listed}")
    assert ran.total() == len(VECTORS) == 182
    assert set(ran) == set(ADAPTERS)


def test_we_differ_from_peers_only_where_the_design_decides() -> None:
    ours = {vector["id"] for vector in VECTORS if {"boundary", "peer_specific"} & set(vector.get("tags", ()))}
    assert set(OUR_ANSWERS) <= ours or not VECTORS
    boundary = [vector for vector in VECTORS if "also_valid" in vector]
    assert all(OUR_ANSWERS[vector["id"]] in vector["also_valid"] for vector in boundary)
