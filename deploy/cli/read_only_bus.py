"""A connection to the bus that only looks: streams stay as the services have set them up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deploy.cli.environment import bus_settings
from deploy.cli.errors import CliError
from shared.kit.bus import Bus, BusUnavailable
from shared.kit.bus.connection import REFUSED

ANSWERS_WITHIN = 5.0


class ReadOnlyBus(Bus):
    """Does not touch the streams' settings, which an operator's shell need not know."""

    async def _ensure_streams(self) -> bool:
        """Nothing to set up."""
        return False

    async def _look_at_the_server(self) -> None:
        """The services have said how safe it is."""


@asynccontextmanager
async def connected() -> AsyncIterator[Bus]:
    """The bus, for as long as the block lasts. Raises CliError if NATS does not answer."""
    bus = ReadOnlyBus(bus_settings(), "everdesk-cli")
    await bus.start()
    try:
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                await bus.jetstream()
        except TimeoutError:
            raise CliError(f"NATS does not answer within {ANSWERS_WITHIN:.0f} s.") from None
        try:
            yield bus
        except (BusUnavailable, *REFUSED) as problem:
            raise CliError(f"NATS refused: {problem!r}") from None
    finally:
        await bus.stop()
