"""Cache of authenticated callers for a few seconds, invalidated by every change of their rights."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.assignment.models import Agent, Membership, Role, Session, Team, table_of
from services.assignment.queries.access.callers import Caller, find_caller
from shared.contracts.vocabulary import Channel
from shared.kit.auth import digest_of
from shared.kit.db import Database
from shared.kit.notifications import NotificationListener
from shared.kit.table_changes import on_changes

ACCESS_CHANNEL: Final = "access"
"""Triggers notify it of every change to the tables below, whoever makes it."""
TABLES: Final = tuple(table_of(model) for model in (Agent, Membership, Role, Session, Team))
GROWING: Final = tuple(table_of(model) for model in (Agent, Role, Session))
"""Nobody is remembered who was not there: a sign-in forgets nobody."""
REMEMBERED: Final = timedelta(seconds=5)
"""The longest that a change of which a notification was lost goes unnoticed."""
MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class RememberedCaller:
    """A caller as they were found, and when."""

    caller: Caller
    found_at: datetime

    def is_fresh(self, now: datetime) -> bool:
        """Whether it may be used: a clock that was set back makes it old too."""
        return timedelta() <= now - self.found_at < REMEMBERED and self._works_at(now)

    def _works_at(self, now: datetime) -> bool:
        until = self.caller.signed_in_until
        return until is not None and now < until


class CallerCache:
    """The callers of the last seconds, by session and channel.

    Changes made by this process are known when its transaction has ended, those of others when their notification
    comes. While none can be heard, nothing is remembered.
    """

    def __init__(self, database: Database, dsn: str, idle: timedelta) -> None:
        """`idle` is how long a session may rest."""
        self._database = database
        self._idle = idle
        self._known: dict[tuple[bytes, Channel], RememberedCaller] = {}
        self._changes = 0
        self._waiting: set[asyncio.Event] = set()
        self._listener = NotificationListener(dsn, ACCESS_CHANNEL, lambda _: self.forget(), self.forget)
        on_changes(database.engine, TABLES, self.forget, but_new_in=GROWING)

    async def run(self) -> None:
        """Hears of changes, for ever."""
        await self._listener.run()

    async def find(self, token: str, channel: Channel, now: datetime, *, is_use: bool = True) -> Caller | None:
        """The agent a session token stands for, or None if it does not work (any more).

        Without `is_use` it is only looked whether it works: a page that stays open does not keep its session alive.
        """
        key = (digest_of(token), channel)
        known = self._known.get(key)
        if known is not None and self._listener.is_listening and known.is_fresh(now):
            return known.caller
        changes = self._changes
        caller = await find_caller(self._database, token, channel, now, self._idle, is_use=is_use)
        if caller is not None and is_use and changes == self._changes:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[key] = RememberedCaller(caller, now)
        return caller

    def forget(self) -> None:
        """Drops everything: what is being looked up at this moment is not remembered either."""
        self._changes += 1
        self._known.clear()
        for event in self._waiting:
            event.set()

    @contextmanager
    def news(self) -> Iterator[asyncio.Event]:
        """An event that is set whenever anybody's rights or sessions may have changed."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            yield event
        finally:
            self._waiting.discard(event)
