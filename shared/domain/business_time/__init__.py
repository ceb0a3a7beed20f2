"""Business time: how much of the time that passes counts, and when it will have passed (DESIGN §4.7)."""

from shared.domain.business_time.arithmetic import (
    add_business_time,
    business_time_between,
    is_open,
    next_closing,
    next_opening,
)
from shared.domain.business_time.errors import (
    HolidaysNotExpanded,
    InstantOutOfRange,
    NaiveInstant,
    NegativeDuration,
    NeverCloses,
    NoOpenTime,
)
from shared.domain.business_time.working_days import add_working_days

__all__ = [
    "HolidaysNotExpanded",
    "InstantOutOfRange",
    "NaiveInstant",
    "NegativeDuration",
    "NeverCloses",
    "NoOpenTime",
    "add_business_time",
    "add_working_days",
    "business_time_between",
    "is_open",
    "next_closing",
    "next_opening",
]
