"""Severity of each mail, used to choose the one that is sent when several about a ticket coincide."""

from datetime import datetime

REVISION = "revision"
"""The fact of which revision of the ticket it belongs to: steps that one command brought have the same."""
RESOLVING_REPLY = float("inf")
"""A reply that resolves its ticket: carries words, so it is always sent, and tells of the resolution."""
TRANSFERRED = 0.1
ASSIGNED = 0.2
_STEP = 1e3
_BREACH = 1e11
_OVERDUE_STEP = 1e12
_MOST_REPETITIONS = 1000


def of_breach(due_at: datetime) -> float:
    """Severity of a breach: above every warning; the longest overdue is the most severe."""
    return _BREACH - due_at.timestamp()


def of_step(step: int, repetition: int, *, is_overdue: bool) -> float:
    """Severity of an escalation step: above warnings, above a breach if the clock is overdue; rising by step."""
    place = step + min(repetition, _MOST_REPETITIONS - 1) / _MOST_REPETITIONS
    return (_OVERDUE_STEP if is_overdue else _STEP) + place
