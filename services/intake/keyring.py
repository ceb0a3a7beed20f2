"""API keys as requests meet them: looked up rarely, compared in constant time, counted per key."""

import time
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from sqlalchemy import select, update

from services.intake.commands.keys import Scope
from services.intake.models import StoredApiKey
from shared.kit.auth import ApiKey
from shared.kit.clock import utc_now
from shared.kit.db import Database
from shared.kit.http.limits import RateLimiter

REMEMBER_SECONDS = 5.0
"""A revoked or changed key goes on working for at most this long."""
USE_NOTED_EVERY = 60.0
"""Seconds: `last_used_at` is this coarse, so that using a key does not mean writing a row."""


@dataclass(frozen=True, slots=True)
class KnownKey:
    """An active key, with what limits it."""

    key_id: str
    digest: bytes
    scopes: frozenset[str]
    networks: tuple[IPv4Network | IPv6Network, ...]
    limiter: RateLimiter
    fresh_until: float

    def may(self, scope: Scope) -> bool:
        """Whether the key has the scope."""
        return scope in self.scopes

    def may_come_from(self, address: str) -> bool:
        """Whether the key may be used from that address."""
        if not self.networks:
            return True
        try:
            peer = ip_address(address)
        except ValueError:
            return False
        return any(peer in network for network in self.networks)


class KeyRing:
    """The keys in use, each remembered for a few seconds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, KnownKey] = {}
        self._limiters: dict[int, RateLimiter] = {}
        self._noted: dict[str, float] = {}

    async def find(self, text: str) -> KnownKey | None:
        """The active key written in `text`; None for everything else."""
        key = ApiKey.parse(text)
        if key is None:
            return None
        known = self._known.get(key.key_id)
        if known is None or known.fresh_until < time.monotonic():
            known = await self._look_up(key)
        return known if known and key.matches(known.digest) else None

    async def _look_up(self, key: ApiKey) -> KnownKey | None:
        async with self._database.begin() as session:
            stored = await session.scalar(
                select(StoredApiKey).where(StoredApiKey.key_id == key.key_id, StoredApiKey.is_active)
            )
        self._known.pop(key.key_id, None)
        if stored is None or not key.matches(stored.digest):
            return None
        await self._note_use(key.key_id)
        known = self._known[key.key_id] = self._remembered(stored)
        return known

    def _remembered(self, stored: StoredApiKey) -> KnownKey:
        limiter = self._limiters.setdefault(stored.per_minute, RateLimiter("api-key", stored.per_minute))
        return KnownKey(
            key_id=stored.key_id,
            digest=stored.digest,
            scopes=frozenset(stored.scopes),
            networks=tuple(ip_network(cidr) for cidr in stored.cidrs),
            limiter=limiter,
            fresh_until=time.monotonic() + REMEMBER_SECONDS,
        )

    async def _note_use(self, key_id: str) -> None:
        """Writes the time of use, at most once a minute from this process."""
        now = time.monotonic()
        if now < self._noted.get(key_id, 0.0):
            return
        self._noted[key_id] = now + USE_NOTED_EVERY
        async with self._database.begin() as session:
            await session.execute(
                update(StoredApiKey).where(StoredApiKey.key_id == key_id).values(last_used_at=utc_now())
            )
