"""What a fixed piece of work costs while a round is played: a busy machine makes everything dearer, this too."""

import json
import time
from multiprocessing import Event, Process, Queue
from multiprocessing.synchronize import Event as EventType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Samples = Queue[float]

EVERY = 0.4
DOCUMENT = {"a": list(range(200)), "b": {f"x{number}": "y" * 20 for number in range(100)}}


class Calibration:
    """CPU milliseconds of the same work, measured by a process beside the others since the last `restart`."""

    def __init__(self) -> None:
        self._stop: EventType = Event()
        self._samples: Samples = Queue()
        self._process = Process(target=_sample, args=(self._stop, self._samples), daemon=True)
        self._process.start()

    def restart(self) -> None:
        """Counts from now."""
        self._taken()

    def read(self) -> float:
        """The mean since; waits for a first sample if there is none yet."""
        found = self._taken() or [self._samples.get(timeout=10)]
        return sum(found) / len(found)

    def close(self) -> None:
        """Ends the process."""
        self._stop.set()
        self._process.join(5)

    def _taken(self) -> list[float]:
        found = []
        while not self._samples.empty():
            found.append(self._samples.get())
        return found


def _sample(stop: EventType, samples: "Samples") -> None:
    while not stop.is_set():
        started = time.process_time()
        for _ in range(60):
            json.loads(json.dumps(DOCUMENT))
        samples.put((time.process_time() - started) * 1000)
        time.sleep(EVERY)
