"""What a ticket's whole life costs: our workflow against the leanest one, every process beside an earlier commit."""

import os

from tests.load.report import Report
from tests.load.whole_cost import PAST, compare_whole
from tests.load.whole_report import WholeReport
from tests.load.workflow_cost import compare

METHOD = f"""\
A life is: open, triage and assignment, a requester's message, an agent's reply (a command, and later the signal of the
same message, which changes nothing), a note, resolve, close. The baseline (`tests/load/baseline.py`) is the leanest
entity workflow of the same design: STACK.md section 1, variant c, with the same commands, one event per change to the
same stream, the same worker options, and neither SLA nor snapshots. Figures are medians over interleaved rounds of CPU
time read from the processes' own counters, the driver excluded; histories are read afterwards from a sample of lives.
Temporal runs on a SQLite file in WAL mode, as in the one-command stack. Whole lives are played on two running systems,
this checkout's and that of commit {PAST}, in neighbouring rounds; a round ends when every mail and event of its lives
has arrived. Ratios are medians over pairs of rounds, each cost divided by what a fixed piece of work cost meanwhile."""


async def run() -> Report:
    """About fifteen minutes with the default counts."""
    count, rounds = int(os.environ.get("BENCH_LIVES", "150")), int(os.environ.get("BENCH_ROUNDS", "3"))
    report = Report("lifecycle", "The price of a ticket's whole life", METHOD)
    [many] = await compare(count, rounds, (16,))
    [one] = await compare(max(10, count // 3), rounds, (1,))
    whole = WholeReport(await compare_whole(count, rounds))
    report.tables = [many.table(), one.table(), *whole.tables()]
    report.budgets = [*many.budgets(), *one.budgets(), *whole.budgets()]
    report.notes = [
        f"{rounds} rounds of {count} lives each (a third at c=1); BENCH_LIVES and BENCH_ROUNDS change that.",
        "STACK.md measured another life (one signal fewer, the workflow ends at its close), at c=1 with 52.8 events.",
        "Whole lives are driven without waiting between steps, but each step is an HTTP request of its own: commands "
        "merge into one workflow task less often than when a driver sends them straight to the workflow.",
        "The idle column is what the processes use with nothing to do; at a low rate of lives it is part of the price.",
    ]
    return report
