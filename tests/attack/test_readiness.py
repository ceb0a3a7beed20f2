"""Dependencies that hang, and strangers who want the figures: `/readyz` is quick, `/metrics` is not for everybody."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from shared.kit.http import health
from shared.kit.http.app import create_app
from shared.kit.settings import Settings
from tests.support.eventually import eventually

SECRET = "x" * 16


@asynccontextmanager
async def nothing(_app: FastAPI) -> AsyncIterator[None]:
    """A service that needs no start."""
    yield


def app_of(**changes: Any) -> FastAPI:
    """An app with nothing but the routes that every process has."""
    needed, wanted = changes.pop("needed", {}), changes.pop("wanted", {})
    settings = Settings(link_secret=SECRET, **changes)
    return create_app(title="t", service="t", settings=settings, lifespan=nothing, needed=needed, wanted=wanted)


def client_of(app: FastAPI, address: str = "127.0.0.1") -> httpx2.AsyncClient:
    """Somebody at an address."""
    transport = httpx2.ASGITransport(app=app, client=(address, 4711))
    return httpx2.AsyncClient(transport=transport, base_url="http://t")


async def test_readiness_answers_in_half_a_second_whatever_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "FRESH_SECONDS", 0.3)
    is_hanging, asked = False, 0

    async def check() -> None:
        nonlocal asked
        asked += 1
        if is_hanging:
            await asyncio.sleep(3600)

    async with client_of(app_of(needed={"database": check}, wanted={"bus": check})) as http:
        assert (await http.get("/readyz")).json()["status"] == "ready"
        is_hanging, asked = True, 0
        started = time.monotonic()
        answers = await asyncio.gather(*(http.get("/readyz") for _ in range(20)))
        assert time.monotonic() - started < 0.5
        assert {answer.status_code for answer in answers} <= {200, 503}
        assert asked == 2, "a question under way is not asked again"

        async def is_known() -> None:
            answer = await http.get("/readyz")
            assert answer.status_code == 503
            assert answer.json()["dependencies"] == {"database": "unreachable", "bus": "unreachable"}

        await eventually(is_known)


async def test_a_dependency_that_never_answered_is_not_ready() -> None:
    async def check() -> None:
        await asyncio.sleep(3600)

    async with client_of(app_of(needed={"database": check})) as http:
        started = time.monotonic()
        assert (await http.get("/readyz")).status_code == 503
        assert time.monotonic() - started < 0.5


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("203.0.113.9", {}, 403),
        ("10.0.0.5", {}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, 403),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, 403),
    ],
)
async def test_without_a_token_figures_are_for_the_same_machine(
    address: str, headers: dict[str, str], status: int
) -> None:
    async with client_of(app_of(), address) as http:
        assert (await http.get("/metrics", headers=headers)).status_code == status
        assert (await http.get("/healthz", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("authorization", "status"),
    [("", 401), ("Bearer wrong", 401), (f"Basic {SECRET}", 401), (f"Bearer {SECRET}", 200), ("Bearer ", 401)],
)
async def test_with_a_token_only_its_holder_reads_them(authorization: str, status: int) -> None:
    async with client_of(app_of(metrics_token=SECRET), "203.0.113.9") as http:
        answer = await http.get("/metrics", headers={"Authorization": authorization} if authorization else {})
        assert answer.status_code == status
        assert (SECRET in answer.text) is False
