"""Which file a worker of the tests takes next."""

from pathlib import Path

import pytest

from tests.support.scheduling import DEAR, DIVIDED, SECONDS, CostScheduling, next_file

MAIL, LIFE, CHAOS = "tests/e2e/test_mail.py", "tests/e2e/test_whole_life.py", "tests/chaos/test_kill_anything.py"
ROUTES, WORDS = "tests/services/assignment/routing/test_triage.py", "tests/services/assignment/test_words.py"
UNIT = "tests/unit/test_routing.py"


def test_dear_files_come_first() -> None:
    assert next_file([UNIT, LIFE, CHAOS], []) == max((LIFE, CHAOS), key=SECONDS.__getitem__)


def test_a_started_system_is_used_up_before_anything_else() -> None:
    assert next_file([CHAOS, MAIL, UNIT], [LIFE]) == MAIL


def test_no_second_system_is_started_while_there_is_other_work() -> None:
    assert next_file([MAIL, CHAOS, UNIT], [], [LIFE]) == CHAOS
    assert next_file([MAIL, UNIT], [], [LIFE]) == UNIT
    assert next_file([MAIL], [], [LIFE]) == MAIL


def test_cheap_files_follow_the_engines_that_run_already() -> None:
    assert next_file([UNIT, WORDS], [ROUTES]) == WORDS


def test_a_file_that_is_a_little_dearer_comes_first_in_its_room_only() -> None:
    long, short = "tests/workflows/test_long_ticket.py", "tests/workflows/test_answers.py"
    assert SECONDS[long] < DEAR
    assert next_file([short, long], [short]) == long
    assert next_file([WORDS, long], [ROUTES]) == WORDS


def test_tests_of_a_divided_file_are_units_as_dear_as_the_file() -> None:
    config = pytest.Config.fromdictargs({"dist": "loadfile", "tx": ["popen", "popen"]}, [])
    scheduling = CostScheduling(config)
    (file,) = [one for one in DIVIDED if one.endswith("test_ticket_scopes.py")]
    assert scheduling._split_scope(f"{file}::test_one[ticket.view-all]") == f"{file}::test_one[ticket.view-all]"
    assert scheduling._split_scope(f"{ROUTES}::test_one") == ROUTES
    assert next_file([WORDS, f"{file}::test_one"], [ROUTES]) == f"{file}::test_one"


def test_the_tables_name_files_that_exist() -> None:
    root = Path(__file__).resolve().parents[2]
    assert [file for file in {*SECONDS, *DIVIDED} if not (root / file).is_file()] == []
