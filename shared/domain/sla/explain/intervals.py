"""Tells the stretches of a clock as intervals: window by window where that is short, in larger pieces where not."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain, islice

from shared.contracts.calendars import ResolvedCalendar
from shared.domain.business_time import NeverCloses, NoOpenTime, business_time_between, next_closing, next_opening
from shared.domain.sla.clock import ZERO
from shared.domain.sla.explain.values import NOBODY, Holder, Interval, Share, Why
from shared.domain.sla.explain.watch import Stretch

MOST = 120
"""Intervals told of one clock."""
PIECES = (None, timedelta(days=1), timedelta(days=7), timedelta(days=28), timedelta(days=364), timedelta.max)
"""How finely: by window, else by so much time at once."""


def intervals_of(stretches: Sequence[Stretch]) -> tuple[Interval, ...]:
    """At most MOST intervals; their `added` sums exactly to the clock's elapsed time however coarse they are."""
    for piece in PIECES:
        pieces = chain.from_iterable(_pieces(stretch, piece) for stretch in stretches)
        found = list(islice(_joined(pieces), MOST + 1))
        if len(found) <= MOST:
            return tuple(found)
    every = list(_joined(chain.from_iterable(_pieces(stretch, PIECES[-1]) for stretch in stretches)))
    kept = MOST // 2
    return (*every[:kept], _as_one(every[kept : 1 - kept]), *every[1 - kept :])


def shares_of(stretches: Sequence[Stretch]) -> tuple[Share, ...]:
    """What each holder had, who came first first."""
    added: dict[Holder, timedelta] = {}
    paused: dict[Holder, timedelta] = {}
    for stretch in stretches:
        spent, other = (added, paused) if stretch.paused is None else (paused, added)
        spent[stretch.held_by] = spent.get(stretch.held_by, ZERO) + stretch.open_time()
        other.setdefault(stretch.held_by, ZERO)
    return tuple(Share(held_by, added[held_by], paused[held_by]) for held_by in added if held_by is not NOBODY)


def _pieces(stretch: Stretch, piece: timedelta | None) -> Iterator[Interval]:
    if stretch.paused is not None:
        yield Interval(
            stretch.since, stretch.until, counts=False, why=stretch.paused, added=ZERO, held_by=stretch.held_by
        )
        return
    spans = _windows(stretch) if piece is None else _steps(stretch.since, stretch.until, piece)
    for since, until in spans:
        added = business_time_between(stretch.policy.calendar, since, until)
        yield _interval(since, until, added, stretch.held_by)


def _interval(since: datetime, until: datetime, added: timedelta, held_by: Holder) -> Interval:
    if added == ZERO:
        return Interval(since, until, counts=False, why=Why.CLOSED_HOURS, added=ZERO, held_by=NOBODY)
    is_merged = added < until - since
    return Interval(since, until, counts=True, why=Why.OPEN_HOURS, added=added, held_by=held_by, is_merged=is_merged)


def _windows(stretch: Stretch) -> Iterator[tuple[datetime, datetime]]:
    """Open and closed by turns."""
    at, calendar = stretch.since, stretch.policy.calendar
    while at < stretch.until:
        opening = _opening(calendar, at, stretch.until)
        if at < opening:
            yield at, opening
        at = opening
        if at < stretch.until:
            closing = _closing(calendar, at, stretch.until)
            yield at, closing
            at = closing


def _opening(calendar: ResolvedCalendar, at: datetime, until: datetime) -> datetime:
    try:
        return min(next_opening(calendar, at), until)
    except NoOpenTime:
        return until


def _closing(calendar: ResolvedCalendar, at: datetime, until: datetime) -> datetime:
    if business_time_between(calendar, at, until) == until - at:
        return until
    try:
        return min(next_closing(calendar, at), until)
    except NeverCloses:
        return until


def _steps(since: datetime, until: datetime, piece: timedelta) -> Iterator[tuple[datetime, datetime]]:
    if until - since <= piece:
        yield since, until
        return
    at = since
    midnight = since.replace(hour=0, minute=0, second=0, microsecond=0)
    while at < until:
        midnight += piece
        yield at, min(midnight, until)
        at = midnight


def _joined(intervals: Iterator[Interval]) -> Iterator[Interval]:
    """Neighbours that differ in nothing are one, so that only what matters splits an interval."""
    last: Interval | None = None
    for one in intervals:
        if last is not None and _is_more_of(last, one):
            last = replace(last, until=one.until, added=last.added + one.added)
            continue
        if last is not None:
            yield last
        last = one
    if last is not None:
        yield last


def _is_more_of(last: Interval, one: Interval) -> bool:
    return (last.why, last.held_by) == (one.why, one.held_by) and not last.is_merged and not one.is_merged


def _as_one(intervals: Sequence[Interval]) -> Interval:
    added = sum((one.added for one in intervals), ZERO)
    since, until = intervals[0].since, intervals[-1].until
    return Interval(since, until, counts=added > ZERO, why=Why.SEVERAL, added=added, held_by=NOBODY, is_merged=True)
