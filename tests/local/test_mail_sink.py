"""The mail sink loses nothing it has accepted, and shows it to people and to scripts."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import httpx2
import pytest
import pytest_asyncio

from deploy.local import probe
from deploy.local.engines.ports import find_free_port

pytestmark = pytest.mark.asyncio


class Sink:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.smtp_port = find_free_port()
        self.port = find_free_port(taken=frozenset({self.smtp_port}))
        self.process: Process | None = None

    async def start(self) -> None:
        env = os.environ | {
            "EVERDESK_HOST": "127.0.0.1",
            "EVERDESK_SMTP_PORT": str(self.smtp_port),
            "EVERDESK_PORT": str(self.port),
            "EVERDESK_MAIL_DIR": str(self.folder),
        }
        self.process = await asyncio.create_subprocess_exec(sys.executable, "-m", "deploy.local.mail", env=env)

        async def ready() -> bool:
            return await probe.http_status("127.0.0.1", self.port, "/readyz") == 200

        await probe.until(ready, within=20, what="the sink")

    async def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def send(self, subject: str, *, to: str = "ada@example.com", html: str | None = None) -> None:
        mail = EmailMessage()
        mail["From"] = "Everdesk <support@everdesk.example>"
        mail["To"] = to
        mail["Subject"] = subject
        mail["Message-ID"] = f"<{re.sub(r'[^a-z0-9]+', '-', subject)}@everdesk.example>"
        mail.set_content(f"About {subject}: see http://127.0.0.1:8001/t/token.\n")
        if html is not None:
            mail.add_alternative(html, subtype="html")
        recipients = [to, "hidden@example.com"]
        await aiosmtplib.send(mail, hostname="127.0.0.1", port=self.smtp_port, recipients=recipients)

    def client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=f"http://127.0.0.1:{self.port}")


@pytest_asyncio.fixture
async def sink(tmp_path: Path) -> AsyncIterator[Sink]:
    sink = Sink(tmp_path / "mail")
    await sink.start()
    yield sink
    await sink.kill()


async def test_an_accepted_mail_is_there_after_kill_9(sink: Sink) -> None:
    await sink.send("your ticket 1001")
    await sink.kill()
    await sink.start()
    async with sink.client() as client:
        listed = (await client.get("/api/v1/messages")).json()
        assert (listed["total"], listed["count"], listed["start"]) == (1, 1, 0)
        row = listed["messages"][0]
        assert row["Subject"] == "your ticket 1001"
        assert row["MessageID"] == "your-ticket-1001@everdesk.example"
        assert row["From"] == {"Name": "Everdesk", "Address": "support@everdesk.example"}
        assert row["To"] == [{"Name": "", "Address": "ada@example.com"}]
        assert row["Snippet"].startswith("About your ticket 1001")


async def test_scripts_search_read_and_empty_the_inbox(sink: Sink) -> None:
    await sink.send("login fails", to="ada@example.com")
    await sink.send("printer on fire", to="bruno@example.com", html="<p>It <b>burns</b></p>")
    async with sink.client() as client:

        async def found(query: str) -> list[str]:
            answer = await client.get("/api/v1/search", params={"query": query})
            return [row["Subject"] for row in answer.json()["messages"]]

        assert await found("to:bruno@example.com") == ["printer on fire"]
        assert await found('subject:"login fails"') == ["login fails"]
        assert await found("about FIRE") == ["printer on fire"]
        assert await found("to:hidden@example.com") == ["printer on fire", "login fails"]
        assert await found("to:ada subject:printer") == []
        assert await found("can't") == []

        newest = (await client.get("/api/v1/messages", params={"limit": 1})).json()["messages"][0]
        detail = (await client.get(f"/api/v1/message/{newest['ID']}")).json()
        assert "About printer on fire" in detail["Text"]
        assert "<b>burns</b>" in detail["HTML"]
        raw = await client.get(f"/api/v1/message/{newest['ID']}/raw")
        assert "Subject: printer on fire" in raw.text

        assert (await client.delete("/api/v1/messages")).status_code == 200
        assert (await client.get("/api/v1/messages")).json()["total"] == 0
        assert (await client.get("/api/v1/message/..%2F..%2Fsecrets")).status_code == 404


async def test_pages_run_no_script_and_lock_foreign_html_away(sink: Sink) -> None:
    await sink.send("<script>alert(1)</script>", html="<script>alert(2)</script><a href='/x'>open</a>")
    async with sink.client() as client:
        inbox = await client.get("/")
        assert "&lt;script&gt;alert(1)" in inbox.text
        assert "<script" not in inbox.text
        assert "default-src 'none'" in inbox.headers["content-security-policy"]
        mail_id = (await client.get("/api/v1/messages")).json()["messages"][0]["ID"]
        page = await client.get(f"/messages/{mail_id}")
        assert "<script" not in page.text
        assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.text
        assert '<a href="http://127.0.0.1:8001/t/token" rel="noreferrer">' in page.text
        framed = await client.get(f"/messages/{mail_id}/html")
        assert framed.headers["content-security-policy"].startswith("sandbox allow-popups ")
        assert (await client.get("/messages/unknown")).status_code == 404


async def test_the_inbox_pages_and_searches(sink: Sink) -> None:
    for number in range(27):
        await sink.send(f"mail {number:02d}")
    async with sink.client() as client:
        first, second = await client.get("/"), await client.get("/", params={"start": 25})
        assert "mail 26" in first.text
        assert "mail 01" not in first.text
        assert "mail 01" in second.text
        assert 'rel="next"' in first.text
        assert 'rel="next"' not in second.text
        assert "No mail matches" in (await client.get("/", params={"q": "nothing-like-it"})).text


async def test_a_mail_with_broken_headers_is_shown_all_the_same(sink: Sink) -> None:
    headers = b"Message-ID: <<>@x>\r\nSubject: odd \xff\r\nContent-Type: text/plain; charset=none\r\n"
    broken = headers + b"\r\nhi \xfe\r\n"
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=sink.smtp_port) as smtp:
        await smtp.sendmail("a@example.com", ["b@example.com"], broken)
    async with sink.client() as client:
        assert "odd" in (await client.get("/")).text
        mail_id = (await client.get("/api/v1/messages")).json()["messages"][0]["ID"]
        assert "hi" in (await client.get(f"/messages/{mail_id}")).text
