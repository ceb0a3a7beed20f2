"""`make migrate`: the databases brought up to date without starting anything else."""

import asyncio
import json

from deploy.local.child import Child, run_job
from deploy.local.console import Console
from deploy.local.plan import Composition, found_ports
from deploy.local.service_spec import StackSpec
from deploy.local.settings import LocalSettings
from deploy.local.stack_secrets import load_or_create
from deploy.local.state_folder import AlreadyRunningError, StateFolder


async def migrate(settings: LocalSettings, console: Console) -> None:
    """Against the running stack's PostgreSQL when there is one, else against one started for the moment."""
    state = StateFolder(settings.home)
    state.make()
    secrets = load_or_create(state.secrets)
    reserved = frozenset(settings.fixed_ports.values())
    try:
        with state.lock():
            ports = state.engine_ports(found_ports(settings.replicas), reserved)
            await _with_postgres(Composition(settings, secrets, ports).plan(), state, console)
    except AlreadyRunningError:
        described = json.loads(state.stack.read_text(encoding="utf-8"))
        await _run_migrations(Composition(settings, secrets, described["ports"]).plan(), state, console)
    console.say("The databases are up to date", "green")


async def _with_postgres(plan: StackSpec, state: StateFolder, console: Console) -> None:
    part = next(part for part in plan.parts if part.name == "postgres")
    child = Child(part, state.logs, console, on_change=lambda: None)
    keeping = asyncio.create_task(child.keep_running())
    ready = asyncio.create_task(child.ready.wait())
    try:
        await asyncio.wait({keeping, ready}, return_when=asyncio.FIRST_COMPLETED)
        if keeping.done():
            await keeping
        await _run_migrations(plan, state, console)
    finally:
        keeping.cancel()
        ready.cancel()
        await child.stop()


async def _run_migrations(plan: StackSpec, state: StateFolder, console: Console) -> None:
    for job in plan.jobs:
        if job.name.endswith("-migrate"):
            await run_job(job, state.logs, console)
            console.say(f"{job.name} is done", "green")
