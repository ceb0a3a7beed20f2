"""The buckets that durations are counted in: those of the histogram, and finer ones within them for percentiles."""

import struct
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

MINUTE, HOUR, DAY = 60, 3_600, 86_400
HISTOGRAM: Final[tuple[int, ...]] = (
    *(MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR),
    *(DAY, 2 * DAY, 4 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY),
)
"""Where a bucket of the histogram ends and the next begins, in seconds."""
RATIO: Final = 1.04
"""A fine bucket ends at most this many times later than it begins, but for those below a minute."""


def _fine() -> tuple[float, ...]:
    bounds = [float(second) for second in range(1, MINUTE)]
    for start, end in pairwise(HISTOGRAM):
        steps = 1
        while (end / start) ** (1 / steps) > RATIO:
            steps += 1
        bounds += [round(start * (end / start) ** (step / steps), 3) for step in range(steps)]
    last = HISTOGRAM[-1]
    return (*bounds, *(last * RATIO**step for step in range(60)))


FINE: Final = _fine()
"""Where fine buckets begin; the first, number 0, begins at 0. Every bound of the histogram is one of them."""

LANE: Final = 4
"""Bytes of one bucket's count where all buckets are kept, big-endian, as PostgreSQL sends an integer."""
DENSE: Final = 100
"""Filled buckets from which on all are kept as bytes too."""


def added_up(histograms: Iterable[bytes]) -> Counter[int]:
    """The counts per bucket of histograms that are kept as bytes.

    Each is one large number: no bucket overflows into the next below four thousand million durations.
    """
    total = sum(int.from_bytes(one) for one in histograms)
    counts = struct.unpack(f">{len(FINE) + 1}I", total.to_bytes(LANE * (len(FINE) + 1)))
    return Counter({bucket: count for bucket, count in enumerate(counts) if count})


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """The value below which a share of the counted durations lies, interpolated within its fine bucket."""
    total = sum(counts.values())
    if not total:
        return None
    rank, passed = share * (total - 1), 0
    for bucket in sorted(counts):
        inside = counts[bucket]
        if rank < passed + inside:
            start = FINE[bucket - 1] if bucket else 0.0
            end = FINE[bucket] if bucket < len(FINE) else start * RATIO
            return start + (end - start) * (rank - passed + 0.5) / inside
        passed += inside
    return FINE[max(counts) - 1]


def histogram(counts: Mapping[int, int]) -> list[int]:
    """How many durations lie in each bucket of the histogram: one more than it has bounds."""
    found = [0] * (len(HISTOGRAM) + 1)
    for bucket, count in counts.items():
        found[bisect_right(HISTOGRAM, FINE[bucket - 1] if bucket else 0.0)] += count
    return found


def spans() -> Sequence[tuple[int, int | None]]:
    """The buckets of the histogram, each from its beginning up to, not including, its end; the last has none."""
    return list(zip((0, *HISTOGRAM), (*HISTOGRAM, None), strict=True))
