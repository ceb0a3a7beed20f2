"""What `make replay` found, kept beside the benchmarks in docs/bench."""

import sys
from dataclasses import dataclass
from datetime import timedelta

from tests.load.report import Budget, Cell, Report, Table
from tests.replay import mapping
from tests.replay.incident_log import REOPENED
from tests.replay.totals import Tally

METHOD = """\
The UCI incident log (141,712 updates of 24,918 incidents) played as real life. Run (a): every incident through the pure
rules (`shared.domain.ticket.Ticket`), and `shared.domain.sla.verdicts` from the events it emitted against the verdicts
it announced. Run (b): whole incidents, every reopened one among them, as real `TicketWorkflow`s on Temporal's
time-skipping server, at the log's instants in one merged order, each until its archive. Their verdicts are compared
three ways:

1. with `verdicts(published events, policies)`: equal to the microsecond;
2. with the pure rules given the same commands at the instants the workflow took them: equal to the microsecond;
3. with run (a), which had them at the log's whole minutes. The server's clock runs on while it works, so commands are
   taken some milliseconds after their planned instant: outcomes must be equal and instants, elapsed time and (in open
   time) due instants no further apart than the ticket's delays together. A verdict nearer to its due instant than
   that is listed as "on the edge" if its outcome differs; ways 1 and 2 judge it all the same.

Policy: the seed's targets per priority, Monday to Friday 08:00-18:00 in Europe/London with the public holidays of
England, `pause_on_hold`, auto-close after 5 days, reopen window 45 days (the log's latest reopening came 41 days after
closing), no grace. The log names no zone: its times are read as UTC. No column that knows the end
(`resolved_at`, `closed_at`, `closed_code`, `resolved_by`, `made_sla`) is read."""


@dataclass
class ReplayReport(Report):
    """A report made by `make replay`."""

    arguments: str = ""

    @property
    def command(self) -> str:
        """What made it."""
        return f'make replay ARGS="{self.arguments}"' if self.arguments else "make replay"


@dataclass(frozen=True, slots=True)
class Setting:
    """Under what the log was played."""

    shift: timedelta
    processes: int
    late_rows: int
    reopened: int
    """Reopened incidents among the real workflows."""


def report_of(pure: Tally, live: Tally | None, setting: Setting) -> ReplayReport:
    """The report of one replay."""
    report = ReplayReport("replay", "Real life: the incident log replayed", METHOD, arguments=" ".join(sys.argv[1:]))
    runs = {"(a) pure": pure} | ({"(b) real workflows": live} if live else {})
    for name, tally in runs.items():
        report.budgets += [
            Budget(f"{name}: incidents with a mismatch", len(tally.faults), "==", 0),
            Budget(f"{name}: incidents judged, of {tally.of}", tally.incidents, "==", tally.of),
        ]
    if live:
        budget = Budget("(b) real workflows: reopened incidents among them", setting.reopened, "==", REOPENED)
        report.budgets.append(budget)
    report.tables = [_runs(runs), _outcomes(runs), _deeds(pure)]
    report.notes = [
        f"Shifted forward by {setting.shift.days // 7} whole weeks, so that no timer is overdue at the start.",
        f"{setting.late_rows} rows lie before the row above them or the opening (the log's incident out of order among "
        "them): each counts from the instant of that row on, as a fact told late.",
        f"{setting.processes} processes side by side; in run (b) each has a time-skipping server and a worker.",
        *_edges(live),
        *(f"MISMATCH {number}: {fault}" for tally in runs.values() for number, fault in tally.faults.items()),
    ]
    report.method += "\n\n**The mapping**\n\n" + "\n".join(mapping.__doc__.splitlines()[2:]).strip()
    return report


def _edges(live: Tally | None) -> list[str]:
    if live is None:
        return []
    edges = [f"On the edge, {number}: {'; '.join(told)}." for number, told in live.on_the_edge.items()]
    drift = live.drift.total_seconds() * 1000
    return [
        f"Largest distance of a command from its planned instant: {drift:.0f} ms; verdicts on the edge: {len(edges)}.",
        *edges,
    ]


def _runs(runs: dict[str, Tally]) -> Table:
    columns = (
        "run",
        "incidents",
        "commands and messages",
        "events",
        "verdicts equal",
        "on the edge",
        "mismatches",
        "seconds",
        "incidents per second",
    )
    rows = [
        (name, t.incidents, t.deeds, t.events, t.verdicts, len(t.on_the_edge), len(t.faults), t.seconds, t.per_second)
        for name, t in runs.items()
    ]
    return Table("The runs", columns, rows)


def _outcomes(runs: dict[str, Tally]) -> Table:
    keys = sorted({key for tally in runs.values() for key in tally.outcomes})
    rows: list[list[Cell]] = [
        [metric, outcome, *(tally.outcomes[metric, outcome] for tally in runs.values())] for metric, outcome in keys
    ]
    return Table("Verdicts", ("metric", "outcome", *runs), rows)


def _deeds(pure: Tally) -> Table:
    return Table("What the log's rows became, in run (a)", ("what", "times"), pure.why.most_common())
