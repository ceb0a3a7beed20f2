"""A FastAPI app with the house's conventions, its problems and its health routes."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI, Request
from starlette.types import Receive, Scope, Send

from shared.kit.http import documents, error_handlers, problems
from shared.kit.http.conventions import BodyLimit, Conventions, usual_body_limit
from shared.kit.http.cookies import wants_secure_cookies
from shared.kit.http.health import Check, health_routes
from shared.kit.http.path_prefix import PathPrefix
from shared.kit.settings import ServiceSettings, Settings
from shared.kit.stopping import Stopping

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    *,
    title: str,
    service: str,
    settings: Settings,
    lifespan: Lifespan,
    needed: Mapping[str, Check],
    wanted: Mapping[str, Check],
    body_limit: BodyLimit = usual_body_limit,
    prefix: str = "",
) -> FastAPI:
    """An app with health routes. `needed` must answer for readiness; what is only `wanted` is named as degraded.

    `prefix` is the path under which others reach it on a host that it shares.
    """
    app = _App(
        prefix=prefix,
        title=title,
        version="1",
        lifespan=lifespan,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=documents.operation_id,
        responses={
            "default": {"description": "A problem", "content": {problems.MEDIA_TYPE: {"schema": documents.PROBLEM}}}
        },
    )
    proxies = settings.trusted_proxies if isinstance(settings, ServiceSettings) else ()
    app.add_middleware(
        Conventions, service=service, body_limit=body_limit, trusted_proxies=proxies, is_https=_is_https(settings)
    )
    error_handlers.install(app)
    documents.describe(app)

    app.state.stopping = Stopping()
    app.router.routes.extend(health_routes(settings, needed, wanted))
    return app


class _App(FastAPI):
    """One whose path prefix is off before any middleware looks at the path, in whatever order they are added."""

    def __init__(self, *, prefix: str, **settings: Any) -> None:
        super().__init__(servers=[{"url": prefix}] if prefix else None, **settings)
        self._under_prefix = PathPrefix(super().__call__, prefix)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._under_prefix(scope, receive, send)


def _is_https(settings: Settings) -> bool:
    """Whether people come over https alone. One address without it counts, for both may be ports of one host."""
    is_set = isinstance(settings, ServiceSettings) and settings.secure_cookies
    return all(wants_secure_cookies(is_set, url) for url in (settings.portal_url, settings.desk_url))


async def body_of(request: Request) -> bytes:
    """The raw body, for fingerprints."""
    return await request.body()


def canonical(data: object) -> bytes:
    """JSON with sorted keys, for fingerprints."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), default=str).encode()
