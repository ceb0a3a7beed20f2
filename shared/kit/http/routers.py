"""A router that refuses a path by how it begins, before any route's pattern is compared, for apps with many routers."""

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.params import Depends
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from shared.kit.http.late_route import LateRoute


class HttpRouter(APIRouter):
    """An `APIRouter` whose `matches` first compares the beginnings of its paths, up to their first parameter.

    FastAPI's compares a path with the pattern of each route of each router, twice, until one fits.
    """

    def __init__(self, **settings: Any) -> None:
        """`settings` are those of FastAPI's routers."""
        super().__init__(**{"route_class": LateRoute} | settings)
        self._included: list[tuple[str, HttpRouter]] = []
        self._within = ""
        self._beginnings: tuple[str, ...] = ()
        self._routes_seen = 0

    def include_router(self, router: APIRouter, *, prefix: str = "") -> None:  # type: ignore[override]
        """Takes another's routes in; only one of this kind says how its paths begin."""
        if not isinstance(router, HttpRouter):
            raise TypeError("a router that sees at a glance holds only such routers")
        self._included.append((prefix, router))

    def include_in(
        self, app: FastAPI, *, prefix: str = "", dependencies: Sequence[Depends] = (), include_in_schema: bool = True
    ) -> None:
        """Gives its routes to an app, then those taken in, always under the same prefix.

        The app gets each router itself: of one that lies in another FastAPI reads the routes several times.
        """
        self._within, self._routes_seen = prefix, 0
        if self.routes:
            app.include_router(self, prefix=prefix, dependencies=dependencies, include_in_schema=include_in_schema)
        for inner, router in self._included:
            router.include_in(
                app,
                prefix=prefix + self.prefix + inner,
                dependencies=[*dependencies, *self.dependencies],
                include_in_schema=include_in_schema and self.include_in_schema,
            )

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether a route has this path. None has, if each begins differently up to its first parameter."""
        if self._routes_seen != len(self.routes):
            self._beginnings, self._routes_seen = tuple(set(self._paths_begin())), len(self.routes)
        if not scope.get("root_path") and not scope["path"].startswith(self._beginnings):
            return Match.NONE, {}
        return super().matches(scope)

    def _paths_begin(self) -> Iterator[str]:
        for route in self.routes:
            if isinstance(route, APIRoute):
                yield self._within + route.path.partition("{")[0]
