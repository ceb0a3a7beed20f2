"""`seed` and `setup-link`: what a fresh installation begins with, and how its first administrator comes in."""

import asyncio
import sys

from services.assignment.seed import seed
from services.assignment.seed.empty import seed_empty
from services.assignment.settings import AssignmentSettings
from services.assignment.setup.links import has_administrator, keep_link, make_link
from shared.kit.clock import utc_now
from shared.kit.db import Database
from shared.kit.telemetry import configure_logging


def run_seed() -> None:
    """Plants the small organisation a fresh installation begins with, or an empty one; what is there stays as it is."""
    settings = AssignmentSettings()
    configure_logging(settings, "assignment")
    asyncio.run(_seed(settings))


async def _seed(settings: AssignmentSettings) -> None:
    database = Database.connect(settings)
    if settings.seed == "empty":
        await seed_empty(database)
        await _keep_setup_token(database, settings)
    else:
        password = settings.seed_password
        await seed(database, password.get_secret_value() if password else None)
    await database.dispose()


async def _keep_setup_token(database: Database, settings: AssignmentSettings) -> None:
    """Lets the link work that whoever starts the installation prints; it is used up once somebody has come in."""
    if settings.setup_token is None:
        return
    async with database.begin() as session:
        if not await has_administrator(session):
            await keep_link(session, settings.setup_token.get_secret_value(), utc_now())


def run_setup_link() -> None:
    """Prints a one-time link; exits with 1 where somebody can sign in already."""
    settings = AssignmentSettings()
    configure_logging(settings, "assignment")
    link = asyncio.run(_make_link(settings))
    sys.stdout.write(f"{link}\n" if link else "Somebody can sign in already: they can add you under Administration.\n")
    if link is None:
        raise SystemExit(1)


async def _make_link(settings: AssignmentSettings) -> str | None:
    database = Database.connect(settings)
    async with database.begin() as session:
        link = await make_link(session, settings, utc_now())
    await database.dispose()
    return link
