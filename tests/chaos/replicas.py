"""Several of each process, and what stands before them: a balancer that asks who is ready, and mail clients."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from email.message import EmailMessage
from itertools import count
from typing import Any

import aiosmtplib
import httpx2

from shared.kit.clock import new_id
from tests.local.running import LocalStack
from tests.support.api import Api, Json, SystemClients
from tests.support.eventually import eventually

HOST = "127.0.0.1"
ASK_SECONDS = 0.1
TRY_AGAIN_SECONDS = 0.05
TRY_FOR = 60.0
RETRIED = (409, 503)
"""What is tried again with the same Idempotency-Key: the first attempt is under way, or the process is not ready."""


class Balancer:
    """Sends requests to those processes of a service that say that they are ready, in turn."""

    def __init__(self, urls: Sequence[str], token: str) -> None:
        self.urls = urls
        self.refused: Counter[str] = Counter()
        """How often a request was refused, by status or kind of error; each was tried again."""
        self.said_stopping: set[str] = set()
        self._ready = set(urls)
        self._turns = count()
        self._token = token
        self._http = httpx2.AsyncClient(timeout=20, trust_env=False)

    async def send(self, method: str, path: str, body: Json | None = None) -> Json:
        """The answer; tried until there is one. Raises AssertionError for one that may not be tried again."""
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": str(new_id())}
        async with asyncio.timeout(TRY_FOR):
            while True:
                url = self._next()
                try:
                    answer = await self._http.request(method, url + path, json=body, headers=headers)
                except httpx2.TransportError as error:
                    self.refused[type(error).__name__] += 1
                else:
                    if answer.status_code in (200, 201):
                        found: Json = answer.json()
                        return found
                    assert answer.status_code in RETRIED, f"{path}: {answer.status_code} {answer.text}"
                    self.refused[str(answer.status_code)] += 1
                await asyncio.sleep(TRY_AGAIN_SECONDS)

    def _next(self) -> str:
        able = [url for url in self.urls if url in self._ready] or self.urls
        return able[next(self._turns) % len(able)]

    async def watch(self) -> None:
        """Asks who is ready, for ever, each time on a new connection as balancers do."""
        limits = httpx2.Limits(max_keepalive_connections=0)
        async with httpx2.AsyncClient(timeout=1, trust_env=False, limits=limits) as http:
            while True:
                await asyncio.gather(*(self._ask(http, url) for url in self.urls))
                await asyncio.sleep(ASK_SECONDS)

    async def _ask(self, http: httpx2.AsyncClient, url: str) -> None:
        try:
            answer = await http.get(f"{url}/readyz")
        except httpx2.TransportError:
            self._ready.discard(url)
            return
        if answer.status_code == 200:
            self._ready.add(url)
            return
        self._ready.discard(url)
        if answer.json()["status"] == "stopping":
            self.said_stopping.add(url)

    async def close(self) -> None:
        await self._http.aclose()


class Replicas:
    """The running processes by kind; a kind's first is without a number."""

    def __init__(self, stack: LocalStack, number: int) -> None:
        self.stack = stack
        self.suffixes = ["", *(f"-{one}" for one in range(2, number + 1))]
        self.ports: dict[str, int] = stack.described()["ports"]

    def urls(self, kind: str) -> list[str]:
        return [f"http://{HOST}:{self.ports[f'{kind}{suffix}']}" for suffix in self.suffixes]

    @asynccontextmanager
    async def balanced(self, kind: str, token: str) -> AsyncIterator[Balancer]:
        balancer = Balancer(self.urls(kind), token)
        watching = asyncio.create_task(balancer.watch())
        try:
            yield balancer
        finally:
            watching.cancel()
            await balancer.close()

    async def hand_in(self, subject: str) -> None:
        """Hands in a mail, at each mail-in in turn until one has taken it; by its Message-ID a second time is known."""
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = f"{subject}@mail.example", "support@everdesk.example", subject
        mail["Message-ID"] = f"<{subject}@mail.example>"
        mail.set_content("The login answers 502.")
        turns = count(len(subject))

        async def taken() -> None:
            port = self.ports[f"mail_in{self.suffixes[next(turns) % len(self.suffixes)]}"]
            try:
                await aiosmtplib.send(mail, hostname=HOST, port=port, start_tls=False, timeout=10)
            except (aiosmtplib.SMTPException, OSError) as error:
                raise AssertionError(repr(error)) from error

        await eventually(taken, within=TRY_FOR)

    async def kill(self, name: str) -> None:
        """Kills a process with -9, once it runs."""
        os.kill(await eventually(lambda: self._pids()[name]), signal.SIGKILL)

    async def restart(self, names: Sequence[str]) -> None:
        """Has processes stop as told, and waits until others have taken their places."""
        before = self._pids()
        for name in names:
            os.kill(before[name], signal.SIGTERM)
        await eventually(lambda: self._are_new(names, before), within=TRY_FOR)
        await self.are_ready()

    async def are_ready(self) -> None:
        """Waits until each process of each kind is ready."""
        async with httpx2.AsyncClient(timeout=5, trust_env=False) as http:
            for kind in ("intake", "assignment", "notification", "worker", "mail_in_http"):
                for url in self.urls(kind):
                    await eventually(lambda: _is_ready(http, url), within=TRY_FOR)  # noqa: B023 - awaited here

    def _pids(self) -> dict[str, int]:
        found: dict[str, int] = self.stack.described()["pids"]
        return found

    def _are_new(self, names: Sequence[str], before: dict[str, Any]) -> None:
        now = self._pids()
        assert all(name in now and now[name] != before[name] for name in names)


async def _is_ready(http: httpx2.AsyncClient, url: str) -> bool:
    return (await http.get(f"{url}/readyz")).status_code == 200


def asked(subject: str) -> dict[str, object]:
    """A ticket by API."""
    requester = {"email": f"{subject}@mail.example", "name": "Dana Ruiz"}
    content = {"subject": subject, "body": "The login answers 502.", "body_format": "text"}
    return {"requester": requester, **content, "topic": "online-banking"}


async def copies_on_the_desk(ada: Api, wanted: Collection[str]) -> Counter[str]:
    """How often the desk has each of these subjects."""
    return Counter(one["subject"] for one in await ada.all("/v1/tickets", view="all") if one["subject"] in wanted)


async def mails_by_requester(system: SystemClients, subjects: Collection[str]) -> dict[str, set[str]]:
    """The Message-IDs of what was sent to each subject's requester: SMTP may deliver one twice when the sender dies."""
    ids: dict[str, set[str]] = {}
    start, wanted = 0, {f"{subject}@mail.example": subject for subject in subjects}
    while (page := await system.mail.get("/api/v1/messages", start=start, limit=200))["messages"]:
        start += len(page["messages"])
        for mail in page["messages"]:
            if (address := mail["To"][0]["Address"]) in wanted:
                ids.setdefault(wanted[address], set()).add(mail["MessageID"])
    return ids
