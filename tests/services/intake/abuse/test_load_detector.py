"""Load is what comes faster than usual, and it is remembered for a minute."""

from services.intake.abuse.load_detector import WINDOW_SECONDS, LoadDetector


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_pressure_is_high_for_a_minute_after_it_was_too_much() -> None:
    clock = Clock()
    pressure = LoadDetector(per_minute=3, clock=clock)
    for _ in range(3):
        pressure.count("a")
    assert not pressure.is_high("a")
    pressure.count("a")
    assert pressure.is_high("a")
    assert not pressure.is_high("b")
    clock.now += WINDOW_SECONDS - 1
    assert pressure.is_high("a")
    clock.now += 2
    assert not pressure.is_high("a")


def test_what_counts_several_times_is_too_much_sooner() -> None:
    pressure = LoadDetector(per_minute=10, clock=Clock())
    for _ in range(3):
        pressure.count("a", times=3)
    assert not pressure.is_high("a")
    pressure.count("a", times=3)
    assert pressure.is_high("a")
