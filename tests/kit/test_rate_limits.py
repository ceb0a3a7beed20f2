"""Budgets: exact for each caller, forgotten when idle, and told to whoever asks."""

from dataclasses import dataclass

import pytest
from fastapi import Request, Response

from shared.kit.http import rate_limits
from shared.kit.http.client_address import address_of, network_of
from shared.kit.http.problems import Problem
from shared.kit.http.rate_limits import RateLimiter
from shared.kit.networks import read_networks
from shared.kit.settings import ServiceSettings


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


async def refused(limiter: RateLimiter, caller: str) -> Problem | None:
    try:
        await limiter.check(None, caller)
    except Problem as problem:
        return problem
    return None


async def test_a_budget_is_spent_and_comes_back_evenly() -> None:
    clock = Clock()
    limiter = RateLimiter("test", 4, clock)
    assert [await refused(limiter, "a") for _ in range(4)] == [None] * 4
    problem = await refused(limiter, "a")
    assert problem is not None
    assert (problem.status, problem.headers["Retry-After"]) == (429, "15")
    assert problem.headers["RateLimit"] == '"test";r=0;t=60'
    assert await refused(limiter, "b") is None, "another caller has a budget of its own"
    clock.now += 14.9
    assert await refused(limiter, "a")
    clock.now += 0.1
    assert await refused(limiter, "a") is None
    assert await refused(limiter, "a")
    clock.now += 3_600
    assert [await refused(limiter, "a") is None for _ in range(5)] == [True] * 4 + [False], "no more is saved up"


async def test_a_caller_is_told_what_is_left() -> None:
    limiter, response = RateLimiter("test", 3, Clock()), Response()
    await limiter.check(response, "a")
    assert response.headers["RateLimit-Policy"] == '"test";q=3;w=60'
    assert response.headers["RateLimit"] == '"test";r=2;t=20'


async def test_idle_callers_are_forgotten() -> None:
    clock = Clock()
    limiter = RateLimiter("test", 60, clock)
    for number in range(1_000):
        await limiter.check(None, f"caller {number}")
    assert limiter.callers == 1_000
    clock.now += 61
    await limiter.check(None, "one more")
    assert limiter.callers == 1


async def test_a_flood_of_callers_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "MAX_CALLERS", 10)
    limiter = RateLimiter("test", 1, Clock())
    for number in range(100):
        assert await refused(limiter, f"caller {number}") is None
    assert limiter.callers == 10
    assert await refused(limiter, "caller 3"), "who is counted stays counted"
    assert await refused(limiter, "caller 99") is None, "who is not is let through, never put into another's budget"


def request_from(peer: str, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", text.encode()) for text in forwarded]
    return Request({"type": "http", "headers": headers, "client": (peer, 4711)})


@pytest.mark.parametrize(
    ("peer", "forwarded", "seen"),
    [
        ("198.51.100.7", "", "198.51.100.7"),
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),
        ("10.0.0.5", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.5", "203.0.113.9:51234", "203.0.113.9"),
        ("10.0.0.5", "[2001:db8::7]:443", "2001:db8::7"),
        ("10.0.0.5", "1.1.1.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.5", "203.0.113.9, 10.20.3.4", "203.0.113.9"),
        ("10.0.0.5", "10.20.3.4, 10.20.3.5", "10.20.3.4"),
        ("10.0.0.5", "unknown, 10.20.3.4", "10.20.3.4"),
        ("10.0.0.5", "'; drop table", "10.0.0.5"),
        ("::ffff:10.0.0.5", "203.0.113.9", "203.0.113.9"),
        ("fd00::1", "::ffff:203.0.113.9", "203.0.113.9"),
        ("a socket", "203.0.113.9", "a socket"),
    ],
)
def test_forwarded_addresses_count_only_from_trusted_proxies(peer: str, forwarded: str, seen: str) -> None:
    trusted = ServiceSettings.model_validate(
        {"link_secret": "x" * 16, "database_url": "x", "trusted_proxies": "10.0.0.5, 10.20.0.0/16, fd00::/8"}
    ).trusted_proxies
    assert address_of(request_from(peer, *[forwarded] * bool(forwarded)), trusted) == seen


@pytest.mark.parametrize("written", ["10.0.0.5,fd00::/8", '["10.0.0.5", "fd00::/8"]', " 10.0.0.5 , fd00::/8 "])
def test_networks_are_read_with_commas_or_as_json(written: str) -> None:
    assert read_networks(written) == ("10.0.0.5", "fd00::/8")


def test_a_customers_ipv6_network_is_one_caller() -> None:
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert network_of("203.0.113.9") == "203.0.113.9"
