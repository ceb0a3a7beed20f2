"""What a ticket leaves behind: rows and bytes of each database, of the stream and of Temporal, for each whole life."""

import asyncio
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import nats
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from shared.contracts.names import STREAM
from tests.load.hosted_system import description
from tests.load.lives import play
from tests.load.report import Cell, Report, Table
from tests.load.system import EVERYTHING, System, system
from tests.load.systems import HostedSystem
from tests.load.whole_lives import WholeLife

LIVES = int(os.environ.get("BENCH_STORAGE_LIVES", "300"))
WARM_UP = 50
AT_ONCE = 8
SETTLE_SECONDS = 20.0
DATABASES = ("intake", "assignment", "notification")
TABLES_SHOWN = 14
SAMPLE = 40
ROWS = """
select relname, n_live_tup as rows, pg_total_relation_size(relid) as bytes
from pg_stat_user_tables where n_live_tup > 0 or pg_total_relation_size(relid) > 0"""
METHOD = """\
Whole lives of tickets through the front doors (open, triage and assignment, a requester's message, an agent's reply and
note, resolve, close), each by a new requester, bodies of about 540 characters, no files. Sizes are read
after some lives to warm up, and again after the rest. Bytes of PostgreSQL are those of tables with their indexes and
TOAST, before any vacuum, rows those it counted. Temporal keeps its state in an SQLite file here, its write-ahead log
checkpointed by the server itself: with PostgreSQL under Temporal its bytes differ, its events and actions do not."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Totals at one moment."""

    tables: Mapping[str, tuple[int, int]]
    wal: int
    stream: tuple[int, int]
    temporal: int


async def run() -> Report:
    """Measures what so many lives leave behind."""
    report = Report("storage", "What a ticket leaves behind", METHOD)
    async with system(*EVERYTHING) as stack:
        hosted = HostedSystem(name="present", **description(stack))
        life = await WholeLife.begin(hosted)
        await _play(life, WARM_UP)
        before = await _sizes(stack, hosted)
        played = await _play(life, LIVES)
        after = await _sizes(stack, hosted)
        await life.end()
        kinds = await _kinds_of_events(hosted, played[:SAMPLE])
    gained = {
        name: tuple(new - old for new, old in zip(sizes, before.tables.get(name, (0, 0)), strict=True))
        for name, sizes in after.tables.items()
    }
    rows: list[list[Cell]] = []
    for database in DATABASES:
        own = [sizes for name, sizes in gained.items() if name.startswith(f"{database}.")]
        rows.append([f"PostgreSQL, {database}", _each(sum(one[0] for one in own)), _each(sum(one[1] for one in own))])
    rows.append(["PostgreSQL's write-ahead log", None, _each(after.wal - before.wal)])
    rows.append(["NATS, stream of events", *(_each(a - b) for a, b in zip(after.stream, before.stream, strict=True))])
    rows.append(["Temporal's SQLite file, with its log", None, _each(after.temporal - before.temporal)])
    report.tables.append(Table("For each life", ("where", "rows or messages", "bytes"), rows))
    largest = sorted(gained.items(), key=lambda one: -one[1][1])[:TABLES_SHOWN]
    report.tables.append(
        Table(
            "The largest tables, for each life",
            ("table", "rows", "bytes"),
            [[name, _each(one[0]), _each(one[1])] for name, one in largest],
        )
    )
    columns = ("event", "for each life")
    told: list[list[Cell]] = [[_in_words(name), count / SAMPLE] for name, count in kinds.most_common()]
    report.tables.append(Table("Events of Temporal's histories", columns, told))
    report.notes.append(f"{LIVES} lives, {AT_ONCE} at a time, after {WARM_UP} to warm up.")
    return report


async def _play(life: WholeLife, count: int) -> list[str]:
    """So many lives, and until what they set in motion has come to rest; the ids of their workflows."""
    played = await play(life, count, AT_ONCE)
    await asyncio.sleep(SETTLE_SECONDS)
    return played


async def _kinds_of_events(hosted: HostedSystem, workflow_ids: list[str]) -> Counter[str]:
    """How often each kind of event is in these histories, all together."""
    client = await Client.connect(hosted.temporal_address)
    found = Counter[str]()
    for workflow_id in workflow_ids:
        history = await client.get_workflow_handle(workflow_id).fetch_history()
        found.update(EventType.Name(event.event_type) for event in history.events)
    return found


async def _sizes(stack: System, hosted: HostedSystem) -> Sizes:
    tables: dict[str, tuple[int, int]] = {}
    for database in DATABASES:
        connection = await asyncpg.connect(hosted.database_url, database=database)
        await connection.execute("analyze")
        for row in await connection.fetch(ROWS):
            tables[f"{database}.{row['relname']}"] = row["rows"], row["bytes"]
        wal = int(await connection.fetchval("select pg_current_wal_lsn() - '0/0'::pg_lsn"))
        await connection.close()
    client = await nats.connect(hosted.nats_url)
    state = (await client.jetstream().stream_info(STREAM)).state
    await client.close()
    return Sizes(tables, wal, (state.messages, state.bytes), _bytes_of(stack.settings.home))


def _bytes_of(home: Path) -> int:
    return sum(path.stat().st_size for path in home.rglob("temporal.db*"))


def _in_words(name: str) -> str:
    return name.removeprefix("EVENT_TYPE_").replace("_", " ").lower()


def _each(total: float) -> float:
    return total / LIVES
