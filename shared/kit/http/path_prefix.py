"""An app under a path of a host that it shares with other apps, such as `/desk` behind one front door.

Routes, templates and scripts are written as if the app had its host for itself. The prefix is taken off what comes in
and put on what goes out: on the `Location` of answers, and on addresses in pages.
"""

import re
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ADDRESS = re.compile(
    r'(\s(?:href|src|action|formaction|poster|data-(?:stream|live|canned|draft|files-to|presence|unread))=")/(?!/)'
)
"""An attribute that holds an address on this host; what people wrote cannot look so, as its quotes are escaped."""


def path_of(public_url: str) -> str:
    """The prefix that a public URL implies: `/desk` for `https://help.example.org/desk/`, empty for a whole host."""
    return urlsplit(public_url).path.rstrip("/")


def with_prefix(page: str, prefix: str) -> str:
    """The page, its addresses on this host under the prefix."""
    return _ADDRESS.sub(rf"\g<1>{prefix}/", page) if prefix else page


class PathPrefix:
    """ASGI middleware. A path without the prefix is served too: sibling services and health checks ask directly."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self.app = app
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self.prefix:
            await self.app(scope, receive, send)
            return

        async def send_located(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    (name, self._located(value) if name.lower() == b"location" else value)
                    for name, value in message["headers"]
                ]
            await send(message)

        await self.app(self._without_prefix(scope), receive, send_located)

    def _without_prefix(self, scope: Scope) -> Scope:
        if not self._is_under(scope["path"]):
            return scope
        raw = scope.get("raw_path")
        under = len(self.prefix)
        return {
            **scope,
            "path": scope["path"][under:] or "/",
            "raw_path": (raw[under:] or b"/") if raw else raw,
        }

    def _located(self, location: bytes) -> bytes:
        """An address on this host gets the prefix, unless it has it, as where a browser's own one is sent back."""
        text = location.decode("latin-1")
        if not text.startswith("/") or text.startswith("//") or self._is_under(re.split(r"[?#]", text, maxsplit=1)[0]):
            return location
        return (self.prefix + text).encode("latin-1")

    def _is_under(self, path: str) -> bool:
        return path == self.prefix or path.startswith(f"{self.prefix}/")
