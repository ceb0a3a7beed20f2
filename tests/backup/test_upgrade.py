"""What a release has written is brought up to date and goes on: databases, workflows, and tickets under way."""

import asyncio
import importlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic import command
from sqlalchemy import Engine, event
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from deploy.cli.backup import dumps
from deploy.cli.backup.manifest import read_manifest
from deploy.local.engines import Stack
from deploy.local.engines.postgres import SUPERUSER
from deploy.local.plan import SERVICES
from shared.kit.db import alembic_config
from tests.backup.migration_lint import refused, violations
from tests.backup.releases import Release, releases
from workflows.ticket import TicketWorkflow


@dataclass
class UpgradedRelease:
    """A release's data in databases of their own, at today's migrations."""

    folder: Path
    facts: dict[str, Any]
    urls: dict[str, str]
    ran: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """The statements that each migration ran, by service and revision."""

    async def query(self, service: str, query: str, *values: Any) -> list[Any]:
        connection = await asyncpg.connect(self.urls[service])
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()


@pytest.fixture(scope="module", params=releases(), ids=lambda release: release.version)
async def upgraded(
    request: pytest.FixtureRequest, engines: Stack, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[UpgradedRelease]:
    release: Release = request.param
    folder = await asyncio.to_thread(release.unpack, tmp_path_factory.mktemp("release"))
    admin = await asyncpg.connect(engines.postgres.url(SUPERUSER, driver="postgresql"))
    databases = {name: f"upgraded_{name}" for name in SERVICES}
    found = UpgradedRelease(
        folder,
        release.facts(folder),
        {name: engines.postgres.url(name, database, driver="postgresql") for name, database in databases.items()},
    )
    for name, database in databases.items():
        await admin.execute(f"create database {database} owner {name}")
        await dumps.restore(found.urls[name], folder / read_manifest(folder).databases[name].file)
        found.ran[name] = await asyncio.to_thread(_migrate, name, engines.postgres.url(name, database))
    yield found
    for database in databases.values():
        await admin.execute(f"drop database {database} with (force)")
    await admin.close()


def _migrate(service: str, url: str) -> dict[str, list[str]]:
    """Runs what is new, and returns it by revision."""
    ran: dict[str, list[str]] = {}
    since: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith("UPDATE alembic_version"):
            ran[statement.split("'")[1]] = list(since)
            since.clear()
        elif not parameters:
            since.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        command.upgrade(alembic_config(f"services.{service}", url), "head")
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return ran


@pytest.mark.parametrize("service", SERVICES)
async def test_tables_are_those_of_today(upgraded: UpgradedRelease, service: str) -> None:
    importlib.import_module(f"services.{service}.models")
    url = upgraded.urls[service].replace("postgresql://", "postgresql+asyncpg://", 1)
    await asyncio.to_thread(command.check, alembic_config(f"services.{service}", url))


async def test_tickets_under_way_are_still_there(upgraded: UpgradedRelease) -> None:
    states = {"waiting": "open", "answered": "open"}
    wanted = {ticket_id: states.get(name, name) for name, ticket_id in upgraded.facts["tickets"].items()}
    ids = list(wanted)
    for service in ("assignment", "intake"):
        query = "select id::text, status from tickets where id::text = any($1)"
        rows = await upgraded.query(service, query, ids)
        assert {row["id"]: row["status"] for row in rows} == wanted, service
    (log,) = await upgraded.query(
        "assignment",
        "select count(distinct ticket_id) as tickets, count(*) filter (where recorded_at is null) as odd from events",
    )
    assert (log["tickets"] >= len(ids), log["odd"]) == (True, 0)


async def test_migrations_leave_the_previous_release_what_it_uses(upgraded: UpgradedRelease) -> None:
    renamed = [line for ran in upgraded.ran["assignment"].values() for line in violations(ran)]
    assert any(line.startswith("renaming-table") for line in renamed), "the lint sees what migrations have run"
    wrong = [line for service in SERVICES for line in refused(service, upgraded.ran[service])]
    assert not wrong, "\n".join([*wrong, "", importlib.import_module("tests.backup.migration_lint").__doc__ or ""])


async def test_workflows_under_way_replay(upgraded: UpgradedRelease) -> None:
    paths = Release.histories(upgraded.folder)
    assert len(paths) == len(upgraded.facts["tickets"])
    replayer = Replayer(
        workflows=[TicketWorkflow],
        data_converter=pydantic_data_converter,
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    for path in paths:
        history = WorkflowHistory.from_json(f"ticket-{path.stem}", json.loads(path.read_text()))
        await replayer.replay_workflow(history)


BREAKING = (
    "alter table tickets add column x text not null",
    "alter table tickets alter column z set not null",
    "alter table tickets drop column old",
    "alter table tickets rename column a to b",
    "alter table tickets rename to q",
    "drop table gone",
    "alter table tickets add constraint c check (x > 1)",
    "alter table tickets alter column k type bigint",
    "create index ix on tickets (a)",
)
HARMLESS = (
    "create table fresh (id bigint primary key, name text not null)",
    "create index ix_fresh on fresh (name)",
    "create index if not exists ix on tickets (a)",
    "alter table tickets add column x text",
    "alter table tickets add column y boolean not null default false",
    "alter table tickets add constraint c check (x > 1) not valid",
)


@pytest.mark.parametrize("statement", BREAKING)
def test_what_breaks_the_previous_release_is_refused(statement: str) -> None:
    assert violations([statement])


def test_what_adds_is_not_refused() -> None:
    assert violations(HARMLESS) == []
