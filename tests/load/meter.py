"""What processes cost: the CPU time and memory of each with its children, read from the outside."""

from collections.abc import Callable, Mapping
from contextlib import suppress

import psutil

Costs = dict[str, float]


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all it ever started, those that have ended included."""
    total = 0.0
    for process in _tree(pid):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


class CpuMeter:
    """CPU milliseconds per named process since the last `restart`."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._before: Costs = {}
        self.restart()

    def restart(self) -> None:
        """Counts from now."""
        self._before = {name: cpu_seconds(pid) for name, pid in self._pids.items()}

    def read(self) -> Costs:
        """Milliseconds used since."""
        return {name: (cpu_seconds(pid) - self._before[name]) * 1000 for name, pid in self._pids.items()}


def rss_megabytes(pid: int) -> float:
    """Resident memory of a process and its children; pages they share count for each."""
    return _sum(pid, lambda process: float(process.memory_info().rss))


def pss_megabytes(pid: int) -> float:
    """Memory of a process and its children, shared pages divided among those that share them."""
    return _sum(pid, lambda process: float(process.memory_full_info().pss))


def _sum(pid: int, read: Callable[[psutil.Process], float]) -> float:
    total = 0.0
    for process in _tree(pid):
        with suppress(psutil.NoSuchProcess):
            total += read(process)
    return total / 2**20


def _tree(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]
