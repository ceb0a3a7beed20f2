"""The desk as a browser without scripts uses it: pages, their forms, and cookies that are kept."""

import re
from dataclasses import dataclass
from typing import Self

import httpx2
from fastapi import FastAPI

from tests.services.assignment.desk import PASSWORD

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class Surfer:
    """One browser; `page` is what it shows now."""

    http: httpx2.AsyncClient
    page: str = ""
    status: int = 0
    path: str = ""

    @classmethod
    def of(cls, app: FastAPI, address: str = "198.51.100.7", scheme: str = "http") -> Self:
        """A browser at a network address."""
        transport = httpx2.ASGITransport(app=app, client=(address, 4711))
        return cls(httpx2.AsyncClient(transport=transport, base_url=f"{scheme}://desk.example"))

    async def open(self, path: str) -> Self:
        """Goes to a page, and on to where it redirects."""
        return self._shown(await self.http.get(path, follow_redirects=True))

    async def send(self, path: str, **fields: str) -> Self:
        """Sends a form that the present page could hold."""
        token = TOKEN.search(self.page)
        assert token, self.page
        form = {"csrf_token": token[1]} | fields
        return self._shown(await self.http.post(path, data=form, follow_redirects=True))

    async def sign_in(self, email: str, password: str = PASSWORD, path: str = "/account") -> Self:
        """The first step of a sign-in."""
        await self.open(f"/?again=yes&next={path}")
        return await self.send("/sign-in", email=email, password=password, next=path)

    def _shown(self, answer: httpx2.Response) -> Self:
        self.page, self.status, self.path = answer.text, answer.status_code, answer.url.path
        return self
