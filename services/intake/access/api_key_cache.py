"""API keys, cached for seconds; compared in constant time, with a rate limit per key."""

import time
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from sqlalchemy import select, update

from services.intake.access.key_scopes import KeyScope
from services.intake.models import StoredApiKey
from shared.kit.auth import ApiKey, digest_of
from shared.kit.clock import utc_now
from shared.kit.db import Database
from shared.kit.http.rate_limits import Budgets, RateLimiter

ADMINISTRATORS_PER_MINUTE = 600
REMEMBER_SECONDS = 5.0
"""A revoked or changed key goes on working for at most this long."""
USE_NOTED_EVERY = 60.0
"""Seconds: `last_used_at` is this coarse, so that using a key does not mean writing a row."""
NOBODYS_DIGEST = digest_of("")
"""Dummy digest for constant-time look-up of unknown keys; no secret has it."""


@dataclass(frozen=True, slots=True)
class KnownKey:
    """An active key, with what limits it."""

    key_id: str
    digest: bytes
    previous_digest: bytes
    previous_until: datetime | None
    expires_at: datetime | None
    scopes: frozenset[str]
    networks: tuple[IPv4Network | IPv6Network, ...]
    limiter: RateLimiter
    fresh_until: float

    def opens_with(self, key: ApiKey, now: datetime) -> bool:
        """Whether the secret is the present one, or the one before while both work, and the key has not expired."""
        is_present, is_previous = key.matches(self.digest), key.matches(self.previous_digest)
        overlaps = self.previous_until is not None and now < self.previous_until
        has_expired = self.expires_at is not None and now >= self.expires_at
        return (is_present or (is_previous and overlaps)) and not has_expired

    def may(self, scope: KeyScope) -> bool:
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


DUMMY_KEY = KnownKey("", NOBODYS_DIGEST, NOBODYS_DIGEST, None, None, frozenset(), (), RateLimiter("nobody", 1), 0.0)


class ApiKeyCache:
    """The keys in use, each remembered for a few seconds."""

    def __init__(self, database: Database, budgets: Budgets | None = None) -> None:
        self._database = database
        self._budgets = budgets
        self._known: dict[str, KnownKey] = {}
        self._limiters: dict[int, RateLimiter] = {}
        self._noted: dict[str, float] = {}

    def recall(self, key: ApiKey | None) -> KnownKey | None:
        """The key, if it was in use within the last seconds: without asking the database."""
        known = self._known.get(key.key_id) if key else None
        if key is None or known is None or known.fresh_until < time.monotonic():
            return None
        return known if known.opens_with(key, utc_now()) else None

    async def find(self, key: ApiKey | None) -> KnownKey | None:
        """The active key that a caller holds; None for everything else.

        Whatever is not recalled costs one query and the same comparisons, whether there is such a key or not.
        """
        if (recalled := self.recall(key)) is not None:
            return recalled
        if key is None:
            return None
        known = await self._look_up(key.key_id) or DUMMY_KEY
        if not known.opens_with(key, utc_now()):
            return None
        await self._note_use(key.key_id)
        return known

    def of_administrator(self, agent_id: str) -> KnownKey:
        """What stands for an administrator of the desk, who has no key: it sets up, and has a limit as keys do."""
        limiter = self._limiter(ADMINISTRATORS_PER_MINUTE)
        scopes = frozenset({KeyScope.ADMIN.value})
        return KnownKey(f"agent-{agent_id}", NOBODYS_DIGEST, NOBODYS_DIGEST, None, None, scopes, (), limiter, 0.0)

    def forget(self, key_id: str) -> None:
        """Drops the cache of this process; other processes see the change within seconds."""
        self._known.pop(key_id, None)

    async def _look_up(self, key_id: str) -> KnownKey | None:
        async with self._database.begin() as session:
            stored = await session.scalar(
                select(StoredApiKey).where(StoredApiKey.key_id == key_id, StoredApiKey.is_active)
            )
        if stored is None:
            self._known.pop(key_id, None)
            return None
        known = self._known[key_id] = self._remembered(stored)
        return known

    def _remembered(self, stored: StoredApiKey) -> KnownKey:
        limiter = self._limiters.setdefault(
            stored.per_minute, RateLimiter("api-key", stored.per_minute, shared=self._budgets)
        )
        return KnownKey(
            key_id=stored.key_id,
            digest=stored.digest,
            previous_digest=stored.previous_digest or NOBODYS_DIGEST,
            previous_until=stored.previous_until,
            expires_at=stored.expires_at,
            scopes=frozenset(stored.scopes),
            networks=tuple(ip_network(cidr) for cidr in stored.cidrs),
            limiter=limiter,
            fresh_until=time.monotonic() + REMEMBER_SECONDS,
        )

    def _limiter(self, per_minute: int) -> RateLimiter:
        """The limiter of all keys with that budget."""
        limiter = self._limiters.get(per_minute)
        if limiter is None:
            limiter = self._limiters[per_minute] = RateLimiter("api-key", per_minute, shared=self._budgets)
        return limiter

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
