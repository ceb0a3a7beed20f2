"""Durations as administrators type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.assignment.web.admin.duration_text import format_duration_text, parse_duration_text
from shared.contracts.durations import YEAR, Duration, WorkingDays


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("", None),
        ("  ", None),
        ("30m", 1800),
        ("30 min", 1800),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("1 hour, 30 minutes", 5400),
        ("1:30", 5400),
        ("0:05", 300),
        ("2d", 172_800),
        ("90 s", 90),
        ("0m", 0),
        ("2 working days", WorkingDays(working_days=2)),
        ("1 working day", WorkingDays(working_days=1)),
        ("3 business days", WorkingDays(working_days=3)),
        ("3wd", WorkingDays(working_days=3)),
    ],
)
def test_reads_what_people_write(text: str, duration: Duration | None) -> None:
    assert parse_duration_text(text) == duration


@pytest.mark.parametrize(
    "text", ["soon", "30", "4 h or so", "-3h", "1.5h", "2 fortnights", "1:75", "h", "400 working days"]
)
def test_refuses_what_it_cannot_read(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_duration_text(text)


@given(
    st.none() | st.integers(0, YEAR) | st.integers(1, 366).map(lambda days: WorkingDays(working_days=days)),
    st.booleans(),
)
def test_what_is_shown_reads_back_the_same(duration: Duration | None, has_days: bool) -> None:
    assert parse_duration_text(format_duration_text(duration, has_days=has_days)) == duration
