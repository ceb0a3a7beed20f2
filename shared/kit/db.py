"""The database behind a service: one engine, short transactions, migrations under a lock."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
from sqlalchemy import Executable, Row, select, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.util import greenlet_spawn

from shared.kit.database_writability import DatabaseWritability
from shared.kit.outbox_row import ANNOUNCED, OutboxRow
from shared.kit.settings import ServiceSettings

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import InstrumentedAttribute

Session = AsyncSession
SESSION_SETTINGS = {"jit": "off", "max_parallel_workers_per_gather": "0"}
"""Statements here are short: compiling one, or starting processes for it, takes longer than it runs."""
LEADER_SETTINGS = {
    "tcp_keepalives_idle": "4",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "7000",
}
"""The server notices within 7 s that a client's machine is cut off, and lets its locks go; its default is two hours."""
AFTER_COMMIT = "after_commit"
EVENTS_FOR_OUTSIDERS = "events_for_outsiders"
OUTBOX_CHANNEL = "outbox"
"""Of the notification that there are new outbox rows."""

UNREACHABLE: tuple[type[BaseException], ...] = (
    OperationalError,
    InterfaceError,
    PoolTimeout,
    ConnectionError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What a database that is away raises mostly; `shared.kit.outages` knows these by name, and others by what they say."""


def after_commit(session: Session, tell: "Callable[[Database], Awaitable[None]]") -> None:
    """Has `tell` called once the session's transaction has committed; nobody learns whether it failed."""
    session.info.setdefault(AFTER_COMMIT, []).append(tell)


class Database:
    """A pool of connections to one service's own database."""

    def __init__(self, engine: AsyncEngine, *, events_for_outsiders: bool = True) -> None:
        self.engine = engine
        self.announces_to_outsiders = events_for_outsiders
        self._autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._sessions, self._singles = (
            async_sessionmaker(bind, expire_on_commit=False, info={EVENTS_FOR_OUTSIDERS: events_for_outsiders})
            for bind in (engine, self._autocommit)
        )
        self._writing = DatabaseWritability()
        self._publish: Callable[[Sequence[OutboxRow]], None] | None = None

    @classmethod
    def connect(cls, settings: ServiceSettings) -> "Database":
        """A lazily connecting pool; a restarted server is noticed on the next use."""
        engine = create_async_engine(
            settings.database_url.get_secret_value(),
            pool_size=settings.database_pool_size,
            max_overflow=0,
            pool_timeout=5,
            pool_recycle=1800,
            connect_args={
                "timeout": 5,
                "command_timeout": 30,
                "server_settings": {**SESSION_SETTINGS, **LEADER_SETTINGS, **settings.session_settings},
            },
            hide_parameters=True,
        )
        return cls(engine, events_for_outsiders=settings.events_for_outsiders)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Session]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Outbox rows it has written are handed to the relay after the commit.
        """
        with self._writing.noticing():
            async with self._sessions() as session, session.begin():
                yield session
        if (rows := session.info.get(ANNOUNCED)) is not None:
            await self.announce(rows)
        for tell in session.info.get(AFTER_COMMIT, ()):
            with suppress(*UNREACHABLE, DBAPIError):
                await tell(self)

    def publish_with(self, publish: Callable[[Sequence[OutboxRow]], None]) -> None:
        """Names the relay of this process; without one, that of another is notified."""
        self._publish = publish

    async def announce(self, rows: Sequence[OutboxRow]) -> None:
        """Has committed outbox rows published; without any, the relay reads the table.

        If that fails, the relay's sweep finds them.
        """
        if self._publish is not None:
            self._publish(rows)
            return
        with suppress(*UNREACHABLE, DBAPIError):
            async with self.single() as connection:
                await connection.execute(text("select pg_notify(:channel, '')"), {"channel": OUTBOX_CHANNEL})

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """One transaction without the ORM's unit of work, for the hot paths."""
        with self._writing.noticing():
            async with self.engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def single_session(self) -> AsyncIterator[Session]:
        """As `single`, for statements that read entities; what is to be written together needs `begin`."""
        with self._writing.noticing():
            async with self._singles() as session:
                yield session

    @asynccontextmanager
    async def single(self) -> AsyncIterator[AsyncConnection]:
        """A connection for single statements, each a transaction of its own without round trips to begin and end it."""
        with self._writing.noticing():
            async with self._autocommit.connect() as connection:
                yield connection

    async def fetch(
        self, statement: Executable, values: Mapping[str, Any] | None = None
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        """The rows of a single statement, as `single` runs it, for the hot paths.

        SQLAlchemy's part is entered and left once for all, and not to connect, to execute and to give the connection
        back: that is a fifth of what a statement costs here.
        """
        with self._writing.noticing():
            return await greenlet_spawn(self._fetch, statement, values)

    def _fetch(self, statement: Executable, values: Mapping[str, Any] | None) -> Sequence[Row[*tuple[Any, ...]]]:
        with self._autocommit.sync_engine.connect() as connection:
            found = connection.execute(statement, values)
            return found.all() if found.returns_rows else ()

    async def ping(self) -> None:
        """Raises what `outages.is_unreachable` recognises if the database does not answer."""
        async with self.engine.connect() as connection:
            await connection.execute(text("select 1"))

    async def check_writable(self) -> None:
        """Raises unless the database answers and takes writes: its disk may be full, or it may only follow another."""
        async with self._autocommit.connect() as connection:
            await self._writing.check(connection)

    async def dispose(self) -> None:
        """Closes every connection."""
        await self.engine.dispose()


async def lock_in_order(
    session: Session, key: "InstrumentedAttribute[Any]", *where: "ColumnElement[bool]", skip_locked: bool = False
) -> list[Any]:
    """Locks rows in the order of their key and returns the keys: who locks several at once must not deadlock others."""
    query = select(key).where(*where).order_by(key).with_for_update(skip_locked=skip_locked)
    return list(await session.scalars(query))


def dsn_of(settings: ServiceSettings) -> str:
    """The plain libpq address, for asyncpg without SQLAlchemy."""
    return settings.database_url.get_secret_value().replace("postgresql+asyncpg://", "postgresql://", 1)


def alembic_config(package: str, url: str) -> "Config":
    """Alembic's configuration for the migrations that live in `package`."""
    from alembic.config import Config  # only migrating processes pay for the import

    config = Config(stdout=sys.stdout)  # its default is what stood there when Alembic was imported, and may be closed
    config.set_main_option("script_location", str(Path(*package.split("."), "migrations").absolute()))
    config.attributes["url"] = url
    return config


async def migrate(settings: ServiceSettings, package: str) -> None:
    """Brings a service's database to its newest migration; several may try, one at a time does."""
    from alembic import command  # as above

    url = settings.database_url.get_secret_value()
    await asyncio.to_thread(command.upgrade, alembic_config(package, url), "head")
