"""The queue of sign-ins before their password is hashed: few at once, networks in turn, nobody waits for long."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.kit.http.problems import Problem, unavailable

AT_ONCE = 4
"""More would only wait for the hashing threads, holding what they have read."""
MOST_WAITING = 500
LONGEST_WAIT = 10.0
"""Seconds; whoever is answered later has given up."""
LOOK_UPS_AT_ONCE = 2
"""So that a thousand attempts at one moment leave the database's connections to others."""

Turn = asyncio.Future[None]


class SignInQueue:
    """Lets few sign-ins be looked at at once.

    Browsers known from an earlier sign-in go first. Of the others each network has its turn, so that a flood from few
    networks holds up itself. Nobody waits longer than `longest` seconds, and not more than `waiting` wait: then whoever
    came last from the network with most of them is refused, without a look at account or password.
    """

    def __init__(self, at_once: int = AT_ONCE, waiting: int = MOST_WAITING, longest: float = LONGEST_WAIT) -> None:
        self._free, self._room, self._longest = at_once, waiting, longest
        self._looking, self._awaiting_look_up = asyncio.Semaphore(LOOK_UPS_AT_ONCE), 0
        self._looking_at_known = asyncio.Semaphore(1)
        self._known: deque[Turn] = deque()
        self._networks: OrderedDict[str, deque[Turn]] = OrderedDict()
        self._waiting = 0

    @asynccontextmanager
    async def look_up(self, *, is_known: bool = False) -> AsyncIterator[None]:
        """For what is read of an attempt before it waits for its turn; known browsers do not wait for others.

        Raises Problem 503 as `enter` does.
        """
        looking = self._looking_at_known if is_known else self._looking
        if self._awaiting_look_up >= self._room and not is_known:
            raise _too_many()
        self._awaiting_look_up += not is_known
        try:
            async with asyncio.timeout(self._longest):
                await looking.acquire()
        except TimeoutError as late:
            raise _too_many() from late
        finally:
            self._awaiting_look_up -= not is_known
        try:
            yield
        finally:
            looking.release()

    @asynccontextmanager
    async def enter(self, network: str, *, is_known: bool = False) -> AsyncIterator[None]:
        """Waits for a place. Raises Problem 503 when too many wait, or after the longest wait."""
        await self._wait(network, is_known=is_known)
        try:
            yield
        finally:
            self._free += 1
            self._call_next()

    async def _wait(self, network: str, *, is_known: bool) -> None:
        if self._free:
            self._free -= 1
            return
        turn: Turn = asyncio.get_running_loop().create_future()
        line = self._known if is_known else self._line_of(network)
        line.append(turn)
        self._waiting += 1
        is_called = False
        try:
            async with asyncio.timeout(self._longest):
                await turn
            is_called = True
        except TimeoutError as late:
            raise _too_many() from late
        finally:
            self._waiting -= 1
            self._leave(line, turn, network)
            if not is_called and turn.done() and not turn.cancelled() and turn.exception() is None:
                self._free += 1  # the turn came at the very moment at which its guest gave up
                self._call_next()

    def _leave(self, line: deque[Turn], turn: Turn, network: str) -> None:
        if turn in line:
            line.remove(turn)
        if not line and self._networks.get(network) is line:
            del self._networks[network]

    def _line_of(self, network: str) -> deque[Turn]:
        """The line of a network, with room in it. Raises Problem 503."""
        line = self._networks.get(network, deque())
        if self._waiting >= self._room:
            longest = max(self._networks.values(), key=len, default=line)
            if len(longest) <= len(line) + 1:
                raise _too_many()
            longest.pop().set_exception(_too_many())
        self._networks[network] = line
        return line

    def _call_next(self) -> None:
        while self._free and (turn := self._next()) is not None:
            if not turn.done():
                self._free -= 1
                turn.set_result(None)

    def _next(self) -> Turn | None:
        if self._known:
            return self._known.popleft()
        if not self._networks:
            return None
        network, line = self._networks.popitem(last=False)
        turn = line.popleft()
        if line:
            self._networks[network] = line
        return turn


def _too_many() -> Problem:
    return unavailable("too many sign-ins at this moment; try again soon", retry_after=10)
