"""What closed tickets cost: every path that requests, events and recurring jobs take, with ever more of them."""

import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from deploy.local.engines.postgres import SETTINGS
from tests.load.kept_data import PASSWORD, data_folder, is_filled, mark_filled
from tests.load.report import Budget, Cell, Report, Table
from tests.support.growth.databases import Past, past
from tests.support.growth.fill import OPEN
from tests.support.growth.page_counts import Cost, Counter, counter, idle_indexes
from tests.support.growth.write_cost import Written, write_costs

SIZES = (1_000, 100_000, 1_000_000)
LIMIT = 1.5
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
WARM = 2
"""The second round takes the place of the first, which only warms up."""
FLOOR_PAGES = 400
"""What it takes to look through what is worked on for two pages of rows, and to look up what they name in tables of a
few rows. The planner does it now this way, now that way; both are bounded by today's work, and not by what is over."""
FLOOR_MS = 2.0
"""Differences below this say more about the machine than about the path."""
METHOD = f"""\
The three services' databases, made by their own migrations and filled by SQL: {OPEN:,} tickets that are worked on,
always the same, and ever more closed ones, each with its messages, events, verdicts, mails, files and deliveries.
Every path is the function that the service calls, on one connection; a list is its first two pages, a report all three
of its groupings. All paths run in turn, rounds of them: {ROUNDS} after one to warm up, each path twice in a row beside
each past, so that what else the machine does falls on all of them, and PostgreSQL itself counts (`pg_stat_statements`):
the pages that a path's statements touch, cached or not, and the time they take. Pages are the measure that nothing else
on the machine can change; the most of all runs counts, so that a plan that is worse only sometimes is seen. Of the
times the shortest counts, because other work only ever adds: that of a run that finds its pages in PostgreSQL's cache
of {SETTINGS["shared_buffers"]}, at every size. Before the first of two runs the other paths have driven them out where
the databases are larger than that, and only there; what it costs to fetch them again from the operating system's cache
is told below the tables. A ratio is the figure with the most closed tickets to that with the fewest, {FLOOR_PAGES}
pages or {FLOOR_MS:g} ms added to both; the fewest are those that fill what the path reads at most: a list of closed
tickets of one agent is short where there are a thousand among all, and cheap for that reason. What it returns must then
be as many rows. A page more for each row that is looked up is no growth: it is a B-tree with one more level; and
reports that look up thousands of lines, or read the event log by ranges of its pages, are compared from 100,000 on,
where trees have their levels and the log is longer than a range. What is no past is as much at each size: failed
deliveries, and alerts that are still kept.
"""

FIRST_RUNS_TOLD = 5
Costs = dict[tuple[str, str], Cost]
Compared = Mapping[tuple[str, str], Sequence[Cost]]


async def run() -> Report:
    """Some minutes, half of them for writing the tickets: BENCH_SIZES=1000,100000 leaves the largest out."""
    sizes = [int(size) for size in os.environ.get("BENCH_SIZES", ",".join(map(str, SIZES))).split(",")]
    report = Report("growth", "What closed tickets cost", METHOD)
    async with AsyncExitStack() as stack:
        pasts = [await stack.enter_async_context(_grown(size)) for size in sizes]
        counters = [await stack.enter_async_context(counter(one.owners["assignment"])) for one in pasts]
        taken = await measure(pasts, counters)
        largest = pasts[-1]
        unused = {service: await idle_indexes(dsn) for service, dsn in largest.owners.items()}
        written = await write_costs(largest.owners["assignment"])
        fills = {(name, path.name): path.fills_at for name, paths in largest.paths.items() for path in paths}
    of_path = {key: [costs[key] for costs in taken] for key in taken[0]}
    alike = {key: compared(sizes, costs, fills[key]) for key, costs in of_path.items()}
    report.tables = [*_tables(sizes, of_path, alike), _writing(written, sizes[-1])]
    report.budgets = list(_budgets(alike))
    report.notes.append(_first_runs(alike))
    report.notes += [f"Indexes of {name} that none of these paths used: {', '.join(unused[name])}." for name in unused]
    return report


@asynccontextmanager
async def _grown(size: int) -> AsyncIterator[Past]:
    """Databases with so many closed tickets, filled now or by an earlier run."""
    with data_folder(f"growth-{size}") as folder:
        async with past(folder, is_counted=True, password=PASSWORD) as grown:
            if is_filled(folder):
                await grown.tidy()
            else:
                await grown.grow(size)
                mark_filled(folder)
            print(f"  {size:,} closed tickets", flush=True)
            yield grown


async def measure(pasts: Sequence[Past], counters: Sequence[Counter]) -> list[Costs]:
    """What each path of each service costs beside each past: the most pages and the shortest time of all its runs."""
    taken: list[Costs] = [{} for _ in pasts]
    for turn in range(ROUNDS + 1):
        print(f"  round {turn}", flush=True)
        for counting in counters:
            counting.forget()
        for service, paths in pasts[0].paths.items():
            for place in range(len(paths)):
                for costs, past_of, counting in zip(taken, pasts, counters, strict=True):
                    path = past_of.paths[service][place]
                    first, second = [await counting.cost(service, path.run) for _ in range(2)]
                    cost, key = replace(_extremes([first, second]), first_ms=first.ms), (service, path.name)
                    costs[key] = cost if turn < WARM else _extremes([cost, costs[key]])
    return taken


def _extremes(runs: Sequence[Cost]) -> Cost:
    pages, ms, first_ms = max(one.pages for one in runs), min(one.ms for one in runs), min(one.first_ms for one in runs)
    return Cost(pages, ms, runs[0].rows, first_ms)


def compared(sizes: Sequence[int], costs: Sequence[Cost], fills_at: int) -> Sequence[Cost]:
    """The costs at those sizes at which the path has as much to read, and returns as much, as at the largest."""
    filled = [one for size, one in zip(sizes, costs, strict=True) if size >= fills_at and one.rows == costs[-1].rows]
    return filled if len(filled) > 1 else costs


def pages_ratio(costs: Sequence[Cost]) -> float:
    """The last to the first, small differences set aside."""
    return (costs[-1].pages + FLOOR_PAGES) / (costs[0].pages + FLOOR_PAGES)


def time_ratio(costs: Sequence[Cost]) -> float:
    """The last to the first, small differences set aside."""
    return _ratio([one.ms for one in costs])


def first_time_ratio(costs: Sequence[Cost]) -> float:
    """The same of first runs, which fetch what others have taken the room of."""
    return _ratio([one.first_ms for one in costs])


def _ratio(ms: Sequence[float]) -> float:
    return (ms[-1] + FLOOR_MS) / (ms[0] + FLOOR_MS)


def _tables(sizes: Sequence[int], of_path: Compared, alike: Compared) -> Iterator[Table]:
    columns = (
        *("path", *(f"pages, {size:,} closed" for size in sizes), "ratio"),
        *(*(f"ms, {size:,} closed" for size in sizes), "ratio"),
    )
    for service in dict.fromkeys(service for service, _ in of_path):
        rows: list[list[Cell]] = []
        for key in (key for key in of_path if key[0] == service):
            pages, times = [one.pages for one in of_path[key]], [one.ms for one in of_path[key]]
            rows.append([key[1], *pages, pages_ratio(alike[key]), *times, time_ratio(alike[key])])
        yield Table(service.capitalize(), columns, rows)


def _budgets(alike: Compared) -> Iterator[Budget]:
    """The worst path by pages and by time; and each that is above the limit."""
    for measure_name, ratio in (("pages", pages_ratio), ("server time", time_ratio)):
        ratios = {key: ratio(costs) for key, costs in alike.items()}
        worst = sorted(ratios, key=lambda key: -ratios[key])
        for service, path in [key for key in worst if ratios[key] > LIMIT] or worst[:1]:
            what = f"{measure_name}, {service}: {path}"
            shown = what if ratios[service, path] > LIMIT else f"{what}, the highest of {len(ratios)} ratios"
            yield Budget(shown, ratios[service, path], "<=", LIMIT)


def _first_runs(alike: Compared) -> str:
    """What paths cost whose pages the others have driven out of the cache, of the largest databases alone."""
    ratios = {key: first_time_ratio(costs) for key, costs in alike.items()}
    worst = sorted(ratios, key=lambda key: -ratios[key])
    beyond = [key for key in ratios if ratios[key] > LIMIT]
    told = "; ".join(
        f"{service}: {path} ({ratios[service, path]:.3g}, {alike[service, path][-1].first_ms:.3g} ms)"
        for service, path in worst[:FIRST_RUNS_TOLD]
    )
    return (
        "First of two runs, whose pages PostgreSQL fetches from the operating system's cache where other paths have "
        f"driven them out: time to that with the fewest above {LIMIT} for {len(beyond)}; the highest: {told}."
    )


def _writing(written: Mapping[str, Mapping[str, Written]], size: int) -> Table:
    rows: list[list[Cell]] = [
        [
            f"a ticket is {step}",
            *(of_step[which].microseconds for which in ("without", "with")),
            *(of_step[which].wal_bytes for which in ("without", "with")),
            *(of_step[which].pages for which in ("without", "with")),
        ]
        for step, of_step in written.items()
    ]
    columns = ("its row", "µs without", "µs with", "log bytes without", "with", "pages without", "with")
    return Table(f"What the partial indexes of lists add to a write, beside {size:,} closed tickets", columns, rows)
