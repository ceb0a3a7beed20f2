"""A pool that gives a hung database up after a fraction of a second instead of half a minute."""

from sqlalchemy.ext.asyncio import create_async_engine

from shared.kit.db import Database

SECONDS = 0.3


def impatient_database(url: str) -> Database:
    """Two connections, each statement and each wait for a connection given up quickly."""
    engine = create_async_engine(
        url,
        pool_size=2,
        max_overflow=0,
        pool_timeout=SECONDS,
        connect_args={"timeout": SECONDS, "command_timeout": SECONDS},
    )
    return Database(engine)
