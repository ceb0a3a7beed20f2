"""Shows that a snapshot holds all it needs: countries' holidays as dates, the zone as its offset changes."""

import zoneinfo
from datetime import UTC, date, datetime, timedelta
from typing import Any, NoReturn

import pytest
from pydantic import ValidationError

from services.assignment.calendar_resolution import UnknownHolidayCountry, expand_holidays, resolve
from shared.contracts import calendars as contracts
from shared.contracts.calendars import BusinessCalendar, ResolvedCalendar
from shared.domain.business_time import (
    NaiveInstant,
    add_business_time,
    business_time_between,
    is_open,
    next_closing,
    next_opening,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
OFFICE = {day: [["09:00", "12:30"], ["13:30", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}


def calendar(**changes: Any) -> BusinessCalendar:
    return BusinessCalendar.model_validate({"timezone": "Europe/Berlin", "weekly": OFFICE, **changes})


def test_a_country_becomes_dated_and_named_holidays() -> None:
    dated = expand_holidays(calendar(holiday_country="DE"), [2026])
    assert dated.holiday_country is None
    assert {holiday.date for holiday in dated.holidays} >= {date(2026, 1, 1), date(2026, 10, 3), date(2026, 12, 26)}
    assert all(holiday.name for holiday in dated.holidays)


def test_a_part_of_a_country_adds_its_own_holidays() -> None:
    bavarian = expand_holidays(calendar(holiday_country="DE-BY"), [2026])
    epiphany = date(2026, 1, 6)
    assert epiphany in {holiday.date for holiday in bavarian.holidays}
    assert epiphany not in {day.date for day in expand_holidays(calendar(holiday_country="DE"), [2026]).holidays}


def test_stated_holidays_stay_and_are_not_doubled() -> None:
    own = [{"date": "2026-12-25", "name": "Ours"}, {"date": "2026-12-24", "hours": [["13:00", "24:00"]]}]
    dated = expand_holidays(calendar(holiday_country="DE", holidays=own), [2026])
    assert [holiday.name for holiday in dated.holidays if holiday.date == date(2026, 12, 25)] == ["Ours"]
    assert not is_open(dated, datetime(2026, 12, 24, 13, tzinfo=UTC))


def test_a_calendar_without_a_country_is_left_alone() -> None:
    plain = calendar()
    assert expand_holidays(plain, [2026]) is plain


@pytest.mark.parametrize("code", ["XX", "DE-XX"])
def test_an_unknown_country_is_refused(code: str) -> None:
    with pytest.raises(UnknownHolidayCountry, match=code):
        expand_holidays(calendar(holiday_country=code), [2026])


@pytest.mark.parametrize("country", ["DE", "DE-BY", "US", "JP"])
def test_ten_years_fit_into_four_kilobytes_and_survive_json(country: str) -> None:
    snapshot = resolve(calendar(holiday_country=country), "standard", 3, NOW)
    written = snapshot.model_dump_json()
    assert len(written) < 4096
    assert ResolvedCalendar.model_validate_json(written) == snapshot
    assert (snapshot.slug, snapshot.version, snapshot.timezone) == ("standard", 3, "Europe/Berlin")
    assert (snapshot.known_from, snapshot.known_until) == (date(2025, 1, 1), date(2036, 12, 31))


def test_it_computes_without_time_zone_data(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = calendar(holiday_country="DE")
    written = resolve(plain, "standard", 1, NOW).model_dump_json()

    def refuse(_: object) -> NoReturn:
        raise AssertionError

    monkeypatch.setattr(contracts, "ZoneInfo", refuse)
    monkeypatch.setattr(zoneinfo, "ZoneInfo", refuse)
    snapshot = ResolvedCalendar.model_validate_json(written)
    christmas_eve = datetime(2026, 12, 24, 15, tzinfo=UTC)
    assert add_business_time(snapshot, christmas_eve, timedelta(hours=2)) == datetime(2026, 12, 28, 9, tzinfo=UTC)
    assert next_opening(snapshot, NOW + timedelta(minutes=45)) == NOW + timedelta(minutes=45)
    assert next_closing(snapshot, NOW) == NOW.replace(hour=16)
    with pytest.raises(AssertionError):
        _ = plain.zone


def test_after_the_horizon_the_last_offset_holds() -> None:
    snapshot = resolve(calendar(), "standard", 1, NOW, years=1)
    summer = datetime(2040, 7, 2, 7, tzinfo=UTC)
    assert next_opening(snapshot, summer) == summer + timedelta(hours=1)
    assert next_opening(calendar(), summer) == summer


def test_exceptions_from_before_the_horizon_are_left_out_and_later_ones_kept() -> None:
    days = [{"date": day, "hours": [["10:00", "11:00"]]} for day in ("2020-01-05", "2026-11-22", "2050-01-02")]
    snapshot = resolve(calendar(special_days=days, holidays=days), "standard", 1, NOW)
    assert [day for day, _ in snapshot.special_days] == [date(2026, 11, 22), date(2050, 1, 2)]
    assert [day for day, _ in snapshot.closed_parts] == [date(2026, 11, 22), date(2050, 1, 2)]


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(NaiveInstant):
        resolve(calendar(), "standard", 1, NOW.replace(tzinfo=None))


@pytest.mark.parametrize(
    "change",
    [
        {"weekly": ((),) * 6},
        {"weekly": (((540, 540),), *((),) * 6)},
        {"weekly": (((1440, 1500),), *((),) * 6)},
        {"weekly": (((60, 2881),), *((),) * 6)},
        {"offset_changes": ((20, 0), (10, 3600))},
        {"initial_offset": 200_000},
        {"version": 0},
    ],
)
def test_a_snapshot_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    snapshot = resolve(calendar(), "standard", 1, NOW).model_dump()
    with pytest.raises(ValidationError):
        ResolvedCalendar.model_validate({**snapshot, **change})


def test_overlapping_windows_that_outlast_a_day_can_be_resolved() -> None:
    long = calendar(timezone="UTC", weekly={"mon": [["00:00", "24:00"], ["22:00", "06:00"]]})
    snapshot = resolve(long, "long", 1, NOW)
    week = (datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC))
    assert business_time_between(snapshot, *week) == business_time_between(long, *week) == timedelta(hours=30)
