"""Waiting ends as soon as it may and no later than it must; counting and wording are exact."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from deploy.demo import mails
from deploy.demo.attainment import reported, verdicts_of
from deploy.demo.bulk.bounded_map import map_bounded
from deploy.demo.checks import StepFailed, brief, equal, until
from deploy.demo.console import clock_line, format_state
from deploy.local.errors import LocalStackError
from deploy.local.running_stack import RunningStack
from tests.demo.examples import clock, mail, ticket


async def test_waiting_returns_what_was_seen_when_it_held() -> None:
    seen = iter([1, 2, 3, 4])

    async def look() -> int:
        return next(seen)

    assert await until("three", look, lambda value: value == 3, 3) == 3


async def test_waiting_in_vain_says_what_was_expected_and_found() -> None:
    async def look() -> str:
        return "new"

    with pytest.raises(StepFailed, match=r"(?s)the status.*expected  open.*found     new"):
        await until("the status", look, lambda value: value == "open", "open", within=0)


def test_a_step_that_is_wrong_says_what_was_found() -> None:
    with pytest.raises(StepFailed, match="found     403"):
        equal("a reply", 403, 200)


def test_a_ticket_is_told_in_one_line() -> None:
    told = brief({"number": "7", "status": "new", "revision": 0, "assignee": None, "rest": "x" * 5000})
    assert told == "ticket 7: new, revision 0, assigned to nobody"


def test_without_a_stack_the_message_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match="make run"):
        RunningStack.load(tmp_path)


def test_an_unreadable_description_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text("{}", encoding="utf-8")
    with pytest.raises(LocalStackError, match="does not describe a stack"):
        RunningStack.load(tmp_path)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.04, "0.0 s"),
        (9.96, "10.0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (899, "14 min 59 s"),
        (3600, "1 h"),
        (28_799.5, "7 h 59 min"),
        (90_000, "1 d 1 h"),
        (86_460, "1 d"),
        (-75, "-1 min 15 s"),
    ],
)
def test_durations_are_told_in_their_two_largest_units(seconds: float, words: str) -> None:
    assert format_state(seconds) == words


def test_a_settled_clock_has_nothing_left() -> None:
    assert clock_line(clock("resolution", cycle=2)).split() == [
        *("resolution", "2", "used", "4.0", "s", "target", "15", "min", "left", "-"),
    ]


def test_the_report_and_the_clocks_are_counted_alike() -> None:
    row = {"met": 1, "breached": 0, "cancelled": 0}
    report = {"total": [row | {"metric": "first_response"}, row | {"metric": "resolution"}]}
    assert reported(report) == verdicts_of([ticket()])
    assert verdicts_of([ticket(), ticket()]).total() == 4


def test_a_mail_that_was_not_sent_does_not_count_as_sent() -> None:
    row = {"template": "reply", "address": "sam@example.org", "status": "sent"}
    assert mails.in_ledger([row]) == Counter({("reply", "sam@example.org"): 1})
    assert mails.in_ledger([row | {"status": "failed"}]) == Counter({("reply (failed)", "sam@example.org"): 1})


def test_a_message_id_that_came_twice_is_named() -> None:
    assert mails.repeated([mail("1", "<a@x>"), mail("1", "<b@x>"), mail("1", "<a@x>")]) == ["<a@x>"]


async def test_work_keeps_its_order_and_its_bound() -> None:
    running: set[int] = set()
    most, done = 0, 0

    async def work(item: int) -> int:
        nonlocal most
        running.add(item)
        most = max(most, len(running))
        await _turn()
        running.remove(item)
        return item * item

    def count() -> None:
        nonlocal done
        done += 1

    assert await map_bounded(range(20), work, 3, count) == [item * item for item in range(20)]
    assert (most, done) == (3, 20)


async def test_the_first_failure_ends_the_work() -> None:
    async def work(item: int) -> int:
        equal("the item", item, 0)
        return item

    with pytest.raises(StepFailed):
        await map_bounded(range(5), work, 2, lambda: None)


async def _turn() -> None:
    """Lets the others run."""
    await asyncio.sleep(0)
