"""JSON over HTTP as a good client speaks it: keys that make retries safe, and waiting when asked to."""

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import httpx2

from deploy.demo.checks import DemoError, StepFailed

GIVE_UP_AFTER = 180.0
"""Seconds a request may be answered with "not now" before that is a failure."""
RESTARTS_WITHIN = 30.0
"""Seconds a service may be gone that was there before, as when its supervisor starts it again."""
STARTS_WITHIN = 3.0
"""Seconds for the very first answer."""
_LONGEST_WAIT = 5.0
_TRY_AGAIN = 0.25
_NOT_NOW = {429, 503}


@dataclass(frozen=True, slots=True)
class ServiceResponse:
    """A status and the JSON that came with it."""

    status: int
    body: Any

    @property
    def code(self) -> str:
        """The problem's code; empty where there is no problem."""
        return str(self.body.get("code", "")) if isinstance(self.body, dict) else ""

    @property
    def in_short(self) -> str:
        """For messages: status, code and the sentence."""
        if isinstance(self.body, dict) and "code" in self.body:
            return f"{self.status} {self.code}: {self.body.get('detail', '')}"
        return f"{self.status} {json.dumps(self.body)[:300]}"


class ServiceClient:
    """A connection pool to one service, with its credential."""

    name = "service"

    def __init__(
        self, url: str, token: str | None = None, connections: int = 20, *, verify: ssl.SSLContext | bool = True
    ) -> None:
        """`verify` says whose certificates are believed, where the service is served over https."""
        self._patience = STARTS_WITHIN
        self._http = httpx2.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=httpx2.Timeout(30.0, connect=5.0),
            limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
            trust_env=False,
            verify=verify,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_ended: object) -> None:
        await self._http.aclose()

    async def get(self, path: str, **query: str | int) -> Any:
        """What a path holds. Raises StepFailed unless it answers 200."""
        return self._expected(200, "GET", path, await self.ask("GET", path, query=query)).body

    async def find(self, path: str) -> Any:
        """What a path holds, or None for 404."""
        answer = await self.ask("GET", path)
        return None if answer.status == 404 else self._expected(200, "GET", path, answer).body

    async def post(self, path: str, body: Mapping[str, Any], *, key: str | None = None, expect: int = 200) -> Any:
        """The answer to a change. Raises StepFailed if it is another than expected."""
        return self._expected(expect, "POST", path, await self.ask("POST", path, body=body, key=key)).body

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> ServiceResponse:
        """One request, sent again with the same key for as long as the service asks to wait or cannot be reached."""
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        headers = {"Idempotency-Key": key} if key else {}
        while True:
            try:
                got = await self._http.request(method, path, params=query or None, json=body, headers=headers)
            except httpx2.TransportError as problem:
                if loop.time() - asked_at > self._patience:
                    raise DemoError(f"{self.name} cannot be reached at {self._http.base_url}: {problem!r}") from None
                await asyncio.sleep(_TRY_AGAIN)
                continue
            self._patience = RESTARTS_WITHIN
            if not _says_not_now(got) or loop.time() - asked_at > GIVE_UP_AFTER:
                return ServiceResponse(got.status_code, _json_of(got))
            await asyncio.sleep(_wait_of(got))

    def _expected(self, status: int, method: str, path: str, answer: ServiceResponse) -> ServiceResponse:
        if answer.status != status:
            raise StepFailed(f"{self.name}: {method} {path}", status, answer.in_short)
        return answer


def _says_not_now(got: httpx2.Response) -> bool:
    return got.status_code in _NOT_NOW or (got.status_code == 409 and "retry-after" in got.headers)


def _wait_of(got: httpx2.Response) -> float:
    asked = got.headers.get("retry-after", "")
    return min(float(asked) if asked.isdigit() else 1.0, _LONGEST_WAIT)


def _json_of(got: httpx2.Response) -> Any:
    try:
        return got.json() if got.content else None
    except ValueError:
        return got.text
