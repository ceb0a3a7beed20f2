"""Gauges that are looked up when somebody reads `/metrics`: an idle system measures nothing."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from prometheus_client import Gauge

Measure = Callable[[], Awaitable[None]]
FRESH_SECONDS = 10.0
"""However many read, each gauge is looked up at most this often."""
WITHIN_SECONDS = 2.0
"""A measure that takes longer is given up: metrics must not wait for what hangs."""
MEASURE_FAILED = Gauge(
    "everdesk_measure_failed", "1 while gauges could not be looked up and keep their last value", ("measure",)
)


class Measures:
    """The measures of one process, by name."""

    def __init__(self, measures: Mapping[str, Measure]) -> None:
        self._measures = measures
        self._lock = asyncio.Lock()
        self._at = float("-inf")

    async def refresh(self) -> None:
        """Looks everything up anew, unless that was done just now. Never raises: what fails is told as a metric."""
        async with self._lock:
            if time.monotonic() - self._at < FRESH_SECONDS:
                return
            await asyncio.gather(*(_look(name, measure) for name, measure in self._measures.items()))
            self._at = time.monotonic()


async def _look(name: str, measure: Measure) -> None:
    failed = 0
    try:
        async with asyncio.timeout(WITHIN_SECONDS):
            await measure()
    except Exception:  # noqa: BLE001 - whatever it is, the gauges are not known
        failed = 1
    MEASURE_FAILED.labels(name).set(failed)
