"""HTTP client of intake for agents' uploads and for tickets opened on behalf of requesters."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx2
from starlette.datastructures import UploadFile
from starlette.requests import Request

from shared.kit.auth import AgentProofs

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 60.0
MAX_ANSWER = 512 * 1024
PROOF = "X-Everdesk-Agent"
"""The header with the signed statement for which agent the desk asks."""


class IntakeAway(Exception):
    """Intake does not answer."""


class IntakeClient:
    """Speaks to intake's routes for the desk. Each request carries a statement, signed for a minute, of whose it is."""

    def __init__(self, url: str, proofs: AgentProofs) -> None:
        self._proofs = proofs
        timeout = httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        self._client = httpx2.AsyncClient(base_url=url.rstrip("/"), timeout=timeout, trust_env=False)

    async def send_file(self, agent_id: UUID, request: Request) -> tuple[int, bytes]:
        """Passes a multipart form on as it arrives; status and body of the answer. Raises IntakeAway."""
        headers = {PROOF: self._proofs.sign(agent_id)}
        for name in ("content-type", "content-length"):
            if name in request.headers:
                headers[name] = request.headers[name]
        return await self._answer("/internal/attachments", headers, content=request.stream())

    async def send_spooled(self, agent_id: UUID, file: UploadFile) -> tuple[int, bytes]:
        """The same for a file that a form brought whole. Raises IntakeAway."""
        sent = {"file": (file.filename or "file", file.file, file.content_type or "application/octet-stream")}
        return await self._answer("/internal/attachments", {PROOF: self._proofs.sign(agent_id)}, files=sent)

    async def open_ticket(self, agent_id: UUID, key: str | None, body: bytes, repeated: str = "") -> tuple[int, bytes]:
        """Opens a ticket; status and body of the answer. Raises IntakeAway.

        `repeated` says of a page's form what becomes of words that came a moment ago: `asked` about, or `taken`.
        """
        headers = {PROOF: self._proofs.sign(agent_id), "content-type": "application/json"}
        if key is not None:
            headers["idempotency-key"] = key
        path = f"/internal/tickets?repeated={repeated}" if repeated else "/internal/tickets"
        return await self._answer(path, headers, content=body)

    async def list_topics(self, agent_id: UUID) -> list[dict[str, Any]]:
        """The topics with their forms. Raises IntakeAway."""
        try:
            answer = await self._client.get("/internal/topics", headers={PROOF: self._proofs.sign(agent_id)})
            answer.raise_for_status()
        except httpx2.HTTPError as error:
            raise IntakeAway(repr(error)) from error
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def close(self) -> None:
        """Ends its connections."""
        await self._client.aclose()

    async def _answer(self, path: str, headers: Mapping[str, str], **what: Any) -> tuple[int, bytes]:
        try:
            answer = await self._client.post(path, headers=dict(headers), **what)
        except httpx2.HTTPError as error:
            raise IntakeAway(repr(error)) from error
        return answer.status_code, answer.content[:MAX_ANSWER]
