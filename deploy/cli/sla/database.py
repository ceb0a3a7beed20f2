"""The assignment database as these commands read it: one read-only transaction that sees one state of everything."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from deploy.cli.environment import database_url
from deploy.cli.errors import CliError


@asynccontextmanager
async def reading() -> AsyncIterator[AsyncConnection]:
    """A connection that can write nothing. Raises CliError if the database does not answer."""
    engine = create_async_engine(database_url("assignment"), connect_args={"timeout": 5})
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql("set transaction isolation level repeatable read read only")
            yield connection
    except (OSError, SQLAlchemyError) as problem:
        raise CliError(f"The assignment database does not answer: {problem!r:.300}") from None
    finally:
        await engine.dispose()
