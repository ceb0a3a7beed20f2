"""How the demonstration looks: calm and aligned on a terminal, plain text anywhere else."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.text import Text

INDENT = " " * 6
_STATE_STYLES = {"met": "green", "running": "cyan", "paused": "yellow", "breached": "bold red", "cancelled": "dim"}
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def format_state(seconds: float) -> str:
    """A duration in its two largest units: `14 min 59 s`."""
    if seconds < 0:
        return f"-{format_state(-seconds)}"
    if seconds < 60:
        return f"{seconds:.1f} s" if 0 < seconds < 10 else f"{seconds:.0f} s"
    left = int(seconds)
    parts: list[str] = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if part)


def state_of(clock: Mapping[str, Any]) -> str:
    """`running` or `paused`; once settled, how it ended."""
    return str(clock["outcome"] if clock["state"] == "settled" else clock["state"])


def clock_line(clock: Mapping[str, Any]) -> str:
    """One SLA clock: used, target, left."""
    used, target = float(clock["elapsed"]), float(clock["target"])
    name = str(clock["metric"]).replace("_", " ")
    name = f"{name} {clock['cycle']}" if clock["cycle"] > 1 else name
    left = format_state(target - used) if clock["state"] != "settled" else "-"
    return f"{name:<18} used {format_state(used):>11}   target {format_state(target):>11}   left {left:>13}"


class DemoConsole:
    """Writes the story down, a numbered step at a time."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, markup=False, soft_wrap=True)
        self._steps = 0

    def title(self, line: str, below: str = "") -> None:
        """The heading of a run."""
        self._line()
        self._line(line, "bold")
        if below:
            self._line(below, "dim")
        self._line()

    def step(self, said: str, ticket: Mapping[str, Any] | None = None) -> None:
        """What has just happened, and where the ticket stands after it."""
        self._steps += 1
        line = Text(f"{self._steps:>4}  {said:<70}")
        if ticket:
            line.append(f" {ticket['status']:<9}", style="bold")
            line.append(f" {ticket['priority']}", style="dim")
        self.console.print(line)
        self.clocks(ticket or {})

    def clocks(self, ticket: Mapping[str, Any]) -> None:
        """Every clock of the ticket, if it has any yet."""
        for clock in (ticket.get("sla") or {}).get("clocks", ()):
            state = state_of(clock)
            line = Text(f"{INDENT}{clock_line(clock)}   ", style="dim" if clock["state"] == "settled" else "")
            self.console.print(line.append(state, style=_STATE_STYLES.get(state, "")))

    def detail(self, line: str) -> None:
        """Something about the step above."""
        self._line(f"{INDENT}{line}", "dim")

    def table(self, heading: str, rows: Iterable[Sequence[object]]) -> None:
        """Rows in columns as wide as they need."""
        cells = [[str(cell) for cell in row] for row in rows]
        widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))] if cells else []
        self._line()
        self._line(heading, "bold")
        for row in cells:
            self._line("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

    def done(self, line: str) -> None:
        """The last word, if all went well."""
        self._line()
        self._line(line, "bold green")

    def failed(self, what: str) -> None:
        """The last word, if something did not."""
        self._line()
        self._line(what, "bold red")

    def _line(self, line: str = "", style: str = "") -> None:
        self.console.print(Text(line, style=style))


def seconds(duration: timedelta) -> str:
    """How long something took, for closing lines."""
    return f"{duration.total_seconds():.1f} s"
