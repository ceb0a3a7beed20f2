"""What business time costs: additions over a year's calendar, a span of ten years, and taking a snapshot."""

import os
import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from zoneinfo import available_timezones

from services.assignment.calendar_resolution import expand_holidays, resolve
from shared.contracts.calendars import AnyCalendar, BusinessCalendar
from shared.domain.business_time import add_business_time, business_time_between
from tests.load.report import Budget, Report, Table

METHOD = """\
German office hours (9:00-12:30 and 13:30-17:00, Monday to Friday) with the country's public holidays of eleven years as
dates, once as people state the calendar and once as the snapshot that travels into workflows. One process, nothing else
measured; times are CPU time of one core, medians over rounds. Additions start at random seconds of a year and run for
random seconds up to 30 days. *Cold* means a calendar object never asked before, so that everything is computed; *cold,
new zone* that no calendar of its time zone was ever asked in this process either; *warm* asks the same again."""
BEGIN = datetime(2026, 11, 23, 12, tzinfo=UTC)
END = BEGIN.replace(year=BEGIN.year + 10)
OFFICE = {day: [["09:00", "12:30"], ["13:30", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
BERLIN = "Europe/Berlin"
Addition = tuple[datetime, timedelta]


def office(zone: str = BERLIN) -> BusinessCalendar:
    """The calendar, its holidays dated."""
    stated = {"timezone": zone, "weekly": OFFICE, "holiday_country": "DE"}
    return expand_holidays(BusinessCalendar.model_validate(stated), range(BEGIN.year, END.year + 1))


def snapshot(zone: str = BERLIN) -> AnyCalendar:
    """The same, resolved."""
    return resolve(office(zone), "office", 1, BEGIN)


KINDS: dict[str, Callable[[str], AnyCalendar]] = {"as stated": office, "snapshot": snapshot}


def milliseconds(work: Callable[..., object], *arguments: object) -> float:
    """CPU time of one call."""
    started = time.process_time()
    work(*arguments)
    return (time.process_time() - started) * 1000


def additions(count: int) -> list[Addition]:
    """The same ones in every run."""
    dice = random.Random(7)
    year, month = 365 * 86_400, 30 * 86_400
    return [
        (BEGIN + timedelta(seconds=dice.randrange(year)), timedelta(seconds=dice.randint(1, month)))
        for _ in range(count)
    ]


def rates(make: Callable[[str], AnyCalendar], asked: Sequence[Addition], rounds: int) -> list[float]:
    """The cost of a calendar's first addition in ms, then additions per second: cold, and warm."""
    first: list[float] = []
    cold: list[float] = []
    warm: list[float] = []

    def add_all(calendar: AnyCalendar) -> None:
        for start, duration in asked:
            add_business_time(calendar, start, duration)

    for _ in range(rounds):
        calendar, other = make(BERLIN), make(BERLIN)
        first.append(milliseconds(add_business_time, other, *asked[0]))
        for found in (cold, warm):
            found.append(len(asked) / milliseconds(add_all, calendar) * 1000)
    return [median(first), median(cold), median(warm)]


def decade(make: Callable[[str], AnyCalendar], zones: Sequence[str]) -> dict[str, list[float]]:
    """Milliseconds for ten years between, and for ten years' worth added: cold in a new zone, cold, and warm."""
    worth = business_time_between(office(), BEGIN, END)
    questions: dict[str, Callable[[AnyCalendar], object]] = {
        "between": lambda calendar: business_time_between(calendar, BEGIN, END),
        "add": lambda calendar: add_business_time(calendar, BEGIN, worth),
    }
    found: dict[str, list[list[float]]] = {name: [] for name in questions}
    unseen = iter(zones)
    for _ in range(len(zones) // len(questions)):
        for name, ask in questions.items():
            zone = next(unseen)
            new_zone, new_object = make(zone), make(zone)
            found[name].append([milliseconds(ask, asked) for asked in (new_zone, new_object, new_object)])
    return {name: [median(column) for column in zip(*rows, strict=True)] for name, rows in found.items()}


async def run() -> Report:
    """About half a minute."""
    rounds, count = int(os.environ.get("BENCH_ROUNDS", "9")), int(os.environ.get("BENCH_ADDITIONS", "10000"))
    zones = [zone for zone in sorted(available_timezones()) if zone.startswith("Europe/") and zone != BERLIN]
    milliseconds(office)  # reading the country's rules is no part of any figure
    rate = {kind: rates(make, additions(count), rounds) for kind, make in KINDS.items()}
    spans = {kind: decade(make, zones[nth::2]) for nth, (kind, make) in enumerate(KINDS.items())}
    snapshots = [milliseconds(snapshot) for _ in range(rounds)]
    plain = [milliseconds(office) for _ in range(rounds)]
    return _report(rate, spans, median(snapshots) - median(plain), median(plain), count)


def _report(
    rate: dict[str, list[float]],
    spans: dict[str, dict[str, list[float]]],
    resolving: float,
    expanding: float,
    count: int,
) -> Report:
    report = Report("business_time", "The cost of business time", METHOD)
    report.tables = [
        Table(
            f"{count} additions over a year's calendar, one core",
            ("calendar", "first addition, ms", "per second, cold", "per second, warm"),
            [[kind, *found] for kind, found in rate.items()],
        ),
        Table(
            "A span of ten years, ms",
            ("calendar", "question", "cold, new zone", "cold", "warm"),
            [[kind, name, *found] for kind, asked in spans.items() for name, found in asked.items()],
        ),
        Table(
            "Before a ticket starts, ms",
            ("what", "time"),
            [["a country's holidays of eleven years as dates", expanding], ["a snapshot of ten years", resolving]],
        ),
    ]
    worst = [
        max(column) for column in zip(*(found for asked in spans.values() for found in asked.values()), strict=True)
    ]
    report.budgets = [
        Budget("additions per second on one core, cold", min(found[1] for found in rate.values()), ">=", 10_000),
        Budget("additions per second on one core, warm", min(found[2] for found in rate.values()), ">=", 10_000),
        Budget("ten years, cold in a new zone, ms", worst[0], "<", 5),
        Budget("ten years, cold, ms", worst[1], "<", 5),
        Budget("ten years, warm, ms", worst[2], "<", 5),
    ]
    return report
