"""Keeps the calendar's JSON what the design states, and its refusals clear enough to act on."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from shared.contracts.calendars import BusinessCalendar

STATED: dict[str, Any] = {
    "timezone": "Europe/Berlin",
    "weekly": {
        "mon": [["09:00", "12:30"], ["13:30", "17:00"]],
        "fri": [["22:00", "06:00"]],
        "sat": [["00:00", "24:00"]],
    },
    "holidays": [{"date": "2026-12-25"}, {"date": "2026-12-24", "hours": [["13:00", "24:00"]]}],
    "special_days": [{"date": "2026-12-27", "hours": [["10:00", "14:00"]]}],
    "holiday_country": None,
}
MINUTE_WINDOWS = [[f"{hour:02}:00", f"{hour:02}:01"] for hour in range(24)]

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": "Office"}, "Extra inputs are not permitted"),
    ({"timezone": "Europe/Atlantis"}, "'Europe/Atlantis' is not a time zone: write an IANA name"),
    ({"timezone": "../etc/passwd"}, "is not a time zone"),
    ({"timezone": "Europe"}, "is not a time zone"),
    ({"timezone": ""}, "at least 1 character"),
    ({"weekly": {"monday": []}}, "Extra inputs are not permitted"),
    ({"weekly": {"mon": [["9:00", "17:00"]]}}, "'9:00' is not a time of day: write HH:MM"),
    ({"weekly": {"mon": [["09:00", "24:01"]]}}, "'24:01' is not a time of day"),
    ({"weekly": {"mon": [["09:00", "17:00\n"]]}}, "is not a time of day"),
    ({"weekly": {"mon": [["09:00", "1\u0667:00"]]}}, "is not a time of day"),
    ({"weekly": {"mon": [["24:00", "06:00"]]}}, "a window cannot start at 24:00"),
    ({"weekly": {"mon": [["09:00"]]}}, "Field required"),
    ({"weekly": {"mon": [[900, 1700]]}}, "valid string"),
    ({"weekly": {"mon": [*MINUTE_WINDOWS, ["09:30", "09:31"]]}}, "at most 24 items"),
    ({"holidays": [{"date": "25.12.2026"}]}, "'25.12.2026' is not a date: write YYYY-MM-DD"),
    ({"holidays": [{"date": 0}]}, "0 is not a date"),
    ({"holidays": [{"date": "2026-02-30"}]}, "valid date"),
    ({"holidays": [{"date": "0206-12-25"}]}, "outside the years 1900 to 2200"),
    ({"holidays": [{"date": "2026-12-24", "hours": []}]}, "at least 1 item"),
    ({"holidays": [{"date": "2026-12-25"}] * 2001}, "at most 2000 items"),
    ({"special_days": [{"date": "2026-12-27"}]}, "Field required"),
    ({"special_days": STATED["special_days"] * 2}, "2026-12-27 is in special_days more than once"),
    ({"holiday_country": "Germany"}, "at most 6 characters"),
    ({"holiday_country": "de"}, "'de' is not a country code: write ISO 3166 such as DE, or DE-BY"),
    ({"weekly": {}, "special_days": []}, "this calendar never opens: add hours to weekly"),
]


def test_takes_the_stated_json_and_gives_it_back() -> None:
    calendar = BusinessCalendar.model_validate(STATED)
    assert BusinessCalendar.model_validate_json(json.dumps(STATED)) == calendar
    assert BusinessCalendar(**STATED) == calendar
    assert BusinessCalendar.model_validate_json(calendar.model_dump_json()) == calendar
    assert calendar.model_dump(mode="json", exclude_defaults=True)["weekly"] == STATED["weekly"]


@pytest.mark.parametrize(("change", "message"), REFUSED, ids=[str(index) for index in range(len(REFUSED))])
def test_refuses_with_a_message_that_says_what_to_change(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        BusinessCalendar.model_validate({**STATED, **change})
    assert message in str(refusal.value)


def test_every_limit_can_be_reached() -> None:
    full = {"weekly": {"mon": MINUTE_WINDOWS}, "holidays": [{"date": "2026-12-25", "name": "x" * 200}] * 2000}
    assert len(BusinessCalendar.model_validate({**STATED, **full}).holidays) == 2000


def test_a_calendar_cannot_be_changed() -> None:
    calendar = BusinessCalendar.model_validate(STATED)
    with pytest.raises(ValidationError, match="frozen"):
        calendar.timezone = "UTC"  # type: ignore[misc]
