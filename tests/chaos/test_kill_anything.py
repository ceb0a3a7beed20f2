"""Kill -9 of any one process during a stream of tickets loses nothing and doubles nothing."""

import asyncio
import os
import signal
from collections import Counter
from itertools import count

import pytest

from tests.local.running import LocalStack
from tests.support.api import Api, SystemClients
from tests.support.eventually import eventually
from tests.support.sizes import either

TICKETS = either(40, 200)
AT_ONCE = 8
VICTIMS = either(
    ("postgres", "nats", "worker", "assignment"),
    ("postgres", "nats", "temporal", "worker", "intake", "assignment", "notification", "mail"),
)
rounds = count()


async def submit_while(stack: LocalStack, system: SystemClients, victim: str, prefix: str) -> dict[str, str]:
    """Submits a stream of tickets and kills the victim when half are in. Returns subjects by ticket id."""
    submitted: dict[str, str] = {}
    waiting = [f"{prefix} {number}" for number in range(TICKETS)]
    killed = False

    async def client() -> None:
        nonlocal killed
        while waiting:
            subject = waiting.pop()
            ticket = await system.submit(subject, f"{subject.replace(' ', '-')}@bank.example")
            submitted[ticket["id"]] = subject
            if not killed and len(submitted) >= TICKETS // 2:
                killed = True
                os.kill(stack.described()["pids"][victim], signal.SIGKILL)

    await asyncio.gather(*(client() for _ in range(AT_ONCE)))
    assert killed
    return submitted


@pytest.mark.chaos
@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("victim", VICTIMS)
async def test_nothing_is_lost_and_nothing_doubled(stack: LocalStack, victim: str) -> None:
    system = SystemClients(stack.described())
    prefix = f"{victim} round{next(rounds)}"
    submitted = await submit_while(stack, system, victim, prefix)
    assert len(set(submitted.values())) == len(submitted) == TICKETS

    ada = await system.sign_in("ada@everdesk.example")
    await eventually(lambda: every_ticket_is_assigned_once(ada, submitted), within=120)
    await eventually(lambda: every_requester_has_one_acknowledgement(system, prefix, submitted), within=60)
    letters = await system.notification.get("/v1/dead-letters")
    assert letters["items"] == []


async def every_ticket_is_assigned_once(ada: Api, submitted: dict[str, str]) -> None:
    tickets = [each for each in await ada.all("/v1/tickets", view="all") if each["id"] in submitted]
    assert len(tickets) == TICKETS
    assert {each["id"]: each["subject"] for each in tickets} == submitted
    assert {each["status"] for each in tickets} == {"open"}
    assert all(each["revision"] == 1 for each in tickets)


async def every_requester_has_one_acknowledgement(
    system: SystemClients, prefix: str, submitted: dict[str, str]
) -> None:
    """One mail each; the same mail twice, with the same Message-ID, is what plain SMTP allows in a crash."""
    ids: dict[str, Counter[str]] = {}
    start = 0
    while True:
        page = await system.mail.get("/api/v1/messages", start=start, limit=200)
        for mail in page["messages"]:
            address = mail["To"][0]["Address"]
            if address.startswith(prefix.replace(" ", "-")):
                ids.setdefault(address, Counter())[mail["MessageID"]] += 1
        start += len(page["messages"])
        if not page["messages"]:
            break
    assert len(ids) == len(submitted)
    assert {len(each) for each in ids.values()} == {1}
    doubled = sum(each.total() - 1 for each in ids.values())
    assert doubled <= AT_ONCE, f"{doubled} mails were doubled"
