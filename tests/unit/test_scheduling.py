"""Which file a worker of the tests takes next."""

from tests.support.scheduling import next_file

MAIL, LIFE, CHAOS = "tests/e2e/test_mail.py", "tests/e2e/test_whole_life.py", "tests/chaos/test_kill_anything.py"
ROUTES, WORDS = "tests/services/assignment/routing/test_triage.py", "tests/services/assignment/test_words.py"
UNIT = "tests/unit/test_routing.py"


def test_dear_files_come_first() -> None:
    assert next_file([UNIT, LIFE, CHAOS], []) == CHAOS


def test_a_started_system_is_used_up_before_anything_else() -> None:
    assert next_file([CHAOS, MAIL, UNIT], [LIFE]) == MAIL


def test_no_second_system_is_started_while_there_is_other_work() -> None:
    assert next_file([MAIL, CHAOS, UNIT], [], [LIFE]) == CHAOS
    assert next_file([MAIL, UNIT], [], [LIFE]) == UNIT
    assert next_file([MAIL], [], [LIFE]) == MAIL


def test_cheap_files_follow_the_engines_that_run_already() -> None:
    assert next_file([UNIT, WORDS], [ROUTES]) == WORDS
