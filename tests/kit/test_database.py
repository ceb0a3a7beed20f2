"""A database that is away is told from one that refuses: only the first is waited for."""

import asyncio
import errno
import socket
import ssl
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from deploy.local.engines import Stack
from shared.kit.clock import new_id
from shared.kit.db import UNREACHABLE, Database
from shared.kit.leases import kept_lease
from shared.kit.outages import AWAY_KINDS, is_unreachable
from tests.support.eventually import eventually


@pytest.mark.parametrize(
    ("error", "is_away"),
    [
        (asyncpg.CannotConnectNowError("starting up"), True),
        (asyncpg.AdminShutdownError("terminating"), True),
        (asyncpg.TooManyConnectionsError("full"), True),
        (asyncpg.ConnectionDoesNotExistError("closed"), True),
        (asyncpg.QueryCanceledError("statement timeout"), True),
        (asyncpg.LockNotAvailableError("lock timeout"), True),
        (asyncpg.SerializationError("concurrent update"), True),
        (asyncpg.DeadlockDetectedError("deadlock"), True),
        (asyncpg.DiskFullError("no space left"), True),
        (asyncpg.OutOfMemoryError("out of memory"), True),
        (asyncpg.CrashShutdownError("crash"), True),
        (asyncpg.ConnectionFailureError("broken"), True),
        (asyncpg.ReadOnlySQLTransactionError("a standby"), True),
        (asyncpg.InvalidPasswordError("rotated"), True),
        (TimeoutError(), True),
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EHOSTUNREACH, "No route to host"), True),
        (socket.gaierror(socket.EAI_AGAIN, "name resolution"), True),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1', 5432, 0, 0), [Errno 111] …"), True),
        (ssl.SSLError(1, "[SSL] internal error"), True),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), True),
        (asyncpg.InvalidCatalogNameError("dropped to be restored"), True),
        (ExceptionGroup("several", [TimeoutError(), asyncpg.QueryCanceledError("statement timeout")]), True),
        (ExceptionGroup("several", [TimeoutError(), ValueError("ours")]), False),
        (OSError("ours"), False),
        (FileNotFoundError(errno.ENOENT, "ours"), False),
        (asyncpg.UndefinedTableError("ours"), False),
        (ConnectionRefusedError(), True),
        (asyncpg.UniqueViolationError("twice"), False),
        (asyncpg.DataError("not a number"), False),
        (ValueError("ours"), False),
    ],
)
def test_errors_are_told_apart_wrapped_or_not(error: Exception, *, is_away: bool) -> None:
    assert is_unreachable(error) is is_away
    assert is_unreachable(DBAPIError("select 1", None, error)) is is_away


async def test_every_error_around_a_crash_says_that_the_database_is_away(database: Database, engines: Stack) -> None:
    await engines.kill("postgres")
    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one is the point
        await database.ping()
    assert is_unreachable(raised.value), repr(raised.value)
    await engines.start("postgres")
    await eventually(database.ping, within=20)
    with pytest.raises(DBAPIError) as refused:
        async with database.connection() as connection:
            await connection.execute(text("select 1 / 0"))
    assert not is_unreachable(refused.value)


def test_the_kinds_known_by_name_are_those_that_a_database_raises() -> None:
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in UNREACHABLE if kind.__module__ != "builtins"}
    assert names == AWAY_KINDS


@pytest.mark.parametrize("error", [asyncpg.QueryCanceledError("statement timeout"), asyncpg.DeadlockDetectedError("")])
async def test_a_lease_is_renewed_again_after_a_statement_that_was_cut_off(error: Exception) -> None:
    beats, renewed = 0, asyncio.Event()

    async def renew() -> None:
        nonlocal beats
        beats += 1
        if beats < 3:
            raise DBAPIError("update leases", None, error)
        renewed.set()

    async with kept_lease(timedelta(milliseconds=3), renew), asyncio.timeout(10):
        await renewed.wait()


async def test_a_single_statement_is_committed_and_its_rows_come(database: Database) -> None:
    await database.fetch(text("create table if not exists fetched (number int)"))
    number = new_id().int % 2**31
    [row] = await database.fetch(text("insert into fetched values (:number) returning number"), {"number": number})
    assert row.number == number
    assert await database.fetch(text("delete from fetched where number = :number"), {"number": number}) == ()
    with pytest.raises(ProgrammingError):
        await database.fetch(text("select nothing"))


async def test_statements_that_are_given_up_keep_no_connection(database: Database) -> None:
    """Each is cancelled while the server works on it, more of them than there are connections."""
    for _ in range(30):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await database.fetch(text("select pg_sleep(30)"))
    assert await asyncio.gather(*(database.fetch(text("select 7")) for _ in range(20))) == [[(7,)]] * 20
