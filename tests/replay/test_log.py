"""The log is read as it was lived: day first, never backwards, never with the end in sight."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.replay import incident_log
from tests.replay.incident_log import BOOKKEEPING, FORESIGHT, Line, NoLog, read, weeks_until

AT = datetime(2016, 2, 29, 1, 16, tzinfo=UTC)
LINE: Line = {
    "number": "INC1",
    "incident_state": "New",
    "opened_at": "29/2/2016 01:16",
    "sys_updated_at": "29/2/2016 01:23",
    "sys_updated_by": "Updated by 1",
    "sys_mod_count": "0",
    "priority": "3 - Moderate",
    "assignment_group": "Group 1",
    "assigned_to": "?",
    "reopen_count": "0",
    "resolved_at": "1/3/2016 09:00",
    "resolved_by": "Resolved by 1",
    "closed_at": "6/3/2016 09:00",
    "closed_code": "code 1",
    "made_sla": "true",
}


def test_times_are_day_first() -> None:
    assert incident_log.instant("3/12/2016 07:05") == datetime(2016, 12, 3, 7, 5, tzinfo=UTC)


def test_a_row_out_of_order_counts_from_the_row_above_it() -> None:
    times = ("29/2/2016 11:10", "29/2/2016 09:52", "29/2/2016 11:03", "5/3/2016 12:00")
    incident = incident_log._incident([LINE | {"sys_updated_at": time} for time in times])
    assert [row.is_late for row in incident.rows] == [False, True, True, False]
    assert [row.at for row in incident.rows[:3]] == [incident_log.instant("29/2/2016 11:10")] * 3


def test_a_row_before_the_opening_counts_from_the_opening() -> None:
    incident = incident_log._incident([LINE | {"sys_updated_at": "29/2/2016 01:00"}])
    assert incident.rows[0].at == AT


def test_columns_that_know_the_end_are_seen_by_nobody() -> None:
    later = LINE | dict.fromkeys(FORESIGHT | BOOKKEEPING - {"sys_updated_at"}, "else")
    rows = incident_log._incident([LINE, later]).rows
    assert rows[1].is_silent
    assert not any("else" in str(getattr(rows[1], name)) for name in rows[1].__slots__ if name != "updated_by")


def test_what_changed_is_told_and_question_marks_are_nobody() -> None:
    rows = incident_log._incident([LINE, LINE | {"assigned_to": "Resolver 2", "assignment_group": "?"}]).rows
    assert rows[1].changed == {"assigned_to", "assignment_group"}
    assert (rows[0].agent, rows[1].agent, rows[1].group) == (None, "Resolver 2", None)


@pytest.mark.parametrize(
    ("now", "weeks"),
    [(AT, 0), (AT - timedelta(days=3), 0), (AT + timedelta(minutes=1), 1), (AT + timedelta(weeks=560), 560)],
)
def test_the_shift_is_the_least_whole_number_of_weeks(now: datetime, weeks: int) -> None:
    assert weeks_until(AT, now) == timedelta(weeks=weeks)


def test_an_absent_log_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NoLog, match="EVERDESK_TEST_DATA"):
        read(tmp_path / "none.csv.xz")
