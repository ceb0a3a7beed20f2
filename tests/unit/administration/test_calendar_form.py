"""The form of a calendar."""

import pytest

from services.assignment.web.admin.calendar_form import calendar_fields, calendar_values, week_bars
from services.assignment.web.admin.submitted_form import FormRefused, SubmittedForm
from services.assignment.web.admin.version_changes import Change, changes_between
from shared.contracts.calendars import BusinessCalendar

CALENDAR = BusinessCalendar.model_validate(
    {
        "timezone": "Europe/Berlin",
        "weekly": {"mon": [["09:00", "12:30"], ["13:30", "17:00"]], "fri": [["22:00", "06:00"]]},
        "holidays": [
            {"date": "2026-12-25", "name": "Christmas"},
            {"date": "2026-12-24", "hours": [["13:00", "24:00"]], "name": "Christmas Eve"},
            {"date": "2026-12-26"},
        ],
        "special_days": [{"date": "2026-12-27", "hours": [["10:00", "14:00"]], "name": "Sale"}],
        "holiday_country": "DE-BY",
    }
)


def test_a_calendar_shown_and_saved_is_the_same() -> None:
    form = SubmittedForm({name: [str(value)] for name, value in calendar_values(CALENDAR).items()})
    fields = calendar_fields(form)
    del fields["name"]
    assert BusinessCalendar.model_validate(fields) == CALENDAR


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mon", "9 to 5"),
        ("mon", "09:00"),
        ("mon", "09:00-17:00 or so"),
        ("holidays", "Christmas"),
        ("holidays", "2026-02-30"),
        ("special_days", "27.12.2026 10:00-14:00"),
    ],
)
def test_what_cannot_be_read_is_refused_at_its_field(name: str, text: str) -> None:
    with pytest.raises(FormRefused) as refused:
        calendar_fields(SubmittedForm({name: [text]}))
    assert [field for field, _ in refused.value.errors] == [name]


def test_a_window_past_midnight_is_drawn_on_both_days() -> None:
    bars = {day: spans for day, _short, _hours, spans in week_bars(CALENDAR)}
    assert bars["Friday"] == [(22 * 60 / 14.4, 120 / 14.4)]
    assert bars["Saturday"] == [(0.0, 360 / 14.4)]
    assert bars["Tuesday"] == []


def test_versions_are_compared_value_by_value() -> None:
    before = {"name": "A", "weekly": {"mon": [["09:00", "17:00"]]}, "holidays": [], "escalations": [{"to": "lead"}]}
    after = {"name": "A", "weekly": {"mon": [["10:00", "17:00"]]}, "holidays": [], "escalations": []}
    assert changes_between(before, after) == [
        Change("escalations 1 / to", "lead", ""),
        Change("weekly / mon", "09:00-17:00", "10:00-17:00"),
    ]
