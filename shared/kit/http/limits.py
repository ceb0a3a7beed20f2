"""Rate limits, counted in this process: a budget per caller, told in `RateLimit` headers."""

import math
import time

from fastapi import Request, Response
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from shared.kit.http.problems import Problem


class RateLimiter:
    """So many requests a minute per caller."""

    def __init__(self, name: str, per_minute: int) -> None:
        self.name = name
        self._item = RateLimitItemPerMinute(per_minute)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def check(self, response: Response | None, caller: str) -> None:
        """Counts one request. Raises Problem 429 with `Retry-After` when the budget is used up."""
        allowed = await self._limiter.hit(self._item, self.name, caller)
        window = await self._limiter.get_window_stats(self._item, self.name, caller)
        reset = max(1, math.ceil(window.reset_time - time.time()))
        headers = {
            "RateLimit-Policy": f'"{self.name}";q={self._item.amount};w=60',
            "RateLimit": f'"{self.name}";r={window.remaining};t={reset}',
        }
        if not allowed:
            raise Problem(
                429,
                "rate_limited",
                f"more than {self._item.amount} requests a minute; try again in {reset} s",
                headers={**headers, "Retry-After": str(reset)},
            )
        if response is not None:
            response.headers.update(headers)


def address_of(request: Request, trusted_proxies: tuple[str, ...]) -> str:
    """The caller's address; `X-Forwarded-For` counts only where a trusted proxy set it."""
    peer = request.client.host if request.client else "unknown"
    if peer in trusted_proxies and (forwarded := request.headers.get("x-forwarded-for")):
        for hop in reversed([part.strip() for part in forwarded.split(",")]):
            if hop not in trusted_proxies:
                return hop
    return peer
