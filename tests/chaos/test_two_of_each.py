"""Several of each process, one of each killed with -9 under load by API and mail: nothing lost, nothing doubled."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from email.message import EmailMessage

import aiosmtplib
import pytest

from tests.local.running import LocalStack
from tests.support.api import Api, SystemClients
from tests.support.eventually import eventually
from tests.support.memory_disk import data_folder
from tests.support.sizes import either

REPLICAS = either(2, 3)
ROUNDS = either(1, 3)
AT_ONCE = 4
EACH = either(20, 80)
"""Tickets by API and as many by mail, in each round and for each process that is killed."""
KINDS = ("intake", "mail_in", "assignment", "notification", "worker")


@pytest.fixture(scope="module")
async def replicated(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalStack]:
    with data_folder(tmp_path_factory, "replicas") as folder:
        running = LocalStack.in_folder(folder, has_stubs=False)
        running.settings = {"EVERDESK_REPLICAS": str(REPLICAS)}
        await running.start(within=240)
        try:
            yield running
        finally:
            await running.stop()


async def hand_in(port: int, subject: str) -> None:
    """A mail, tried until a mail-in has taken it; one Message-ID, so that a second time is known."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = f"{subject}@mail.example", "support@everdesk.example", subject
    mail["Message-ID"] = f"<{subject}@mail.example>"
    mail.set_content("The login answers 502.")

    async def taken() -> None:
        try:
            await aiosmtplib.send(mail, hostname="127.0.0.1", port=port, start_tls=False, timeout=10)
        except (aiosmtplib.SMTPException, OSError) as error:
            raise AssertionError(repr(error)) from error

    await eventually(taken, within=60)


@pytest.mark.chaos
@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_one_of_each_is_killed_and_nothing_is_lost_or_doubled(replicated: LocalStack) -> None:
    described = replicated.described()
    system, ports, pids = SystemClients(described), described["ports"], described["pids"]
    numbers = ["", *(f"-{number}" for number in range(2, REPLICAS + 1))]
    key = described["credentials"]["api_key"]
    intakes = [Api(f"http://127.0.0.1:{ports[f'intake{number}']}", key) for number in numbers]
    subjects = [f"{way}-{number}" for number in range(EACH * ROUNDS) for way in ("api", "mail")]
    waiting, killed = list(enumerate(subjects)), 0

    async def client() -> None:
        nonlocal killed
        while waiting:
            place, subject = waiting.pop()
            if subject.startswith("api"):
                system.intake = intakes[place // 2 % REPLICAS]
                await system.submit(subject, f"{subject}@mail.example")
            else:
                await hand_in(ports[f"mail_in{numbers[place // 2 % REPLICAS]}"], subject)
            if killed < len(KINDS) and len(waiting) < len(subjects) * (len(KINDS) - killed) / (len(KINDS) + 1):
                kind, killed = KINDS[killed], killed + 1
                os.kill(pids[f"{kind}{numbers[killed % REPLICAS]}"], signal.SIGKILL)

    await asyncio.gather(*(client() for _ in range(AT_ONCE)))
    assert killed == len(KINDS)
    ada = await system.sign_in("ada@everdesk.example")
    await eventually(lambda: each_is_there_once(ada, subjects), within=90)
    await eventually(lambda: each_is_confirmed_once(system, subjects), within=90)


async def each_is_there_once(ada: Api, subjects: list[str]) -> None:
    wanted = set(subjects)
    found = Counter(one["subject"] for one in await ada.all("/v1/tickets", view="all") if one["subject"] in wanted)
    assert found == Counter(subjects)


async def each_is_confirmed_once(system: SystemClients, subjects: list[str]) -> None:
    """One mail for each requester, by its Message-ID: SMTP itself may deliver one twice when the sender dies."""
    ids: dict[str, set[str]] = {}
    start, wanted = 0, {f"{subject}@mail.example" for subject in subjects}
    while (page := await system.mail.get("/api/v1/messages", start=start, limit=200))["messages"]:
        start += len(page["messages"])
        for mail in page["messages"]:
            if (address := mail["To"][0]["Address"]) in wanted:
                ids.setdefault(address, set()).add(mail["MessageID"])
    assert ids.keys() == wanted, len(ids)
    assert {len(each) for each in ids.values()} == {1}
