"""The organisation's name as the desk's pages show it."""

import asyncio

from services.assignment.setup.progress import get_progress
from shared.kit.db import Database

UNNAMED = "Everdesk"
EVERY_SECONDS = 60.0
LONGEST_SHOWN = 40


class OrganisationName:
    """Kept in memory, as every page shows it; read again each minute, as replicas are not told of the set-up."""

    def __init__(self) -> None:
        self.text = UNNAMED

    async def keep(self, database: Database) -> None:
        """Reads the name until cancelled."""
        while True:
            async with database.begin() as session:
                progress = await get_progress(session)
            self.set(progress.organisation if progress is not None else "")
            await asyncio.sleep(EVERY_SECONDS)

    def set(self, name: str) -> None:
        """Shows a name from now on; a long one is cut, and nothing stands for the product's name."""
        name = name.strip()
        self.text = f"{name[: LONGEST_SHOWN - 1].rstrip()}…" if len(name) > LONGEST_SHOWN else name or UNNAMED
