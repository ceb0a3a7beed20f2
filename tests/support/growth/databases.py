"""The three services' databases with a past that grows, and all their paths."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path as Folder
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import text

from deploy.local.engines import Stack, stack
from deploy.local.engines.postgres import SUPERUSER
from deploy.local.engines.stack import EngineName
from services.assignment.reporting.aggregation import count_events
from services.assignment.routing.agent_loads import add_up_changes
from services.assignment.seed import seed
from services.assignment.settings import AssignmentSettings
from services.intake.settings import IntakeSettings
from services.notification.settings import NotificationSettings
from shared.kit.clock import utc_now
from shared.kit.db import Database, dsn_of, migrate
from shared.kit.settings import ServiceSettings
from tests.support.growth import (
    assignment_paths,
    beside_paths,
    intake_paths,
    notification_paths,
    recurring_paths,
    report_paths,
)
from tests.support.growth.fill import A_TICKET, OPEN, fill
from tests.support.growth.page_counts import count_statements
from tests.support.growth.query_plans import Path
from tests.support.settings import common_environment

ENGINES: tuple[EngineName, ...] = ("postgres",)
KINDS: dict[str, type[ServiceSettings]] = {
    "assignment": AssignmentSettings,
    "intake": IntakeSettings,
    "notification": NotificationSettings,
}


@dataclass
class Past:
    """Databases that hold so many closed tickets."""

    databases: dict[str, Database]
    dsns: dict[str, str]
    owners: dict[str, str]
    """The same databases, as the superuser reaches them."""
    paths: dict[str, list[Path]]
    teams: list[UUID]
    agents: list[UUID]
    closed: int = 0
    before: dict[str, int] = field(default_factory=dict)
    """The pages that paths touched before it grew."""

    async def grow(self, closed: int, still_open: int = OPEN) -> None:
        """To so many closed tickets; those that are worked on are there from the first time on."""
        first = -still_open if self.closed == 0 else self.closed + 1
        async with asyncio.TaskGroup() as group:
            for service, dsn in self.owners.items():
                group.create_task(fill(dsn, service, (first, closed), self.teams, self.agents))
        await count_events(self.databases["assignment"], "UTC", utc_now())
        self.closed = closed

    async def tidy(self) -> None:
        """What earlier runs wrote and deleted leaves the indexes, too: beside a million, plain vacuum lets it be."""
        await add_up_changes(self.databases["assignment"])
        for dsn in self.owners.values():
            connection = await asyncpg.connect(dsn)
            try:
                await connection.execute("vacuum (analyze, index_cleanup on)")
            finally:
                await connection.close()


@asynccontextmanager
async def past(folder: Folder, *, is_counted: bool = False, password: str | None = None) -> AsyncIterator[Past]:
    """A PostgreSQL of its own, the services' migrations run, nothing filled yet; perhaps it counts statements.

    `password` is the superuser's, needed where the folder is kept from one time to the next.
    """
    async with stack(folder / "engines", only=ENGINES, superuser_password=password) as engines:
        if is_counted:
            await count_statements(engines)
        settings = {service: settings_of(engines, folder, service) for service in KINDS}
        for service, one in settings.items():
            await migrate(one, f"services.{service}")
        databases = {service: Database.connect(one) for service, one in settings.items()}
        try:
            await seed(databases["assignment"], None)
            teams, agents = [await _ids(databases["assignment"], table) for table in ("teams", "agents")]
            paths = {
                "assignment": [
                    *assignment_paths.paths(databases["assignment"], teams, agents),
                    *beside_paths.paths(
                        databases["assignment"],
                        settings["assignment"],  # type: ignore[arg-type]
                        assignment_paths.callers(teams, agents[0]),
                        agents,
                    ),
                    *report_paths.paths(
                        databases["assignment"],
                        settings["assignment"],  # type: ignore[arg-type]
                        assignment_paths.callers(teams, agents[0]),
                    ),
                    *recurring_paths.paths(
                        databases["assignment"],
                        settings["assignment"],  # type: ignore[arg-type]
                        assignment_paths.callers(teams, agents[0]),
                    ),
                ],
                "intake": list(intake_paths.paths(databases["intake"], settings["intake"], A_TICKET)),  # type: ignore[arg-type]
                "notification": list(
                    notification_paths.paths(databases["notification"], settings["notification"], A_TICKET)  # type: ignore[arg-type]
                ),
            }
            dsns = {name: dsn_of(one) for name, one in settings.items()}
            owners = {name: engines.postgres.url(SUPERUSER, name, driver="postgresql") for name in KINDS}
            yield Past(databases, dsns, owners, paths, teams, agents)
        finally:
            for database in databases.values():
                await database.dispose()


def settings_of(engines: Stack, folder: Folder, service: str) -> ServiceSettings:
    """The settings of a service over its own database."""
    kind = KINDS[service]
    common = {name.removeprefix("EVERDESK_").lower(): value for name, value in common_environment(engines).items()}
    values: dict[str, Any] = {name: value for name, value in common.items() if name in kind.model_fields}
    if service == "intake":
        values["storage_url"] = str(folder / "files")
    return kind(**values, database_url=engines.postgres.url(service))


async def _ids(database: Database, table: str) -> list[UUID]:
    async with database.single() as connection:
        return list((await connection.execute(text(f"select id from {table} order by name"))).scalars())
