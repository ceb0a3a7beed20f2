"""A Python process of the bench: started like the stack's own, ready when it says so, gone with us."""

from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.local import process
from deploy.local.engines import Stack
from deploy.local.process import inherited_environment
from deploy.local.service_spec import python

CHECKOUT = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def running(module: str, *arguments: str, env: Mapping[str, str], log: Path) -> AsyncIterator[Process]:
    """A process for as long as the block lasts; what it says goes to `log`."""
    launch = python(module, *arguments, cwd=CHECKOUT, env=inherited_environment() | dict(env))
    with log.open("ab") as output:
        child = await process.spawn(launch, output=output)
    try:
        yield child
    finally:
        await process.stop(child)


async def result_of(module: str, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """What a process printed by its end. Raises RuntimeError if it failed."""
    launch = python(module, *arguments, cwd=CHECKOUT, env=inherited_environment() | dict(env or {}))
    status, output = await process.run(launch)
    if status != 0:
        raise RuntimeError(f"{module} ended with status {status}:\n{output[-3000:]}")
    return output


def engine_environment(engines: Stack) -> dict[str, str]:
    """What a process needs to reach engines that were started for one benchmark."""
    addresses = engine_environment_of(engines.nats.url, engines.temporal.address)
    return addresses | {"EVERDESK_TEMPORAL_NAMESPACE": engines.temporal.namespace}


def engine_environment_of(nats_url: str, temporal_address: str) -> dict[str, str]:
    """The same for engines of which only the addresses are known."""
    return {
        "EVERDESK_NATS_URL": nats_url,
        "EVERDESK_TEMPORAL_ADDRESS": temporal_address,
        "EVERDESK_LINK_SECRET": "a-secret-only-for-the-bench",
        "EVERDESK_LOG_FORMAT": "console",
    }
