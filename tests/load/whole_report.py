"""What the rounds of whole lives say: tables, and budgets by ratios of neighbouring rounds."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from tests.load.comparison import Round, median_of
from tests.load.report import Budget, Cell, Table
from tests.load.system import EVERYTHING
from tests.load.whole_cost import AT_ONCE, PAST, Side, Whole, WholeRound

COUNTED = tuple(name for name in EVERYTHING if name != "mail")
"""The mail sink stands for the rest of the world's mail servers: shown, not counted."""
ENGINES = ("temporal", "worker")
LIMIT, ENGINES_LIMIT, RATE_LIMIT, IDLE_LIMIT = 0.36, 0.7, 2.5, 15.0
CONTEXT: list[list[Cell]] = [
    ["osTicket, for context", 256.0, None, None, None, None, None],
    ["django-helpdesk, for context", 352.0, None, None, None, None, None],
]
Figure = Callable[[WholeRound], float]


def cpu_of(*names: str) -> Figure:
    """CPU-ms per life of these processes together, as on the machine of the calibration's reference."""
    return lambda one: sum(one.cpu[name] for name in names)


@dataclass(frozen=True, slots=True)
class WholeReport:
    """Reads a comparison."""

    whole: Whole

    def tables(self) -> list[Table]:
        """Where the time goes, what it is spent on, and how long a step takes."""
        return [self._cpu(), self._counts(), self.whole.present.latencies.table(self.whole.past.latencies)]

    def budgets(self) -> list[Budget]:
        """What is promised."""
        rate = self._paired(lambda one: one.rate, is_cost=False)
        return [
            Budget(f"CPU of all processes per life, to {PAST}'s", self._paired(cpu_of(*COUNTED)), "<=", LIMIT),
            Budget("CPU of server and worker per whole life, to the baseline's", self._to_lean(), "<=", ENGINES_LIMIT),
            Budget(f"whole lives per second at c={AT_ONCE}, to {PAST}'s", rate, ">=", RATE_LIMIT),
            *self.whole.present.latencies.budgets(),
            Budget("idle CPU-ms per second of all processes", self._idle(self.whole.present), "<=", IDLE_LIMIT),
        ]

    def _cpu(self) -> Table:
        columns = ("process", "CPU-ms per life", "past", "ratio", "baseline", "idle CPU-ms per second", "past idle")
        rows: list[list[Cell]] = []
        for name in (*COUNTED, "mail"):
            shown = "mail sink, not counted" if name == "mail" else name
            rows.append([shown, *self._both(cpu_of(name)), self._lean(name), *self._idles(name)])
        together = self._both(cpu_of(*COUNTED))
        idle = [self._idle(side) for side in self._sides]
        rows.insert(-1, ["all that counts", *together, self._lean(*ENGINES), *idle])
        return Table(f"The whole system through HTTP, {AT_ONCE} lives at a time", columns, [*rows, *CONTEXT])

    def _counts(self) -> Table:
        def statements(database: str) -> Figure:
            return lambda one: one.statements[database]

        databases = tuple(self.whole.present.rounds[0].statements)
        rows: list[list[Cell]] = [
            ["lives per second, until the last is answered", *self._both(lambda one: one.rate, is_cost=False)],
            ["the same, until all has arrived", *self._both(lambda one: one.rate_to_the_end, is_cost=False)],
            ["history events", *self._both(lambda one: one.history.events, is_cost=False)],
            ["workflow tasks", *self._both(lambda one: one.history.workflow_tasks, is_cost=False)],
            ["history KiB", *self._both(lambda one: one.history.bytes / 1024, is_cost=False)],
            ["messages in the stream", *self._both(lambda one: one.messages, is_cost=False)],
            ["SQL statements", *self._both(lambda one: sum(one.statements.values()), is_cost=False)],
            *([f"of them {name}", *self._both(statements(name), is_cost=False)] for name in databases),
        ]
        return Table(f"Per life, {AT_ONCE} lives at a time", ("what", "present", "past", "ratio"), rows)

    @property
    def _sides(self) -> tuple[Side, Side]:
        return self.whole.present, self.whole.past

    def _both(self, figure: Figure, *, is_cost: bool = True) -> list[Cell]:
        """Medians of the present and the past, and the median of the ratios."""
        medians: list[Cell] = [statistics.median(map(figure, side.rounds)) for side in self._sides]
        return [*medians, self._paired(figure, is_cost=is_cost)]

    def _paired(self, figure: Figure, *, is_cost: bool = True) -> float:
        """The median ratio of neighbouring rounds; costs are first divided by what the same work cost meanwhile."""

        def value(one: WholeRound) -> float:
            return figure(one) / (one.calibration if is_cost else 1.0)

        pairs = zip(self.whole.present.rounds, self.whole.past.rounds, strict=True)
        return statistics.median(value(present) / value(past) for present, past in pairs)

    def _to_lean(self) -> float:
        """Server and worker of a whole life, to those of a baseline's life in the same round."""
        pairs = zip(self.whole.present.rounds, self.whole.baseline, strict=True)
        ours = cpu_of(*ENGINES)
        return statistics.median(ours(one) / lean.sum_of(*ENGINES) for one, lean in pairs)

    def _lean(self, *names: str) -> float | None:
        def of(one: Round) -> float:
            return one.sum_of(*names)

        return median_of(self.whole.baseline, of) if {*names} <= {*ENGINES, "nats"} else None

    def _idle(self, side: Side) -> float:
        return sum(side.idle[name] for name in COUNTED)

    def _idles(self, name: str) -> list[Cell]:
        return [side.idle[name] for side in self._sides]
