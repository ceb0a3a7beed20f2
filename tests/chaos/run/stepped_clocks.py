"""Clocks that can be stepped while a process runs, by libfaketime where it is installed (`apt install faketime`)."""

from dataclasses import dataclass
from pathlib import Path

LIBRARY = "*/faketime/libfaketime.so.1"


@dataclass(frozen=True, slots=True)
class SteppedClock:
    """Of one process."""

    file: Path

    def environment(self, library: Path) -> dict[str, str]:
        """The monotonic clock, which timeouts go by, is left alone, as a step leaves it."""
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def step(self, seconds: float) -> None:
        """From now on so far from the right time; 0 puts it right."""
        making = self.file.with_suffix(".making")
        making.write_text(f"{seconds:+.0f}s\n")
        making.rename(self.file)


def find_library() -> Path | None:
    """Where libfaketime is, if it is."""
    return next(iter(sorted(Path("/usr/lib").glob(LIBRARY))), None)
