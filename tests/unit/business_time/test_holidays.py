"""An import adds what is missing, keeps what people entered, and takes back only what it may."""

from datetime import date

import pytest

from shared.contracts.calendars import Holiday
from shared.domain.holidays import plan_import

SINCE = date(2026, 1, 1)


def day(text: str, *hours: tuple[str, str], name: str | None = None) -> Holiday:
    return Holiday(date=date.fromisoformat(text), hours=hours or None, name=name)


XMAS, NEW_YEAR, OLD = day("2026-12-25", name="Christmas"), day("2027-01-01"), day("2020-12-25")
EVE, LATE_EVE = day("2026-12-24", ("13:00", "24:00")), day("2026-12-24", ("15:00", "18:00"))
CASES = {
    "merge adds": ([XMAS], [NEW_YEAR], False, [], [XMAS, NEW_YEAR], [NEW_YEAR], []),
    "merge keeps a day that is closed already": ([XMAS], [day("2026-12-25", name="Noel")], False, [], [XMAS], [], []),
    "merge keeps hours that are closed already": ([EVE], [LATE_EVE], False, [], [EVE], [], []),
    "merge closes more of a day": ([LATE_EVE], [EVE], False, [], [LATE_EVE, EVE], [EVE], []),
    "merge closes the rest of a day": (
        [EVE],
        [day("2026-12-24")],
        False,
        [],
        [EVE, day("2026-12-24")],
        [day("2026-12-24")],
        [],
    ),
    "merge takes back what the feed brought": ([XMAS, NEW_YEAR], [XMAS], False, [NEW_YEAR], [XMAS], [], [NEW_YEAR]),
    "merge changes nothing when the feed says the same": ([XMAS], [XMAS], False, [XMAS], [XMAS], [], []),
    "merge never takes back the past": ([OLD, XMAS], [XMAS], False, [OLD], [OLD, XMAS], [], []),
    "replace drops the rest": ([XMAS, EVE], [NEW_YEAR], True, [], [NEW_YEAR], [NEW_YEAR], [XMAS, EVE]),
    "replace keeps the past": ([OLD, XMAS], [NEW_YEAR], True, [], [OLD, NEW_YEAR], [NEW_YEAR], [XMAS]),
    "replace by nothing": ([XMAS], [], True, [], [], [], [XMAS]),
}


@pytest.mark.parametrize(
    ("own", "imported", "replace", "earlier", "after", "added", "removed"), CASES.values(), ids=CASES
)
def test_a_plan(
    own: list[Holiday],
    imported: list[Holiday],
    replace: bool,
    earlier: list[Holiday],
    after: list[Holiday],
    added: list[Holiday],
    removed: list[Holiday],
) -> None:
    plan = plan_import(own, imported, SINCE, replace=replace, earlier=earlier)
    assert (list(plan.holidays), list(plan.added), list(plan.removed)) == (after, added, removed)
    assert set(plan.kept) == set(own) & set(after)
    again = plan_import(plan.holidays, imported, SINCE, replace=replace, earlier=plan.taken)
    assert (again.added, again.removed) == ((), ())
