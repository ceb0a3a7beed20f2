"""Runs intake's migrations, one process at a time."""

import asyncio

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from services.intake.models import Base
from services.intake.settings import IntakeSettings

MIGRATION_LOCK = 7_241_002


def migrate(connection: Connection) -> None:
    """Migrates under a lock that lasts as long as the transaction."""
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        context.run_migrations()


async def connect_and_migrate() -> None:
    """Opens one connection to the address given, or to the one in the settings."""
    url = context.config.attributes.get("url") or IntakeSettings().database_url.get_secret_value()
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


asyncio.run(connect_and_migrate())
