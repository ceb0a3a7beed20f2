"""A little work: set without memory, checked with two hashes, and worth nothing a second time."""

import time

import pytest

from services.intake.abuse.challenge import MAX_AGE, Challenges, bits_of, solve, zero_bits
from services.intake.abuse.pressure import COOLS_IN, Pressure

challenges = Challenges("a-secret-only-for-tests", bits=8)


def test_an_answered_challenge_is_recognised() -> None:
    challenge = challenges.make()
    assert challenges.is_answered(challenge, solve(challenge))


def test_challenges_differ() -> None:
    assert len({challenges.make() for _ in range(50)}) == 50


def test_a_wrong_answer_is_none() -> None:
    challenge = challenges.make()
    wrong = next(str(n) for n in range(1000) if zero_bits(challenge, str(n)) < 8)
    assert not challenges.is_answered(challenge, wrong)


@pytest.mark.parametrize("answer", ["", "-1", "1e3", "9" * 13, "१", "1\n"])
def test_an_answer_is_a_short_number(answer: str) -> None:
    assert not challenges.is_answered(challenges.make(), answer)


def test_only_our_own_challenges_count() -> None:
    easier = Challenges("another-secret", bits=1).make()
    assert not challenges.is_answered(easier, solve(easier))
    changed = "1" + challenges.make()[1:]
    assert not challenges.is_answered(changed, solve(changed))
    for forged in ("", "8-", "8-x.y.z", "x" * 500, "é" * 40):
        assert not challenges.is_answered(forged, "1")


def test_a_challenge_grows_old(monkeypatch: pytest.MonkeyPatch) -> None:
    challenge = challenges.make()
    answer, now = solve(challenge), time.time()
    monkeypatch.setattr(time, "time", lambda: now + MAX_AGE + 2)
    assert not challenges.is_answered(challenge, answer)


def test_a_challenge_says_how_hard_it_is() -> None:
    assert bits_of(Challenges("a-secret-only-for-tests", bits=22).make()) == 22


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_pressure_is_high_for_a_minute_after_it_was_too_much() -> None:
    clock = Clock()
    pressure = Pressure(per_minute=3, clock=clock)
    for _ in range(3):
        pressure.note("a")
    assert not pressure.is_high("a")
    pressure.note("a")
    assert pressure.is_high("a")
    assert not pressure.is_high("b")
    clock.now += COOLS_IN - 1
    assert pressure.is_high("a")
    clock.now += 2
    assert not pressure.is_high("a")


def test_what_counts_several_times_is_too_much_sooner() -> None:
    pressure = Pressure(per_minute=10, clock=Clock())
    for _ in range(3):
        pressure.note("a", times=3)
    assert not pressure.is_high("a")
    pressure.note("a", times=3)
    assert pressure.is_high("a")
