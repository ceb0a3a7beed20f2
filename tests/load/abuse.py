"""What others notice while hostile requests arrive on every channel."""

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import aiosmtplib

from deploy.local.plan import MAIL_FROM
from shared.kit.clock import new_id
from shared.kit.http.inputs import MAX_TEXT
from tests.load import full_disk
from tests.load.amplifier import mails_with_copies
from tests.load.http_client import Http
from tests.load.report import Budget, Report, Table
from tests.load.system import UNLIMITED, System, system
from tests.load.whole_lives import a_key, a_submission

SLOWED = 2.0
"""How much longer the p95 of others may be."""
OF_ONE_PERSON = ("EVERDESK_REQUESTER_PER_HOUR", "EVERDESK_MAX_OPEN_TICKETS")
FLOOR_MS = 25.0
"""A p95 below this is taken for this: twice nothing is nothing."""
PER_SECOND = 5.0
"""Requests of each kind that others make, whether or not the answers have come: waiting is not left out."""
LIMITS = {name: value for name, value in UNLIMITED.items() if name not in OF_ONE_PERSON}
"""One person's limits are part of the defence, and stay as they come; the others here are many people, by one key."""
SUPPORT = MAIL_FROM.partition("<")[2].rstrip(">")
BODIES = {
    "deep HTML": ("<b>" * 10_400, "html"),
    "mis-nested HTML": ("<b></p>" * 37_000, "html"),
    "HTML of formatting left open": (
        "<p>" + "".join(f"<b id={n}>" for n in range(90)) + "<p>x" * 19_000,
        "html",
    ),
    "Markdown of brackets": (("![[" * MAX_TEXT)[:MAX_TEXT], "markdown"),
}
METHOD = """\
The whole system runs. Others submit tickets, write messages, look at a thread and at the desk's health, five of each a
second, at fixed instants: a request that waits for another counts with its waiting. First alone, then with one attacker
on each channel, who sends the next hostile request as soon as the last one is answered. Every body is a bit different
each time, so that no answer is known before. A person's limits are those that come with the
product; the others are many people. p95 of the others during the attack is held against p95 without it;
below 25 ms it is taken for 25 ms. Then the same with 25 mails of 20 strangers in copy each. At last
the whole system runs on a small disk of its own, which is filled to the last byte for a while under submissions, and
freed."""


@dataclass
class Others:
    """Requests of people who do nothing wrong."""

    urls: dict[str, str]
    api_key: str
    thread: str
    """The address of one that does not grow meanwhile."""
    ticket: str
    """What is written on."""
    agent_token: str
    taken: dict[str, list[float]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    async def during(self, seconds: float) -> dict[str, float]:
        """The p95 of each kind of request, in milliseconds."""
        self.taken = {}
        intake, desk = Http(self.urls["intake"], self.api_key), Http(self.urls["assignment"], "none")
        write = {"body": "It works again since noon.", "body_format": "text"}
        kinds: dict[str, tuple[Http, Callable[[], bytes]]] = {
            "submit": (intake, lambda: intake.request("POST", "/v1/tickets", a_submission(new_id().hex), a_key())),
            "write": (
                intake,
                lambda: intake.request("POST", f"/v1/tickets/{self.ticket}/messages", write, a_key()),
            ),
            "read a thread": (intake, lambda: intake.request("GET", self.thread)),
            "intake's health": (intake, lambda: intake.request("GET", "/healthz")),
            "the desk's health": (desk, lambda: desk.request("GET", "/healthz")),
        }
        async with asyncio.TaskGroup() as group:
            for name, (http, request) in kinds.items():
                group.create_task(self._steadily(name, http, request, seconds))
        return {name: 1000 * percentile(taken, 0.95) for name, taken in self.taken.items()}

    async def _steadily(self, name: str, http: Http, request: Callable[[], bytes], seconds: float) -> None:
        loop, taken = asyncio.get_running_loop(), self.taken.setdefault(name, [])
        begun = loop.time()

        async def one(at: float) -> None:
            reply = await http.send(request())
            if reply.status >= 500:
                self.failed.append(f"{name}: {reply.status} {reply.body[:200]!r}")
            taken.append(loop.time() - at)

        async with asyncio.TaskGroup() as group:
            for number in range(int(seconds * PER_SECOND)):
                at = begun + number / PER_SECOND
                await asyncio.sleep(max(0.0, at - loop.time()))
                group.create_task(one(at))


Attack = Callable[[System, Others, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of abuse: `attack` is run again and again by each attacker while the others are measured."""

    name: str
    attacks: Sequence[Attack]


async def at_the_api(stack: System, others: Others, salt: str) -> None:
    """As a new ticket and as a message, through a client program."""
    http = Http(stack.urls["intake"], stack.secrets.api_key)
    for body, kind in BODIES.values():
        sent = {"body": f"{salt} {body}", "body_format": kind}
        for path, more in (("/v1/tickets", a_submission("mallory")), (f"/v1/tickets/{others.ticket}/messages", {})):
            reply = await http.send(http.request("POST", path, more | sent))
            assert reply.status in (422, 429, 503), reply.status
            await asyncio.sleep(0)


async def at_the_desk(stack: System, others: Others, salt: str) -> None:
    """As an agent's reply and note."""
    http = Http(stack.urls["assignment"], others.agent_token)
    found = (await http.send(http.request("GET", "/v1/tickets?limit=1"))).json["items"]
    for body, kind in BODIES.values() if found else ():
        for way in ("replies", "notes"):
            path = f"/v1/tickets/{found[0]['id']}/{way}"
            reply = await http.send(http.request("POST", path, {"body": f"{salt} {body}", "body_format": kind}))
            assert reply.status in (422, 429, 503), reply.status


async def by_mail(stack: System, _others: Others, _salt: str) -> None:
    """As mails of HTML."""
    async with aiosmtplib.SMTP(
        hostname="127.0.0.1", port=stack.ports["mail_in"], start_tls=False, timeout=60
    ) as client:
        for body, kind in BODIES.values():
            head = f"From: mallory@bad.example\r\nTo: {SUPPORT}\r\nMessage-ID: <{new_id().hex}@bad.example>\r\n"
            words = f"Subject: x\r\nContent-Type: text/{'html' if kind == 'html' else 'plain'}\r\n\r\n"
            lines = "\r\n".join(body[at : at + 900] for at in range(0, len(body), 900))
            await client.sendmail("mallory@bad.example", [SUPPORT], f"{head}{words}{lines}\r\n".encode())
    await asyncio.sleep(0.5)


async def with_people_in_copy(stack: System, _others: Others, salt: str) -> None:
    """As 25 mails from plus-addresses of one mailbox, each with 20 strangers in copy."""
    async with aiosmtplib.SMTP(
        hostname="127.0.0.1", port=stack.ports["mail_in"], start_tls=False, timeout=60
    ) as client:
        for mail in mails_with_copies(f"mallory-{salt}", support=SUPPORT):
            with contextlib.suppress(aiosmtplib.SMTPResponseException):  # refused as too many is an answer, too
                await client.send_message(mail, sender=mail["From"], recipients=[SUPPORT])
    await asyncio.sleep(0.5)


async def invitations(stack: System) -> int:
    """Mails that strangers were sent because somebody put them in copy."""
    http = Http(stack.urls["mail"], "none")
    found = (await http.send(http.request("GET", "/api/v1/search?query=to:victim.example&limit=200"))).json
    return len(found["messages"])


SCENARIOS: list[Scenario] = [
    Scenario("freezing bodies on every channel", (at_the_api, at_the_desk, by_mail)),
    Scenario("25 mails with 20 people in copy", (with_people_in_copy,)),
]
"""Further kinds of abuse are added here, each with a function that commits it once."""


async def under(scenario: Scenario, stack: System, others: Others, seconds: float) -> tuple[dict[str, float], int]:
    """The others' p95 while the scenario is played, and how often it was."""
    rounds = 0

    async def again(attack: Attack) -> None:
        nonlocal rounds
        while True:
            await attack(stack, others, new_id().hex[-12:])
            rounds += 1

    attacking = [asyncio.create_task(again(attack)) for attack in scenario.attacks]
    measured = await others.during(seconds)
    for task in attacking:
        if task.done() and (error := task.exception()) is not None:
            raise error
        task.cancel()
    await asyncio.gather(*attacking, return_exceptions=True)
    return measured, rounds


async def run() -> Report:
    """About a minute for each scenario."""
    seconds = float(os.environ.get("BENCH_SECONDS", "20"))
    parts = ("postgres", "nats", "temporal", "mail", "worker", "intake", "assignment", "notification", "mail_in")
    tables: list[Table] = []
    budgets: list[Budget] = []
    async with system(*parts, limits=LIMITS) as stack:
        http = Http(stack.urls["intake"], stack.secrets.api_key)
        made = await http.post("/v1/tickets", a_submission("dana"))
        thread = "/" + made["access_url"].split("/", 3)[3]
        written = await http.post("/v1/tickets", a_submission("dana"))
        session = await Http(stack.urls["assignment"], "none").post("/v1/sessions", stack.login)
        others = Others(stack.urls, stack.secrets.api_key, thread, written["id"], session["access_token"])
        await others.during(3)
        for scenario in SCENARIOS:
            alone = await others.during(seconds)
            started = time.monotonic()
            attacked, rounds = await under(scenario, stack, others, seconds)
            rows = [
                (name, alone[name], attacked[name], max(attacked[name], FLOOR_MS) / max(alone[name], FLOOR_MS))
                for name in alone
            ]
            caption = f"{scenario.name}: {rounds} rounds of attack in {time.monotonic() - started:.0f} s"
            tables.append(Table(caption, ("others", "p95 ms alone", "p95 ms attacked", "ratio"), rows))
            budgets += [Budget(f"{scenario.name}: p95 of {row[0]}", row[3], "<=", SLOWED) for row in rows]
        budgets.append(Budget("strangers in copy who were mailed", await invitations(stack), "==", 0))
        budgets.append(Budget("answers of 500 and above to others", len(others.failed), "==", 0))
    more_tables, more_budgets, more_notes = await full_disk.measure()
    notes = [*others.failed[:5], *more_notes]
    title = "Others while a service is abused"
    return Report("abuse", title, METHOD, [*tables, *more_tables], [*budgets, *more_budgets], notes)


def percentile(taken: Sequence[float], share: float) -> float:
    """The value below which that share lies."""
    ordered = sorted(taken)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
