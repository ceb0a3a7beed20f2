"""HTTP client of another service's admin API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import httpx2
from pydantic_core import from_json, to_json

from shared.kit.administrator_passes import Administrator, AdministratorPasses, PassedRequest
from shared.kit.http.problems import Problem, unavailable
from shared.kit.telemetry import log

ANSWERS_WITHIN = httpx2.Timeout(10.0, connect=2.0)
MOST_CONNECTIONS = httpx2.Limits(max_connections=20, max_keepalive_connections=5)


@dataclass(frozen=True, slots=True)
class SiblingAnswer:
    """What the other service answered."""

    status: int
    body: Any
    etag: str | None


class SiblingService:
    """One service at one address inside; no proxy, no redirect and no credential of the environment is used."""

    def __init__(self, name: str, url: str, passes: AdministratorPasses) -> None:
        self._name, self._passes = name, passes
        self._client = httpx2.AsyncClient(
            base_url=url.rstrip("/"), timeout=ANSWERS_WITHIN, limits=MOST_CONNECTIONS, trust_env=False
        )

    async def call(
        self,
        who: Administrator,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> SiblingAnswer:
        """One request. Raises the Problem that the service answered, and Problem 503 if it does not answer."""
        content = to_json(body) if body is not None else b""
        target = f"{path}?{urlencode(query)}" if query else path
        request = self._client.build_request(method, target, content=content, headers=dict(headers or {}))
        asked = PassedRequest(self._name, method, request.url.raw_path.decode(), content)
        request.headers["Authorization"] = self._passes.make(who, asked)
        if content:
            request.headers["Content-Type"] = "application/json"
        try:
            response = await self._client.send(request)
        except httpx2.HTTPError as error:
            log.warning("sibling.unreachable", service=self._name, error=type(error).__name__)
            raise unavailable(f"the {self._name} service does not answer; nothing was changed here") from error
        return _read(self._name, response)

    async def close(self) -> None:
        """Ends the connections."""
        await self._client.aclose()


def in_path(text: str) -> str:
    """A value as one part of a path."""
    return quote(text, safe="")


def _read(name: str, response: httpx2.Response) -> SiblingAnswer:
    try:
        body = from_json(response.content) if response.content else None
    except ValueError:
        raise unavailable(f"the {name} service answered something unreadable") from None
    if response.is_success:
        return SiblingAnswer(response.status_code, body, response.headers.get("etag"))
    told = body if isinstance(body, dict) else {}
    if response.status_code in {401, 403} or response.status_code >= 500:
        log.error("sibling.refused", service=name, status=response.status_code, code=told.get("code"))
        raise unavailable(f"the {name} service did not accept the request; nothing was changed")
    errors = [one for one in told.get("errors", []) if isinstance(one, dict)]
    detail = str(told.get("detail", "refused"))
    raise Problem(response.status_code, str(told.get("code", "refused")), detail, errors=errors)
