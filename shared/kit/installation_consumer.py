"""The consumer by which a service hears of the organisation's name."""

from shared.contracts.events import Envelope, InstallationChanged
from shared.kit.bus import Consumer
from shared.kit.db import Database
from shared.kit.organisation_name import OrganisationName, project_installation, read_projected


def installation_consumer(service: str, database: Database, name: OrganisationName) -> Consumer:
    """Keeps the name. A consumer of its own, so that a service which is new to the event hears of what was said."""

    async def handle(events: list[Envelope]) -> None:
        async with database.begin() as session:
            for event in events:
                await project_installation(session, InstallationChanged.of(event))
        await name.refresh(database, read_projected)

    return Consumer(f"{service}-installation", (InstallationChanged.subjects(),), handle)
