"""A worker frees the tickets that leave its cache."""

import subprocess
import sys

import pytest

PASSING_THROUGH = """
import sys, weakref
from collections import deque
from shared.kit.garbage import tune_gc

class Ticket:
    def __init__(self):
        self.own = [[self] for _ in range(180)]

tune_gc(has_old_cycles=sys.argv[1] == "worker")
cache, known, most = deque(maxlen=200), weakref.WeakSet(), 0
for _ in range(6000):
    cache.append(Ticket())
    known.add(cache[-1])
    most = max(most, len(known))
print(most)
"""


@pytest.mark.parametrize(("process", "least", "most"), [("worker", 200, 1500), ("service", 2000, 6000)])
def test_objects_that_lived_long_and_refer_to_each_other_are_freed_in_a_worker(
    process: str, least: int, most: int
) -> None:
    told = subprocess.run(
        [sys.executable, "-c", PASSING_THROUGH, process], capture_output=True, text=True, check=True, timeout=60
    )
    assert least <= int(told.stdout) <= most
