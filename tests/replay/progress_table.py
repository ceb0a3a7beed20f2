"""Shows while it runs how far the replay is: a line of a table every few seconds."""

import time
from dataclasses import dataclass, field

from tests.replay.totals import Tally

EVERY_SECONDS = 5.0
COLUMNS = (
    ("run", 5),
    ("time", 7),
    ("incidents", 15),
    ("played up to", 16),
    ("deeds", 15),
    ("verdicts equal", 14),
    ("mismatches", 10),
    ("deeds/s", 7),
    ("left", 7),
)


@dataclass
class Board:
    """The table of one run."""

    run: str
    tally: Tally
    started: float = field(default_factory=time.monotonic)
    shown: float = field(default_factory=time.monotonic)

    def head(self) -> None:
        """The column names."""
        print("  ".join(name.rjust(width) for name, width in COLUMNS), flush=True)

    def show(self, *, is_last: bool = False) -> None:
        """A line, unless there was one a moment ago."""
        now = time.monotonic()
        self.tally.seconds = now - self.started
        if is_last or now - self.shown >= EVERY_SECONDS:
            self.shown = now
            print(
                "  ".join(cell.rjust(width) for cell, (_, width) in zip(self.cells(), COLUMNS, strict=True)), flush=True
            )

    def cells(self) -> tuple[str, ...]:
        """What the line says."""
        tally = self.tally
        left, deeds = tally.seconds_left, str(tally.deeds)
        return (
            self.run,
            clock(tally.seconds),
            f"{tally.incidents} of {tally.of}",
            tally.instant.strftime("%Y-%m-%d %H:%M") if tally.instant else "",
            f"{deeds} of {tally.deeds_planned}" if tally.deeds_planned else deeds,
            str(tally.verdicts),
            str(len(tally.faults)),
            f"{tally.deeds / tally.seconds:.0f}" if tally.seconds else "",
            "" if left is None else clock(left),
        )


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
