"""A FastAPI app with the house's conventions: request ids, body limit, metrics, headers, health."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

from fastapi import FastAPI, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, unbind_contextvars

from shared.kit.clock import new_id
from shared.kit.http import documents, problems
from shared.kit.http.body_limits import limited
from shared.kit.http.health import Check, install_health
from shared.kit.settings import Settings
from shared.kit.telemetry import HTTP_SECONDS

MAX_BODY = 512 * 1024
"""Bytes, where nothing else is said; a larger request is refused while it is read, never buffered whole."""

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
BodyLimit = Callable[[str], int]
"""The bytes a request to a path may have."""

SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        b"font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
)


class Conventions:
    """Pure ASGI middleware: id, size limit, headers and duration for every request."""

    def __init__(self, app: ASGIApp, service: str, body_limit: BodyLimit) -> None:
        self.app = app
        self.service = service
        self.body_limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = str(new_id())
        scope.setdefault("state", {})["request_id"] = request_id
        bind_contextvars(request_id=request_id)
        started, status = time.perf_counter(), 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode()),
                    *(header for header in SECURITY_HEADERS if header[0] not in present),
                ]
            await send(message)

        try:
            await self.app(scope, limited(scope, receive, self.body_limit(scope["path"])), send_with_headers)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            HTTP_SECONDS.labels(self.service, scope["method"], route, str(status)).observe(
                time.perf_counter() - started
            )
            unbind_contextvars("request_id")


def usual_body_limit(_: str) -> int:
    """The same for every path."""
    return MAX_BODY


def create_app(
    *,
    title: str,
    service: str,
    settings: Settings,
    lifespan: Lifespan,
    needed: Mapping[str, Check],
    wanted: Mapping[str, Check],
    body_limit: BodyLimit = usual_body_limit,
) -> FastAPI:
    """An app with health routes. `needed` must answer for readiness; what is only `wanted` is named as degraded."""
    app = FastAPI(
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
    app.add_middleware(Conventions, service=service, body_limit=body_limit)
    problems.install(app)
    documents.describe(app)

    install_health(app, settings, needed, wanted)
    return app


async def body_of(request: Request) -> bytes:
    """The raw body, for fingerprints."""
    return await request.body()


def canonical(data: object) -> bytes:
    """JSON with sorted keys, for fingerprints."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), default=str).encode()
