"""What every request to every process gets: an id, a size limit, security headers, and its duration in the metrics."""

import re
import time
from collections.abc import Callable
from contextlib import nullcontext

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, unbind_contextvars

from shared.kit.client_lanes import CLIENT
from shared.kit.clock import new_id
from shared.kit.http.body_limits import limited
from shared.kit.http.client_address import address_of, network_of, read_address
from shared.kit.networks import Network, is_in
from shared.kit.telemetry import HTTP_SECONDS
from shared.kit.tracing import Span, server_span

MAX_BODY = 1280 * 1024
"""Bytes, where nothing else is said; a larger request is refused while it is read, never buffered whole.

JSON and forms may write a text at its limit in three times its bytes, and beside it can stand ten thousand ids.
"""

TICKET_PATH = re.compile(r"/tickets/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:/|$)", re.ASCII | re.IGNORECASE)
"""Ids only: a number or anything else in the path could be a person's words."""

UNTRACED = frozenset({"/healthz", "/readyz", "/metrics"})
"""What machines ask all the time."""

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
    (b"cross-origin-opener-policy", b"same-origin"),
)
HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")
"""For a year browsers come over https alone. Not for subdomains: they may be other people's sites."""


class Conventions:
    """Pure ASGI middleware: id, size limit, headers and duration for every request."""

    def __init__(
        self,
        app: ASGIApp,
        service: str,
        body_limit: BodyLimit,
        trusted_proxies: tuple[Network, ...] = (),
        *,
        is_https: bool = False,
    ) -> None:
        self.app = app
        self.trusted_proxies = trusted_proxies
        self.headers = (*SECURITY_HEADERS, HTTPS_ONLY) if is_https else SECURITY_HEADERS
        self.service = service
        self.body_limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = str(new_id())
        scope.setdefault("state", {})["request_id"] = request_id
        bind_contextvars(request_id=request_id, **_named_ticket(scope["path"]))
        CLIENT.set(lambda: network_of(address_of(Request(scope), self.trusted_proxies)))
        started, status = time.perf_counter(), 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode()),
                    *(header for header in self.headers if header[0] not in present),
                ]
            await send(message)

        try:
            with server_span(self._parent(scope)) if scope["path"] not in UNTRACED else nullcontext() as span:
                try:
                    await self.app(scope, limited(scope, receive, self.body_limit(scope["path"])), send_with_headers)
                finally:
                    if span is not None:
                        _describe(span, self.service, scope, status, request_id)
        finally:
            route = _route(scope)
            HTTP_SECONDS.labels(self.service, scope["method"], route, str(status)).observe(
                time.perf_counter() - started
            )
            unbind_contextvars("request_id", "ticket_id")

    def _parent(self, scope: Scope) -> str | None:
        """The trace of a caller who is believed: a proxy of ours."""
        peer = read_address(scope["client"][0]) if scope.get("client") else None
        if peer is None or not is_in(peer, self.trusted_proxies):
            return None
        return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), None)


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "unmatched")


def _describe(span: Span, service: str, scope: Scope, status: int, request_id: str) -> None:
    """What is known once a request has been served; paths stay out of it, for they can hold people's words."""
    route = _route(scope)
    span.name = f"{scope['method']} {route}"
    span.has_failed = status >= 500
    span.attributes |= {
        "http.request.method": scope["method"],
        "http.route": route,
        "http.response.status_code": str(status),
        "everdesk.service": service,
        "everdesk.request_id": request_id,
    }


def _named_ticket(path: str) -> dict[str, str]:
    """The ticket a path is about, for every line that is logged meanwhile."""
    found = TICKET_PATH.search(path) if "/tickets/" in path else None
    return {"ticket_id": found[1]} if found else {}


def usual_body_limit(_: str) -> int:
    """The same for every path."""
    return MAX_BODY
