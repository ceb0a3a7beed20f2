"""What a check found: how bad it is, what is the case, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Gravity(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    UNKNOWN = "unknown"
    """It could not be looked at from here."""
    WARNING = "warning"
    """Nothing is lost yet; it will get worse, or it is not as it should be."""
    ERROR = "error"
    """Something does not work, or acknowledged work can be lost."""


RANK = {gravity: place for place, gravity in enumerate(Gravity)}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    area: str
    check: str
    gravity: Gravity
    says: str
    mend: str = ""
    """What to do, as a command where there is one; empty for what is well."""

    def as_json(self) -> dict[str, str]:
        """For programs."""
        return {
            "area": self.area,
            "check": self.check,
            "gravity": self.gravity.value,
            "says": self.says,
            "mend": self.mend,
        }


def ok(area: str, check: str, says: str) -> Finding:
    """What is as it should be."""
    return Finding(area, check, Gravity.OK, says)


def bad(area: str, check: str, says: str, mend: str) -> Finding:
    """What is wrong."""
    return Finding(area, check, Gravity.ERROR, says, mend)


def doubtful(area: str, check: str, says: str, mend: str) -> Finding:
    """What will become wrong, or should be otherwise."""
    return Finding(area, check, Gravity.WARNING, says, mend)


def unknown(area: str, check: str, says: str, mend: str = "") -> Finding:
    """What could not be looked at."""
    return Finding(area, check, Gravity.UNKNOWN, says, mend)


def graded(value: float, warning: float, error: float) -> Gravity:
    """How bad a value is that should be small: an error from `error` on, a warning from `warning` on."""
    if value >= error:
        return Gravity.ERROR
    return Gravity.WARNING if value >= warning else Gravity.OK


def worst(findings: Iterable[Finding]) -> Gravity:
    """The gravest of all; ok where there are none."""
    return max((one.gravity for one in findings), key=RANK.__getitem__, default=Gravity.OK)


CLOCK_WARNING, CLOCK_ERROR = 1.0, 5.0


def clock_finding(area: str, ahead: timedelta) -> Finding:
    """What the clock of a server means that is ahead of ours by so much (behind, if negative)."""
    seconds = ahead.total_seconds()
    gravity = graded(abs(seconds), CLOCK_WARNING, CLOCK_ERROR)
    says = f"its clock is {abs(seconds):.1f} s {'ahead of' if seconds >= 0 else 'behind'} this machine's"
    if gravity is Gravity.OK:
        return ok(area, "clock", says)
    mend = "synchronise the clocks of all machines: 'timedatectl set-ntp true' (or chrony), then look again"
    return Finding(area, "clock", gravity, says, mend)
