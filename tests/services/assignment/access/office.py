"""An organisation whose people sign in with its provider."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from sqlalchemy import delete

from services.assignment.models import GroupRole, ProviderIdentity, SingleSignOn
from services.assignment.web.page_base import SESSION_COOKIE
from services.assignment.web.single_sign_on import COOKIE
from shared.kit.clock import new_id
from tests.services.assignment.desk import AgentApi, Desk, Json
from tests.services.assignment.permissions.test_permissions import make
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider, running_provider


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with running_provider() as found:
        yield found


@pytest.fixture
async def connected(desk: Desk, provider: IdentityProvider) -> AsyncIterator["Office"]:
    """The desk, connected to the provider; afterwards it is not."""
    provider.sign, provider.userinfo, provider.document_changes = None, None, {}
    office = Office(desk, provider)
    await office.set(
        is_enabled=True,
        name="Acme",
        issuer=provider.issuer,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        groups_claim="",
    )
    yield office
    async with desk.database.begin() as session:
        for table in (SingleSignOn, ProviderIdentity, GroupRole):
            await session.execute(delete(table))


@dataclass
class Office:
    """People of an organisation, who sign in."""

    desk: Desk
    provider: IdentityProvider
    number: int = 1

    @property
    def place(self) -> str:
        """The path at which a sign-in with the provider begins."""
        return "/sign-in/sso" if self.number == 1 else f"/sign-in/sso/{self.number}"

    async def set(self, expect: int = 200, **changes: Any) -> Json:
        """Changes the connection."""
        return await (await self.desk.agent("ada")).patch(
            f"/v1/single-sign-on/providers/{self.number}", changes, expect=expect
        )

    async def begin(self, path: str = "/queue") -> tuple[str, str]:
        """Where the browser is sent, and its cookie."""
        answer = await self.desk.http.get(self.place, params={"next": path})
        cookie = answer.cookies.get(COOKIE) or ""
        self.desk.http.cookies.clear()
        assert answer.status_code == 303, answer.text
        return answer.headers["location"], cookie

    async def come_back(self, answer: Json, cookie: str) -> httpx2.Response:
        """The browser, back from the provider."""
        headers = {"Cookie": f"{COOKIE}={cookie}"} if cookie else {}
        response = await self.desk.http.get(f"{self.place}/callback", params=answer, headers=headers)
        self.desk.http.cookies.clear()
        return response

    async def sign_in(self, expect: int = 303, **claims: Any) -> httpx2.Response:
        """The whole way."""
        url, cookie = await self.begin()
        response = await self.come_back(self.provider.approve(url, **claims), cookie)
        assert response.status_code == expect, response.text
        assert (SESSION_COOKIE in response.cookies) == (expect == 303)
        return response

    async def me(self, response: httpx2.Response) -> Json:
        """Who the session is."""
        me: Json = await AgentApi(self.desk.http, response.cookies[SESSION_COOKIE]).get("/v1/me")
        return me

    async def person(self, **more: Any) -> Json:
        """An agent, and what the provider says of them."""
        someone = await make(self.desk, "teams", ["ticket.view"])
        email = (await (await self.desk.agent("ada")).get(f"/v1/agents/{someone.id}"))["email"]
        return {"id": someone.id, "sub": f"s-{new_id()}", "email": email, "email_verified": True, **more}


def said(person: Json) -> Json:
    return {name: value for name, value in person.items() if name != "id"}
