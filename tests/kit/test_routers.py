"""Routers of an app are passed over at a glance, and answer as FastAPI's do."""

from typing import Any

import httpx2
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from shared.kit.http.routers import HttpRouter


class CountedRoute(APIRoute):
    """Knows how often a path was compared with a pattern."""

    compared = 0

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        CountedRoute.compared += 1
        return super().matches(scope)


async def answer() -> str:
    return "yes"


def app_of_many() -> FastAPI:
    """Forty routers of ten routes each, one of them within another, one with a parameter first."""
    app = FastAPI()
    for number in range(40):
        router = HttpRouter(prefix=f"/part-{number}", route_class=CountedRoute)
        for place in range(10):
            router.add_api_route(f"/{{one}}/route-{place}", answer)
        router.include_in(app, prefix="/v1")
    outer, inner = (
        HttpRouter(prefix="/outer", route_class=CountedRoute),
        HttpRouter(prefix="/inner", route_class=CountedRoute),
    )
    inner.add_api_route("/{one}", answer, methods=["POST"])
    inner.add_api_route("/list/", answer)
    outer.include_router(inner, prefix="/between")
    outer.include_in(app, prefix="/v1")
    last = HttpRouter(route_class=CountedRoute)
    last.add_api_route("/{any}/at-the-end", answer)
    last.include_in(app)
    return app


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/part-0/x/route-0", 200),
        ("GET", "/v1/part-39/x/route-9", 200),
        ("POST", "/v1/part-39/x/route-9", 405),
        ("GET", "/part-39/x/route-9", 404),
        ("GET", "/v1/part-39/x/route-9/", 307),
        ("POST", "/v1/outer/between/inner/x", 200),
        ("GET", "/v1/outer/between/inner/x", 405),
        ("GET", "/v1/outer/between/inner/list/", 200),
        ("GET", "/outer/between/inner/list/", 404),
        ("GET", "/whatever/at-the-end", 200),
        ("GET", "/v1/nothing", 404),
    ],
)
async def test_paths_are_answered_as_they_would_be(method: str, path: str, status: int) -> None:
    transport: Any = httpx2.ASGITransport(app=app_of_many())
    async with httpx2.AsyncClient(transport=transport, base_url="http://here.example") as http:
        assert (await http.request(method, path)).status_code == status


async def test_a_path_is_compared_with_the_routes_of_its_router_only() -> None:
    transport: Any = httpx2.ASGITransport(app=app_of_many())
    async with httpx2.AsyncClient(transport=transport, base_url="http://here.example") as http:
        CountedRoute.compared = 0
        assert (await http.get("/v1/part-39/x/route-9")).status_code == 200
    assert CountedRoute.compared <= 2 * 10 + 2


def test_a_router_that_does_not_say_how_its_paths_begin_is_not_taken_in() -> None:
    with pytest.raises(TypeError, match="only such routers"):
        HttpRouter().include_router(APIRouter())
