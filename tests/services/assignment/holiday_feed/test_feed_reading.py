"""An iCalendar file becomes dated holidays, and whatever somebody sends instead of one becomes words."""

from datetime import date

import pytest

from services.assignment.holiday_feed import FeedFindings, FeedReader, FeedRequest, UnreadableFeed, sandbox
from services.assignment.holiday_feed.reading import read_feed
from shared.contracts.calendars import Holiday
from shared.kit.subprocess_runner import run_module

HORIZON = {"since": date(2026, 1, 1), "until": date(2030, 12, 31)}
BERLIN = FeedRequest(timezone="Europe/Berlin", **HORIZON)
NEW_YORK = """BEGIN:VTIMEZONE
TZID:Custom/New_York
BEGIN:STANDARD
DTSTART:20071104T020000
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:20070311T020000
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU
END:DAYLIGHT
END:VTIMEZONE
"""


def feed(*events: str, head: str = "") -> bytes:
    """A calendar of events, each given as its lines after UID."""
    bodies = "".join(f"BEGIN:VEVENT\nUID:e{i}\n{event}\nEND:VEVENT\n" for i, event in enumerate(events))
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n{head}{bodies}END:VCALENDAR\n"
    return text.replace("\n", "\r\n").encode()


def read(
    *events: str, head: str = "", question: FeedRequest = BERLIN
) -> list[tuple[str, tuple[tuple[str, str], ...] | None]]:
    """Dates and closed hours of what a feed says."""
    return [(one.date.isoformat(), one.hours) for one in read_feed(feed(*events, head=head), question).holidays]


def reasons(findings: FeedFindings) -> list[tuple[str | None, str, int]]:
    return [(one.name, one.reason, one.occurrences) for one in findings.ignored]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("DTSTART;VALUE=DATE:20270101", [("2027-01-01", None)]),
        ("DTSTART;VALUE=DATE:20270101\nDTEND;VALUE=DATE:20270102", [("2027-01-01", None)]),
        ("DTSTART;VALUE=DATE:20270101\nDTEND;VALUE=DATE:20270101", [("2027-01-01", None)]),
        ("DTSTART;VALUE=DATE:20261231\nDTEND;VALUE=DATE:20270102", [("2026-12-31", None), ("2027-01-01", None)]),
        ("DTSTART;VALUE=DATE:20261231\nDURATION:P2D", [("2026-12-31", None), ("2027-01-01", None)]),
        ("DTSTART:20261224T130000\nDTEND:20261224T180000", [("2026-12-24", (("13:00", "18:00"),))]),
        ("DTSTART:20261224T130000\nDTEND:20261225T000000", [("2026-12-24", (("13:00", "24:00"),))]),
        ("DTSTART:20261224T130030\nDTEND:20261224T130130", [("2026-12-24", (("13:00", "13:02"),))]),
        (
            "DTSTART:20261224T220000\nDTEND:20261226T060000",
            [("2026-12-24", (("22:00", "24:00"),)), ("2026-12-25", None), ("2026-12-26", (("00:00", "06:00"),))],
        ),
        ("DTSTART:20270601T100000Z\nDURATION:PT2H", [("2027-06-01", (("12:00", "14:00"),))]),
        ("DTSTART:20261224T120000Z\nDTEND:20261224T230000Z", [("2026-12-24", (("13:00", "24:00"),))]),
        (
            "DTSTART;TZID=America/New_York:20270704T180000\nDTEND;TZID=America/New_York:20270704T190000",
            [("2027-07-05", (("00:00", "01:00"),))],
        ),
        ("DTSTART;VALUE=DATE:20251230\nDTEND;VALUE=DATE:20260103", [("2026-01-01", None), ("2026-01-02", None)]),
        ("DTSTART;VALUE=DATE:20301231\nDTEND;VALUE=DATE:20310103", [("2030-12-31", None)]),
        ("DTSTART:20270328T013000\nDTEND:20270328T040000", [("2027-03-28", (("01:30", "04:00"),))]),
    ],
)
def test_an_event_closes_local_days_and_parts_of_them(event: str, expected: object) -> None:
    assert read(event) == expected


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("DTSTART;VALUE=DATE:19901225\nRRULE:FREQ=YEARLY", [f"{year}-12-25" for year in range(2026, 2031)]),
        ("DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY;COUNT=2", ["2026-12-25", "2027-12-25"]),
        ("DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY;UNTIL=20271225", ["2026-12-25", "2027-12-25"]),
        (
            "DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY;COUNT=3\nEXDATE;VALUE=DATE:20271225",
            ["2026-12-25", "2028-12-25"],
        ),
        ("DTSTART;VALUE=DATE:20261225\nRDATE;VALUE=DATE:20280106", ["2026-12-25", "2028-01-06"]),
        (
            "DTSTART;VALUE=DATE:20261126\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;COUNT=3",
            ["2026-11-26", "2027-11-25", "2028-11-23"],
        ),
    ],
)
def test_a_holiday_that_recurs_is_dated_within_the_horizon(event: str, expected: list[str]) -> None:
    assert [day for day, _ in read(event)] == expected


def test_the_zone_a_file_defines_itself_is_used() -> None:
    event = "DTSTART;TZID=Custom/New_York:20270704T180000\nDTEND;TZID=Custom/New_York:20270704T190000"
    assert read(event, head=NEW_YORK) == [("2027-07-05", (("00:00", "01:00"),))]


def test_a_series_keeps_its_local_time_over_daylight_saving() -> None:
    event = (
        "DTSTART;TZID=Europe/Berlin:20270327T100000\nDTEND;TZID=Europe/Berlin:20270327T110000\nRRULE:FREQ=DAILY;COUNT=2"
    )
    assert [hours for _, hours in read(event)] == [(("10:00", "11:00"),)] * 2


def test_one_moved_and_one_cancelled_occurrence_of_a_series() -> None:
    raw = feed("DTSTART;VALUE=DATE:20270101\nRRULE:FREQ=YEARLY;COUNT=3\nSUMMARY:Founders").replace(
        b"END:VCALENDAR",
        b"BEGIN:VEVENT\r\nUID:e0\r\nRECURRENCE-ID;VALUE=DATE:20280101\r\nDTSTART;VALUE=DATE:20280103\r\nEND:VEVENT\r\n"
        b"BEGIN:VEVENT\r\nUID:e0\r\nRECURRENCE-ID;VALUE=DATE:20290101\r\nDTSTART;VALUE=DATE:20290101\r\n"
        b"STATUS:CANCELLED\r\nSUMMARY:Founders\r\nEND:VEVENT\r\nEND:VCALENDAR",
    )
    findings = read_feed(raw, BERLIN)
    assert [one.date.isoformat() for one in findings.holidays] == ["2027-01-01", "2028-01-03"]
    assert reasons(findings) == [("Founders", "it is cancelled", 1)]


def test_what_closes_nothing_is_named_with_its_reason() -> None:
    findings = read_feed(
        feed(
            "DTSTART;VALUE=DATE:20270101\nSTATUS:CANCELLED\nSUMMARY:Off",
            "DTSTART;VALUE=DATE:20270102\nTRANSP:TRANSPARENT\nSUMMARY:Free",
            "DTSTART;VALUE=DATE:20010101\nSUMMARY:Past",
            "DTSTART:20270101T100000\nSUMMARY:Moment",
            "DTSTART;VALUE=DATE:20279999\nSUMMARY:Never",
            "SUMMARY:Nowhen",
            "DTSTART;VALUE=DATE:20270105\nDTEND;VALUE=DATE:20270101\nSUMMARY:Backwards",
            "DTSTART;VALUE=DATE:20270105\nDTEND:20270106T000000Z\nSUMMARY:Mixed",
            "DTSTART;VALUE=DATE:20270105\nRRULE:FREQ=BANANA\nSUMMARY:Banana",
            "DTSTART:20270105T000000\nRRULE:FREQ=SECONDLY\nSUMMARY:Ticking",
            "DTSTART:20270105T000000\nRRULE:FREQ=DAILY;BYHOUR=1,2,3\nSUMMARY:Thrice",
            "DTSTART;VALUE=DATE:20270105\nDTSTART;VALUE=DATE:20270106\nSUMMARY:Twice",
        ),
        BERLIN,
    )
    assert findings.holidays == ()
    assert {name for name, _, _ in reasons(findings)} == {
        *(
            "Off",
            "Free",
            "Past",
            "Moment",
            "Never",
            "Nowhen",
            "Backwards",
            "Mixed",
            "Banana",
            "Ticking",
            "Thrice",
            "Twice",
        )
    }
    taken = read_feed(
        feed("DTSTART;VALUE=DATE:20270102\nTRANSP:TRANSPARENT"), BERLIN.model_copy(update={"include_free": True})
    )
    assert [one.date for one in taken.holidays] == [date(2027, 1, 2)]


def test_closures_of_one_day_are_united_and_named_together() -> None:
    events = [
        "DTSTART:20270101T100000\nDTEND:20270101T120000\nSUMMARY:One\x01 \\n line\nDTSTAMP:broken",
        "DTSTART:20270101T113000\nDTEND:20270101T130000\nSUMMARY:Two",
        "DTSTART:20270101T150000\nDTEND:20270101T160000\nSUMMARY:Two",
        "DTSTART;VALUE=DATE:20270102",
        f"DTSTART:20270102T100000\nDTEND:20270102T120000\nSUMMARY:{'x' * 300}",
    ]
    holidays = read_feed(feed(*events), BERLIN).holidays
    hours = (("10:00", "13:00"), ("15:00", "16:00"))
    assert holidays[0] == Holiday(date=date(2027, 1, 1), hours=hours, name="One line / Two")
    assert holidays[1] == Holiday(date=date(2027, 1, 2), name="x" * 200)


def test_events_that_share_an_id_by_mistake_are_all_read() -> None:
    raw = feed("DTSTART;VALUE=DATE:20270101", "DTSTART;VALUE=DATE:20270102", "DTSTART;VALUE=DATE:20270103")
    for shared in (raw.replace(b"UID:e1", b"UID:e0").replace(b"UID:e2", b"UID:e0"), raw.replace(b"UID:", b"X-ID:")):
        assert len(read_feed(shared, BERLIN).holidays) == 3
    newer = raw.replace(b"UID:e1", b"UID:e0\r\nSEQUENCE:1")
    assert [one.date.day for one in read_feed(newer, BERLIN).holidays] == [2, 3]


BOMBS = {
    "empty": b"",
    "text": b"hello",
    "binary": bytes(range(256)) * 100,
    "html": b"<!doctype html><title>Sign in</title>",
    "unfinished": b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n",
    "unopened": b"END:VCALENDAR\r\n",
    "event alone": b"BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20270101\r\nEND:VEVENT\r\n",
    "one long line": b"BEGIN:VCALENDAR\r\nX-A:" + b"\r\n x" * 250_000,
    "too many events": feed(*["DTSTART;VALUE=DATE:20270101"] * 6000),
    "too many occurrences": feed(*["DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY"] * 4000),
    "never happens": feed(*["DTSTART;VALUE=DATE:10000101\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"] * 4000),
    "islamic": feed("DTSTART;VALUE=DATE:20270101", head="CALSCALE:ISLAMIC\n"),
    "slices": feed(*[f"DTSTART:20270101T{h:02}{m:02}00\nDURATION:PT1M" for h in range(24) for m in (0, 30)]),
}


@pytest.mark.parametrize("name", BOMBS)
async def test_a_hostile_file_becomes_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "never happens":
        hasty = "tests.services.assignment.holiday_feed.hasty_reader"
        monkeypatch.setattr(sandbox, "run_module", lambda _, given, within: run_module(hasty, given, within))
    with pytest.raises(UnreadableFeed) as refused:
        await FeedReader().read(BOMBS[name], BERLIN)
    assert str(refused.value)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("event", "days"),
    [
        ("DTSTART;VALUE=DATE:20270101\nDTEND;VALUE=DATE:99991231", 0),
        ("DTSTART;VALUE=DATE:00010101\nRRULE:FREQ=YEARLY", 0),
        ("DTSTART;VALUE=DATE:10000101\nRRULE:FREQ=YEARLY", 5),
        ("DTSTART;VALUE=DATE:20270101\nDTEND;VALUE=DATE:21991231", 1461),
        ("DTSTART;VALUE=DATE:20270101\nRRULE:FREQ=YEARLY;COUNT=1\nRRULE:FREQ=YEARLY;COUNT=2", 2),
        ("DTSTART;TZID=Mars/Olympus:20270101T100000\nDTEND;TZID=Mars/Olympus:20270101T110000", 1),
        ("DTSTART:20270101T100000Z\nDURATION:PT1H\nRRULE:FREQ=YEARLY;UNTIL=20280101", 1),
        ("DTSTART;VALUE=DATE:20270101\nRRULE:FREQ=YEARLY;INTERVAL=0", 0),
        ("DTSTART;VALUE=DATE:20270101\nRRULE:FREQ=YEARLY;COUNT=-1", 0),
        ("DTSTART;VALUE=DATE:20270101\nRDATE:nonsense", 0),
        ("DTSTART;VALUE=DATE:20270101\nRECURRENCE-ID:nonsense", 0),
        ("DTSTART:20270101T100000Z\nDURATION:PT1H\nRDATE;VALUE=PERIOD:20270102T100000Z/PT2H", 2),
    ],
)
def test_an_odd_event_is_read_as_far_as_it_makes_sense(event: str, days: int) -> None:
    assert len(read(event)) == days


async def test_the_reading_process_finds_what_this_one_would() -> None:
    raw = feed("DTSTART;VALUE=DATE:20270101\nRRULE:FREQ=YEARLY\nSUMMARY:Neujahr ü 🎉")
    assert await FeedReader().read(raw, BERLIN) == read_feed(raw, BERLIN)
