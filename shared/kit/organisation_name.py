"""The name of the organisation that runs the help desk, for pages and mails, and the projection it comes from."""

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy import CheckConstraint, Column, Integer, MetaData, SmallInteger, String, Table, select, text
from sqlalchemy.dialects.postgresql import insert

from shared.contracts.events import InstallationChanged
from shared.kit.db import Database, Session

EVERY_SECONDS = 60.0
LONGEST_SHOWN = 40
PROJECTION = Table(
    "installation",
    MetaData(),
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("organisation", String(255), nullable=False, server_default=text("''")),
    Column("version", Integer, nullable=False, server_default=text("0")),
    CheckConstraint("id = 1", name="one_row"),
)
"""What assignment last said, in a service that hears of it by events."""

Read = Callable[[Session], Awaitable[str]]


class OrganisationName:
    """Kept in memory, as every page shows it; read again each minute, as replicas hear of a change by themselves."""

    def __init__(self, unnamed: str) -> None:
        self._unnamed = unnamed
        self._name = ""

    @property
    def whole(self) -> str:
        """The name in full; empty while there is none."""
        return self._name

    @property
    def text(self) -> str:
        """The name for the head of a page: a long one is cut, and without one what stands in its place."""
        name = self._name
        return f"{name[: LONGEST_SHOWN - 1].rstrip()}…" if len(name) > LONGEST_SHOWN else name or self._unnamed

    def __str__(self) -> str:
        return self.text

    def set(self, name: str) -> None:
        """Shows a name from now on; none, and what stands in its place is shown again."""
        self._name = name.strip()

    async def keep(self, database: Database, read: Read) -> None:
        """Reads the name until cancelled."""
        while True:
            await self.refresh(database, read)
            await asyncio.sleep(EVERY_SECONDS)

    async def refresh(self, database: Database, read: Read) -> None:
        """Reads the name once."""
        async with database.begin() as session:
            self.set(await read(session))


def add_installation_table(metadata: MetaData) -> None:
    """Makes the projection part of a service's own schema, and so of its migrations."""
    PROJECTION.to_metadata(metadata)


async def read_projected(session: Session) -> str:
    """The projected name; empty while none is known."""
    return await session.scalar(select(PROJECTION.c.organisation)) or ""


async def project_installation(session: Session, event: InstallationChanged) -> None:
    """Keeps what the event says, unless something newer is known."""
    told = {"organisation": event.organisation, "version": event.version}
    new = insert(PROJECTION).values(id=1, **told)
    await session.execute(
        new.on_conflict_do_update(
            index_elements=[PROJECTION.c.id], set_=told, where=PROJECTION.c.version < new.excluded.version
        )
    )
