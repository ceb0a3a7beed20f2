"""Limits how many updates of one ticket this process has under way, for a workflow takes ten in all.

One more, and Temporal (1.31) forgets all that are under way, and their workflow task: everybody tries again, and while
some dozens do so at once, hardly anybody gets an answer.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from shared.contracts.base import TicketId
from shared.kit.ticket_errors import TicketStuck

AT_ONCE = 2
"""By five processes a ticket is then given no more than it takes; a third would wait for the first in any case."""
WAIT_SECONDS = 5.0
"""Those before have then not been answered either."""


class UpdatesUnderWay:
    """Places for updates, so many for each ticket, given in the order in which they are asked for."""

    def __init__(self) -> None:
        self._places: WeakValueDictionary[TicketId, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def place(self, ticket_id: TicketId) -> AsyncIterator[None]:
        """Waits for a place and keeps it for the duration of the block. Raises TicketStuck."""
        places = self._places.get(ticket_id)
        if places is None:
            places = self._places[ticket_id] = asyncio.Semaphore(AT_ONCE)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await places.acquire()
        except TimeoutError as error:
            raise TicketStuck("others wait for the ticket's answer already") from error
        try:
            yield
        finally:
            places.release()
