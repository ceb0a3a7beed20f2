"""What clients do at each door, one act at a time."""

from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from html.parser import HTMLParser
from urllib.parse import urlsplit

import aiosmtplib
import httpx2

from shared.kit.clock import new_id
from tests.chaos.run.load import KnownTicket, Load
from tests.chaos.run.observations import AttemptKind
from tests.support.api import Api

SUPPORT = "support@everdesk.example"
TRIES = 40
"""Of who has no key that makes a retry safe, but a page or a mail that does."""
ACTIONS = {"resolve": "ticket.resolved", "prioritise": "ticket.prioritised"}
RESOLVED = 0.3
"""Share of the commands that resolve."""
PRIORITIES = ("low", "normal", "high")


class Hidden(HTMLParser):
    """The hidden inputs of a page's forms."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """HTMLParser's own name."""
        told = dict(attrs)
        if tag == "input" and told.get("type") == "hidden":
            self.values[told.get("name") or ""] = told.get("value") or ""


class Doors:
    """All doors of one system, each used as its people use it."""

    def __init__(self, load: Load, agent: Api) -> None:
        self.load, self.agent = load, agent
        self.intake = load.system.intake

    def clients(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """The names of the doors, and what is done there."""
        return {
            "intake API": self.submit,
            "files": self.submit_with_file,
            "portal": self.fill_in_form,
            "portal replies": self.reply_on_page,
            "mail": self.write_mail,
            "alerts": self.report_alert,
            "messages": self.post_message,
            "agents' replies": self.reply,
            "agents' notes": self.note,
            "agents' commands": self.command,
            "desk reads": self.read,
        }

    async def submit(self) -> None:
        """A client program opens a ticket."""
        email = f"{new_id().hex[-12:]}@bank.example"
        async with self.load.attempt(AttemptKind.TICKET, "intake API", email=email) as one:
            made = await self.load.system.submit(f"Log-in fails {one.marker}", email)
            one.ticket_id = made["id"]
        self.load.opened(one, made["access_url"], made["number"])

    async def submit_with_file(self) -> None:
        """The same with a file, which is sent first."""
        email = f"{new_id().hex[-12:]}@bank.example"
        async with self.load.attempt(AttemptKind.FILE, "files") as file:
            content = f"trace of {file.marker}\n".encode() * 400
            sent = await self._upload(file.marker, content)
            async with self.load.attempt(AttemptKind.TICKET, "intake API", email=email) as one:
                made = await self.load.system.submit(f"With a file {one.marker}", email, attachments=[sent])
                one.ticket_id = file.ticket_id = made["id"]
        self.load.opened(one, made["access_url"], made["number"])

    async def _upload(self, name: str, content: bytes) -> str:
        headers = {"Authorization": f"Bearer {self.intake.token}"}
        files = {"file": (f"{name}.txt", content, "text/plain")}
        address = f"{self.intake.base_url}/v1/attachments"
        answer = await self.intake.client.post(address, files=files, headers=headers)
        if answer.status_code in (502, 503, 504):
            raise httpx2.ReadError("not now")
        assert answer.status_code == 201, f"upload: {answer.status_code} {answer.text}"
        return str(answer.json()["id"])

    async def fill_in_form(self) -> None:
        """Somebody opens the form, fills it in, and presses the button until an answer comes."""
        email = f"{new_id().hex[-12:]}@bank.example"
        async with httpx2.AsyncClient(base_url=self.intake.base_url, timeout=20, follow_redirects=True) as browser:
            page = await browser.get("/tickets/new?topic=online-banking")
            if page.status_code != 200:
                raise httpx2.ReadError("no form now")
            async with self.load.attempt(AttemptKind.TICKET, "portal", email=email) as one:
                fields = {"email": email, "name": "Dana Ruiz", "phone": "", "topic": "online-banking", "website": ""}
                words = {"subject": f"By form {one.marker}", "body": "It answers 502."}
                await self._press(browser, "/tickets/new", Hidden(page.text).values | fields | words)

    async def reply_on_page(self) -> None:
        """A requester goes on, on the ticket's own page."""
        ticket = self.load.any_ticket(has_page=True)
        if ticket is None:
            return
        path = urlsplit(ticket.access_url).path
        async with httpx2.AsyncClient(base_url=self.intake.base_url, timeout=20, follow_redirects=True) as browser:
            page = await browser.get(path)
            if page.status_code in (502, 503, 504):
                raise httpx2.ReadError("no page now")
            assert page.status_code == 200, f"a ticket's page: {page.status_code}"
            async with self.load.attempt(AttemptKind.MESSAGE, "portal", ticket_id=ticket.id) as one:
                await self._press(
                    browser, f"{path}/reply", Hidden(page.text).values | {"body": f"Still so {one.marker}"}
                )

    async def _press(self, browser: httpx2.AsyncClient, path: str, values: dict[str, str]) -> None:
        """A form sent twice takes effect once, so a person may press again."""
        for _ in range(TRIES):
            try:
                answer = await browser.post(path, data=values)
            except httpx2.TransportError:
                continue
            if answer.status_code not in (409, 429, 502, 503, 504):
                assert answer.status_code == 200, f"{path.partition('/t/')[0]} form: {answer.status_code}"
                return
        raise httpx2.ReadError("given up")

    async def write_mail(self) -> None:
        """A new mail, or an answer; its server tries again under the same Message-ID."""
        ticket = self.load.any_ticket() if self.load.dice.random() < 0.5 else None
        if ticket is None or not ticket.number:
            email = f"{new_id().hex[-12:]}@bank.example"
            async with self.load.attempt(AttemptKind.TICKET, "mail", email=email) as one:
                await self._hand_in(email, f"By mail {one.marker}", "It answers 502.")
            return
        async with self.load.attempt(AttemptKind.MESSAGE, "mail", ticket_id=ticket.id) as one:
            await self._hand_in(ticket.email, f"Re: [#{ticket.number}] Log-in", f"No better {one.marker}")

    async def _hand_in(self, sender: str, subject: str, text: str) -> None:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = f"Dana Ruiz <{sender}>", SUPPORT, subject
        mail["Message-ID"] = f"<{new_id()}@bank.example>"
        mail.set_content(text)
        problem: Exception | None = None
        for _ in range(TRIES):
            try:
                await aiosmtplib.send(
                    mail, hostname="127.0.0.1", port=self.load.mail_in_port, start_tls=False, timeout=20
                )
            except (aiosmtplib.SMTPException, OSError, TimeoutError) as again:
                problem = again
            else:
                return
        assert problem is not None
        raise problem

    async def report_alert(self) -> None:
        """A monitoring system reports something new."""
        async with self.load.attempt(AttemptKind.TICKET, "alerts") as one:
            alert = {"fingerprint": one.marker, "title": f"Host down {one.marker}", "severity": "critical"}
            told = await self.load.alerts.post("/v1/alerts", alert)
            one.ticket_id = told["ticket_id"]
            if told["outcome"] != "opened":
                self.load.attempts.remove(one)

    async def post_message(self) -> None:
        """A client program passes on what its requester wrote."""
        if (ticket := self.load.any_ticket()) is None:
            return
        async with self.load.attempt(AttemptKind.MESSAGE, "intake API", ticket_id=ticket.id) as one:
            await self.intake.post(f"/v1/tickets/{ticket.id}/messages", {"body": f"More of it {one.marker}"})

    async def reply(self) -> None:
        """An agent answers."""
        if (ticket := await self._known()) is None:
            return
        async with self.load.attempt(AttemptKind.REPLY, "assignment", ticket_id=ticket.id, email=ticket.email) as one:
            body = {"body": f"Please try again {one.marker}", "body_format": "text"}
            await self.agent.post(f"/v1/tickets/{ticket.id}/replies", body)

    async def note(self) -> None:
        """An agent notes something for colleagues."""
        if (ticket := await self._known()) is None:
            return
        async with self.load.attempt(AttemptKind.NOTE, "assignment", ticket_id=ticket.id) as one:
            body = {"body": f"For us alone {one.marker}", "body_format": "text"}
            await self.agent.post(f"/v1/tickets/{ticket.id}/notes", body)

    async def command(self) -> None:
        """An agent changes a ticket's priority, each time to another than it has, or resolves it."""
        ticket = await self._known()
        if ticket is None or ticket.is_taken:
            return
        ticket.is_taken = True
        other = self.load.dice.choice([each for each in PRIORITIES if each != ticket.priority])
        action = "resolve" if ticket.status == "open" and self.load.dice.random() < RESOLVED else "prioritise"
        body = {"priority": other} if action == "prioritise" else {}
        event = ACTIONS[action]
        async with self.load.attempt(AttemptKind.COMMAND, "assignment", ticket_id=ticket.id, action=event) as one:
            await self.agent.post(f"/v1/tickets/{ticket.id}/{action}", body | {"comment": f"Because {one.marker}"})
        ticket.is_taken = action == "resolve"

    async def _known(self) -> KnownTicket | None:
        """A ticket that has reached the desk."""
        if (ticket := self.load.any_ticket()) is None:
            return None
        headers = {"Authorization": f"Bearer {self.agent.token}"}
        answer = await self.agent.client.get(f"{self.agent.base_url}/v1/tickets/{ticket.id}", headers=headers)
        if answer.status_code != 200:
            return None
        now = answer.json()
        ticket.priority, ticket.status = now["priority"], now["status"]
        return ticket

    async def read(self) -> None:
        """An agent looks at the queue, searches, and opens a ticket."""
        await self.agent.get("/v1/tickets", view="all", limit=50)
        if (ticket := self.load.any_ticket()) is not None and await self._known() is not None:
            await self.agent.get("/v1/tickets", view="all", q=ticket.number, limit=5)
