"""Progress with rate and time left: a bar on a terminal, a line for every tenth anywhere else."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

TENTHS = 10


class ProgressMeter:
    """Counts what is done between entering and leaving."""

    def __init__(self, console: Console, what: str, total: int) -> None:
        self._console, self._what, self._total = console, what, total
        self._done = 0
        self._started = time.perf_counter()
        self._stopped: float | None = None
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("  {task.description:<10}"),
                BarColumn(40),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]:>7.1f}/s"),
                TimeRemainingColumn(compact=True),
                console=self._console,
            )
            self._task = self._bar.add_task(self._what, total=self._total, rate=0.0)
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._stopped = time.perf_counter()
        if self._bar:
            self._bar.stop()

    @property
    def rate(self) -> float:
        """Done per second, up to now or to the end."""
        return self._done / max((self._stopped or time.perf_counter()) - self._started, 1e-6)

    def one_done(self) -> None:
        """Counts one."""
        self._done += 1
        if self._bar:
            self._bar.update(self._task, completed=self._done, rate=self.rate)
        elif self._done * TENTHS // self._total > (self._done - 1) * TENTHS // self._total:
            left = (self._total - self._done) / self.rate
            done = f"{self._done}/{self._total}"
            self._console.print(f"  {self._what:<10} {done:>13}  {self.rate:7.1f}/s  {left:5.0f} s left")
