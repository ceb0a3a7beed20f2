"""The application of a process that answers for its health alone, without FastAPI and what comes with it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from shared.kit.http.conventions import Conventions, usual_body_limit
from shared.kit.http.health import Check, health_routes
from shared.kit.http.problems import Problem, of_http_exception, render
from shared.kit.settings import Settings
from shared.kit.stopping import Stopping

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def create_health_app(
    service: str, settings: Settings, lifespan: Lifespan, needed: Mapping[str, Check], wanted: Mapping[str, Check]
) -> Starlette:
    """`/healthz`, `/readyz` and `/metrics`, and problems for all else."""
    app = Starlette(
        routes=health_routes(settings, needed, wanted),
        lifespan=lifespan,
        middleware=[Middleware(Conventions, service=service, body_limit=usual_body_limit)],
        exception_handlers={Problem: _refuse, HTTPException: _refuse},
    )
    app.state.stopping = Stopping()
    return app


async def _refuse(request: Request, error: Exception) -> Response:
    problem = of_http_exception(error) if isinstance(error, HTTPException) else error
    if not isinstance(problem, Problem):
        raise error
    return render(request, problem)
