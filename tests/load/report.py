"""One shape for every benchmark's outcome: printed, kept in docs/bench, and judged against its budgets."""

import json
import operator
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from tests.load import machine

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "bench"
Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Budget:
    """A promise, and what was measured of it."""

    what: str
    measured: float
    must_be: Literal[">=", "<=", "<", "=="]
    limit: float

    @property
    def is_met(self) -> bool:
        """Whether the promise is kept."""
        compare = {">=": operator.ge, "<=": operator.le, "<": operator.lt, "==": operator.eq}[self.must_be]
        return bool(compare(self.measured, self.limit))

    @property
    def verdict(self) -> str:
        """PASS or FAIL."""
        return "PASS" if self.is_met else "FAIL"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a caption; numbers are shown with three significant digits."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def markdown(self) -> str:
        """As Markdown, aligned so that it reads well in a terminal too."""
        cells = [list(self.columns), *([shown(cell) for cell in row] for row in self.rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(self.columns))]
        lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in cells]
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        return f"**{self.caption}**\n\n" + "\n".join(lines)


@dataclass
class Report:
    """What a benchmark found."""

    name: str
    title: str
    method: str
    tables: list[Table] = field(default_factory=list)
    budgets: list[Budget] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=machine.facts)
    made_by: str = ""
    """The command, where it is not `make bench`."""

    @property
    def command(self) -> str:
        """What made it, with the settings that differ from the usual ones."""
        given = [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("BENCH_")]
        return self.made_by or " ".join([*given, "make bench", f"ARGS={self.name}"])

    @property
    def is_met(self) -> bool:
        """Whether every budget is kept."""
        return all(budget.is_met for budget in self.budgets)

    def markdown(self) -> str:
        """The whole report."""
        judged = Table(
            "Budgets",
            ("budget", "measured", "must be", "verdict"),
            [(b.what, b.measured, f"{b.must_be} {shown(b.limit)}", b.verdict) for b in self.budgets],
        )
        parts = [
            f"# {self.title}",
            f"Made by `{self.command}`. " + "; ".join(f"{k}: {v}" for k, v in self.facts.items()) + ".",
            self.method,
            *([judged.markdown()] if self.budgets else []),
            *(table.markdown() for table in self.tables),
            *(["\n".join(f"- {note}" for note in self.notes)] if self.notes else []),
        ]
        return "\n\n".join(parts) + "\n"

    def publish(self) -> None:
        """Prints it and keeps it beside the others."""
        text = self.markdown()
        print(f"\n{text}", flush=True)
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / f"{self.name}.md").write_text(text, encoding="utf-8")
        values = asdict(self) | {"command": self.command, "is_met": self.is_met}
        (FOLDER / f"{self.name}.json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def shown(cell: Cell) -> str:
    """A cell as text."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.0f}" if abs(cell) >= 100 else f"{cell:.3g}" if abs(cell) < 10 else f"{cell:.1f}"
    return str(cell)
