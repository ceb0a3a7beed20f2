"""PostgreSQL: whether it answers, what a power cut can do, its clock, its migrations, and what waits in it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from alembic.script import ScriptDirectory

from deploy.cli.doctor.findings import Finding, Gravity, bad, clock_finding, doubtful, graded, ok, unknown
from deploy.cli.doctor.process_environments import ProcessEnvironments
from deploy.cli.doctor.tickets import mail_findings, ticket_findings
from deploy.local.plan import CHECKOUT
from shared.kit.clock import utc_now
from shared.kit.outbox_order import STATE

ANSWERS_WITHIN = 5.0
OUTBOX_WARNING, OUTBOX_ERROR = 30.0, 300.0
LONG_TRANSACTION = timedelta(minutes=10)
CONNECTIONS_WARNING, CONNECTIONS_ERROR = 0.8, 0.95
OWNERS = {"raw_mails": "intake", "intents": "assignment", "deliveries": "notification"}
"""A table that only one service has, for telling whose database it is."""
KEPT_SAFE = {
    "fsync": "a power cut can destroy the database",
    "full_page_writes": "a power cut can destroy the database",
    "synchronous_commit": "a power cut can lose tickets that were acknowledged",
}
SETTING = "select current_setting($1)"
CONNECTIONS = "select count(*)::float / current_setting('max_connections')::int from pg_stat_activity"
LONGEST = """
select max(now() - xact_start) from pg_stat_activity
where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
"""


async def check_databases(around: ProcessEnvironments) -> list[Finding]:
    """Every database that is known here."""
    if not around.databases:
        return [unknown("postgres", "reachable", "no database is named here (EVERDESK_DATABASE_URL)")]
    found: list[Finding] = []
    for name, url in around.databases.items():
        found += await _check(name, url)
    return found


async def _check(name: str, url: str) -> list[Finding]:
    try:
        connection = await asyncpg.connect(url, timeout=ANSWERS_WITHIN, command_timeout=ANSWERS_WITHIN)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as problem:
        says = f"does not answer: {type(problem).__name__}"
        return [
            bad(f"postgres {name}", "reachable", says, "start PostgreSQL; docs/runbooks/disk-full.md if it stopped")
        ]
    try:
        service = await owner_of(connection) or name
        return [
            *await _server(connection, f"postgres {service}"),
            *await _migrations(connection, service),
            await _outbox(connection, service),
            *await ticket_findings(connection, service),
            *await mail_findings(connection, service),
        ]
    except (OSError, TimeoutError, asyncpg.PostgresError) as problem:
        says = f"a question failed: {type(problem).__name__}: {problem}"
        return [bad(f"postgres {name}", "questions", says, "migrate the database: make migrate")]
    finally:
        await connection.close(timeout=1)


async def owner_of(connection: "asyncpg.Connection[Any]") -> str | None:
    """The service whose database this is; None before its first migration."""
    for table, service in OWNERS.items():
        if await connection.fetchval("select to_regclass($1)", table) is not None:
            return service
    return None


async def _server(connection: "asyncpg.Connection[Any]", area: str) -> list[Finding]:
    version = str(await connection.fetchval(SETTING, "server_version")).partition(" ")[0]
    before = utc_now()
    theirs: datetime = await connection.fetchval("select clock_timestamp()")
    middle = before + (utc_now() - before) / 2
    values = {name: str(await connection.fetchval(SETTING, name)) for name in KEPT_SAFE}
    used = float(await connection.fetchval(CONNECTIONS))
    longest: timedelta | None = await connection.fetchval(LONGEST)
    return [
        ok(area, "reachable", f"PostgreSQL {version}"),
        clock_finding(area, theirs.astimezone(UTC) - middle),
        durability_finding(area, values),
        connections_finding(area, used),
        *transaction_findings(area, longest),
    ]


def durability_finding(area: str, values: dict[str, str]) -> Finding:
    """Whether what was committed is on the disk."""
    wrong = [name for name, value in values.items() if value in ("off", "false", "no")]
    if not wrong:
        return ok(area, "power cuts", ", ".join(f"{name} {value}" for name, value in values.items()))
    mend = "; ".join(f"alter system set {name} = on" for name in wrong) + "; select pg_reload_conf()"
    return bad(area, "power cuts", "; ".join(f"{name} is off: {KEPT_SAFE[name]}" for name in wrong), mend)


def connections_finding(area: str, used: float) -> Finding:
    """How many of the server's connections are taken."""
    gravity = graded(used, CONNECTIONS_WARNING, CONNECTIONS_ERROR)
    says = f"{used:.0%} of max_connections in use"
    mend = "raise max_connections, or lower EVERDESK_DATABASE_POOL_SIZE"
    return Finding(area, "connections", gravity, says, mend if gravity is not Gravity.OK else "")


def transaction_findings(area: str, longest: timedelta | None) -> list[Finding]:
    """A transaction that is open for long keeps the tables from being cleaned."""
    if longest is None or longest < LONG_TRANSACTION:
        return []
    mend = "select pid, query from pg_stat_activity order by xact_start limit 1; then pg_terminate_backend(pid)"
    return [doubtful(area, "transactions", f"one is open for {longest}", mend)]


async def _migrations(connection: "asyncpg.Connection[Any]", service: str) -> list[Finding]:
    area = f"postgres {service}"
    if await connection.fetchval("select to_regclass('alembic_version')") is None:
        return [bad(area, "migrations", "none has run", f"python -m services.{service}.main migrate (make migrate)")]
    rows = await connection.fetch("select version_num from alembic_version")
    return [migrations_finding(service, [row["version_num"] for row in rows])]


def migrations_finding(service: str, reached: Sequence[str]) -> Finding:
    """Whether the database is what this code expects."""
    area = f"postgres {service}"
    scripts = ScriptDirectory(str(CHECKOUT / "services" / service / "migrations"))
    newest = scripts.get_current_head()
    if list(reached) == [newest]:
        return ok(area, "migrations", f"at {newest}, the newest")
    known = {script.revision for script in scripts.walk_revisions()}
    at = ", ".join(reached) or "nothing"
    if not known.issuperset(reached):
        mend = "run this command from the release that the services run"
        return doubtful(area, "migrations", f"at {at}, which this release does not know: it is newer", mend)
    return bad(area, "migrations", f"at {at}; the newest is {newest}", f"python -m services.{service}.main migrate")


async def _outbox(connection: "asyncpg.Connection[Any]", service: str) -> Finding:
    return outbox_finding(service, *(await connection.fetchrow(STATE) or (0, None, 0, 0)))


def outbox_finding(service: str, waiting: int, age: timedelta | None, parked: int, behind: int = 0) -> Finding:
    """Whether events leave the service."""
    seconds = age.total_seconds() if age else 0.0
    gravity = Gravity.ERROR if parked else graded(seconds, OUTBOX_WARNING, OUTBOX_ERROR)
    says = f"{waiting} events wait, the oldest for {seconds:.0f} s; {parked} parked"
    says += f", {behind} behind them" if behind else ""
    mend = f"everdesk outbox list --service {service}" if parked else "docs/runbooks/nats-down.md"
    return Finding(f"outbox {service}", "lag", gravity, says, "" if gravity is Gravity.OK else mend)
