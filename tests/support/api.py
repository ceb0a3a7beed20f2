"""A client of the running system, for tests: it tries again what may safely be tried again."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx2

from shared.kit.clock import new_id
from tests.support.eventually import eventually

Json = dict[str, Any]
RETRIED = (500, 502, 503, 504, 409, 429)
TRY_FOR = 90.0


@dataclass
class Api:
    """One service, called as one caller. Every POST carries an Idempotency-Key, so a retry takes effect once."""

    base_url: str
    token: str | None = None
    client: httpx2.AsyncClient = field(default_factory=lambda: httpx2.AsyncClient(timeout=20))

    async def get(self, path: str, **query: Any) -> Json:
        response = await self._send("GET", path, params=query)
        assert response.status_code == 200, response.text
        body: Json = response.json()
        return body

    async def post(self, path: str, body: Json | None = None, *, expect: int | None = None, **headers: str) -> Json:
        key = {"Idempotency-Key": str(new_id())}
        response = await self._send("POST", path, json=body or {}, headers=key | headers)
        wanted = (expect,) if expect else (200, 201)
        assert response.status_code in wanted, f"{path}: {response.status_code} {response.text}"
        answer: Json = response.json()
        return answer

    async def all(self, path: str, **query: Any) -> list[Json]:
        """Every item of a list, page by page."""
        items: list[Json] = []
        page = await self.get(path, limit=200, **query)
        items += page["items"]
        while page["next_cursor"]:
            page = await self.get(path, limit=200, cursor=page["next_cursor"], **query)
            items += page["items"]
        return items

    async def _send(self, method: str, path: str, **arguments: Any) -> httpx2.Response:
        headers = arguments.pop("headers", {}) | ({"Authorization": f"Bearer {self.token}"} if self.token else {})
        deadline = asyncio.get_running_loop().time() + TRY_FOR
        while True:
            try:
                response = await self.client.request(method, self.base_url + path, headers=headers, **arguments)
            except httpx2.TransportError:
                response = None
            if response is not None and not _may_retry(response):
                return response
            if asyncio.get_running_loop().time() > deadline:
                assert response is not None, f"{method} {path}: no answer within {TRY_FOR} s"
                return response
            await asyncio.sleep(0.2)


def _may_retry(response: httpx2.Response) -> bool:
    if response.status_code == 409:
        return response.json().get("code") in ("request_in_flight", "unknown_ticket")
    return response.status_code in RETRIED and response.status_code != 500


@dataclass
class SystemClients:
    """The running system as its users reach it."""

    description: Json

    def __post_init__(self) -> None:
        urls = self.description["urls"]
        credentials = self.description["credentials"]
        self.intake = Api(urls["intake"], credentials["api_key"])
        self.desk = Api(urls["assignment"])
        self.notification = Api(urls["notification"], credentials.get("operator_token"))
        self.mail = Api(urls["mail"])

    async def sign_in(self, email: str) -> Api:
        account = next(each for each in self.description["credentials"]["agents"] if each["email"] == email)
        session = await self.desk.post("/v1/sessions", {"email": account["email"], "password": account["password"]})
        return Api(self.desk.base_url, session["access_token"])

    async def submit(self, subject: str, email: str = "dana@bank.example", **changes: Any) -> Json:
        body = {
            "requester": {"email": email, "name": "Dana Ruiz"},
            "subject": subject,
            "body": "Login returns 502.",
            "body_format": "text",
            "topic": "online-banking",
        }
        return await self.intake.post("/v1/tickets", body | changes, expect=201)

    async def mails_to(self, address: str) -> list[Json]:
        found = await self.mail.get("/api/v1/search", query=f"to:{address}", limit=200)
        messages: list[Json] = found["messages"]
        return messages


async def status_is(agent: Api, ticket_id: str, status: str, within: float = 20) -> Json:
    """The ticket, once it has that status in the agents' read model."""

    async def ticket() -> Json:
        found = await agent.get(f"/v1/tickets/{ticket_id}")
        assert found["status"] == status, found["status"]
        return found

    return await eventually(ticket, within)
