"""Counts failed authentication attempts and locks, in the database, so that replicas and restarts share them."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from services.assignment.models import LoginAttempt
from shared.kit.db import Session

FIRST_LOCK = timedelta(minutes=15)
LONGEST_LOCK = timedelta(hours=24)
FORGET_AFTER = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Subject:
    """What failures are counted for, and how many are allowed before the first lock."""

    digest: bytes
    tries: int


def subject_of(kind: str, *parts: str, tries: int) -> Subject:
    """A digest of the subject, so that the table does not list addresses."""
    return Subject(hashlib.sha256("\n".join((kind, *parts)).encode()).digest(), tries)


@dataclass(frozen=True, slots=True)
class Counted:
    """The result of counting an attempt."""

    holds_until: datetime | None = None
    """A lock that was there already; then nothing was counted."""
    locks: Mapping[str, datetime | None] = field(default_factory=dict)
    """The lock that this very attempt set, by the subject's name."""


async def count_attempt(session: Session, subjects: Mapping[str, Subject], now: datetime) -> Counted:
    """Counts one failure per subject, unless a lock is in force.

    Rows are locked per subject, so that parallel attempts at many accounts from one address see each other's counts. It
    is called before the credential is checked, so that parallel attempts cannot get past the limit.
    """
    digests = {one.digest for one in subjects.values()}
    for key in sorted(int.from_bytes(digest[:8], "big", signed=True) for digest in digests):
        await session.execute(select(func.pg_advisory_xact_lock(key)))
    attempts = await session.scalars(select(LoginAttempt).where(LoginAttempt.subject.in_(digests)))
    known = {attempt.subject: attempt for attempt in attempts}
    locks = [one.locked_until for one in known.values() if one.locked_until and one.locked_until > now]
    if locks:
        return Counted(holds_until=max(locks))
    set_by_this: dict[str, datetime | None] = {}
    for name, subject in sorted(subjects.items(), key=lambda item: item[1].digest):
        failures = known[subject.digest].failures + 1 if subject.digest in known else 1
        lasts = lock_after(failures, subject.tries)
        set_by_this[name] = now + lasts if lasts else None
        values = {"failures": failures, "last_at": now, "locked_until": set_by_this[name]}
        counted = insert(LoginAttempt).values(subject=subject.digest, **values)
        await session.execute(counted.on_conflict_do_update(index_elements=["subject"], set_=values))
    return Counted(locks=set_by_this)


async def find_lock(session: Session, subjects: Iterable[Subject], now: datetime) -> datetime | None:
    """The end of the longest lock in force; counts nothing and waits for nobody."""
    digests = [one.digest for one in subjects]
    query = select(func.max(LoginAttempt.locked_until))
    found: datetime | None = await session.scalar(
        query.where(LoginAttempt.subject.in_(digests), LoginAttempt.locked_until > now)
    )
    return found


async def forget_failures(session: Session, *subjects: Subject) -> None:
    """Resets the failures and locks of subjects."""
    await session.execute(delete(LoginAttempt).where(LoginAttempt.subject.in_([one.digest for one in subjects])))


async def take_back(session: Session, subject: Subject, set_lock: datetime | None) -> None:
    """Uncounts one attempt that succeeded, with the lock that it set.

    Locks that others' failures set in the meantime stay in force.
    """
    theirs = LoginAttempt.subject == subject.digest
    fewer = func.greatest(LoginAttempt.failures - 1, 0)
    await session.execute(update(LoginAttempt).where(theirs).values(failures=fewer))
    if set_lock is not None:
        is_own = LoginAttempt.locked_until == set_lock
        await session.execute(update(LoginAttempt).where(theirs, is_own).values(locked_until=None))


def seconds_until(instant: datetime, now: datetime) -> int:
    """Whole seconds until an instant, at least one, for `Retry-After`."""
    return max(1, round((instant - now).total_seconds()))


def lock_after(failures: int, tries: int) -> timedelta | None:
    """The length of the lock after the n-th failure: set every `tries` failures, doubled each time."""
    if failures % tries:
        return None
    doublings = min(failures // tries - 1, 10)
    return min(FIRST_LOCK * (1 << doublings), LONGEST_LOCK)
