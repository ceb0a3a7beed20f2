"""`make chaos ARGS="three-of-each --minutes 10"`: three of each process; one of each is killed every twenty seconds.

Tickets come by API and by mail all the time. In the end each must be on the desk once, and each requester written to
once; and no event may have waited for ten seconds in an outbox, for whoever did that job must be replaced by then.
"""

import argparse
import asyncio
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.chaos.replicas import Balancer, Replicas, asked, mails_by_requester
from tests.chaos.run.observe import rows_of
from tests.chaos.run.plan import SERVICES
from tests.chaos.run.system import SETTINGS, ChaosSystem
from tests.load.report import Budget, Report, Table
from tests.local.running import LocalStack
from tests.support.api import SystemClients
from tests.support.memory_disk import has_memory, in_memory

NAME = "three-of-each"
EACH = 3
KINDS = ("intake", "mail_in", "assignment", "notification", "worker")
EVERY = 20.0
PAUSE = 0.3
CLIENTS = 2
"""At each of the two doors."""
TAKEN_OVER_WITHIN = 10.0
LEFT_WITHIN = 240.0
OLDEST = "select coalesce(extract(epoch from now() - min(created_at)), 0)::float8 from outbox where parked_at is null"
SUBJECTS = "select subject from tickets where subject like 'three-%'"
LOOK_EVERY = 4.0
SHOWN = 20
METHOD = f"""\
One machine, `EVERDESK_REPLICAS={EACH} make run`: three each of {", ".join(KINDS)}. {CLIENTS} clients hand tickets in by
API, through a balancer that asks `/readyz`, and {CLIENTS} by mail; what is refused for now, or breaks off, they send
again with the same key or Message-ID. Every {EVERY:g} s one of each kind is killed with -9, all five at the same
moment, the next of the three each time. Meanwhile the oldest event in each outbox is looked at twice a second."""


@dataclass
class Killing:
    """What was done, and seen meanwhile."""

    subjects: list[str] = field(default_factory=list)
    killed: Counter[str] = field(default_factory=Counter)
    oldest: dict[str, float] = field(default_factory=dict)
    is_over: asyncio.Event = field(default_factory=asyncio.Event)


async def run(minutes: float) -> Report:
    """Starts it, kills, and counts what is there in the end."""
    async with _three() as (system, replicas):
        clients = SystemClients(system.description)
        killing = Killing()
        async with (
            replicas.balanced("intake", clients.intake.token or "") as intake,
            asyncio.TaskGroup() as group,
        ):
            numbers = count()
            for _ in range(CLIENTS):
                group.create_task(_submit(killing, intake, numbers))
                group.create_task(_write(killing, replicas, numbers))
            group.create_task(_watch(killing, system))
            await _kill(killing, replicas, minutes)
            killing.is_over.set()
        await replicas.are_ready()
        copies, mails = await _until_all_there(system, clients, killing.subjects)
    return _report(minutes, killing, intake, copies, mails)


def _report(
    minutes: float, killing: Killing, intake: Balancer, copies: Counter[str], mails: dict[str, set[str]]
) -> Report:
    title = "Three of each, one of each killed every twenty seconds"
    report = Report("three_of_each", title, METHOD, made_by=f'make chaos ARGS="{NAME} --minutes {minutes:g}"')
    wanted = set(killing.subjects)
    report.budgets = [
        Budget("tickets lost", len(wanted - copies.keys()), "==", 0),
        Budget("tickets doubled", sum(times > 1 for times in copies.values()), "==", 0),
        Budget("acknowledgements lost", len(wanted - mails.keys()), "==", 0),
        Budget("acknowledgements decided twice", sum(len(ids) > 1 for ids in mails.values()), "==", 0),
        *(
            Budget(f"oldest event in the outbox of {name}, seconds", age, "<=", TAKEN_OVER_WITHIN)
            for name, age in killing.oldest.items()
        ),
    ]
    doors = Counter(subject.split("-")[1] for subject in killing.subjects)
    report.tables = [
        Table("Handed in", ("door", "tickets"), [[door, number] for door, number in doors.items()]),
        Table(
            "Killed with -9", ("process", "times"), [[name, times] for name, times in sorted(killing.killed.items())]
        ),
        Table(
            "Refused or broken off, and sent again", ("how", "times"), [[how, n] for how, n in intake.refused.items()]
        ),
    ]
    report.notes = [f"{minutes:g} minutes of killing; a killed process is started again by `make run` after a second."]
    return report


async def _until_all_there(
    system: ChaosSystem, clients: SystemClients, subjects: list[str]
) -> tuple[Counter[str], dict[str, set[str]]]:
    """What is on the desk and what was mailed, once all is there or patience has ended."""
    give_up_at, wanted = time.monotonic() + LEFT_WITHIN, set(subjects)
    while True:
        copies = Counter(str(row[0]) for row in await rows_of(system, "assignment", SUBJECTS))
        mails = await mails_by_requester(clients, subjects)
        missing = wanted - copies.keys(), wanted - mails.keys()
        print(f"missing: {len(missing[0])} on the desk, {len(missing[1])} mails", flush=True)
        if not any(missing) or time.monotonic() > give_up_at:
            print(*sorted(missing[0] | missing[1])[:SHOWN], flush=True)
            return copies, mails
        await asyncio.sleep(LOOK_EVERY)


async def _submit(killing: Killing, intake: Balancer, numbers: "count[int]") -> None:
    while not killing.is_over.is_set():
        subject = f"three-api-{next(numbers)}"
        await intake.send("POST", "/v1/tickets", asked(subject))
        killing.subjects.append(subject)
        await asyncio.sleep(PAUSE)


async def _write(killing: Killing, replicas: Replicas, numbers: "count[int]") -> None:
    while not killing.is_over.is_set():
        subject = f"three-mail-{next(numbers)}"
        await replicas.hand_in(subject)
        killing.subjects.append(subject)
        await asyncio.sleep(PAUSE)


async def _watch(killing: Killing, system: ChaosSystem) -> None:
    while not killing.is_over.is_set():
        for name in SERVICES:
            age = float((await rows_of(system, name, OLDEST))[0][0])
            killing.oldest[name] = max(age, killing.oldest.get(name, 0.0))
        await asyncio.sleep(0.5)


async def _kill(killing: Killing, replicas: Replicas, minutes: float) -> None:
    until = time.monotonic() + minutes * 60
    for number in count():
        await asyncio.sleep(EVERY)
        suffix = replicas.suffixes[number % EACH]
        victims = [f"{kind}{suffix}" for kind in KINDS]
        print(f"{time.strftime('%H:%M:%S')} kill -9: {', '.join(victims)}", flush=True)
        for victim in victims:
            await replicas.kill(victim)
            killing.killed[victim] += 1
        if time.monotonic() > until:
            return


@asynccontextmanager
async def _three() -> AsyncIterator[tuple[ChaosSystem, Replicas]]:
    folder = in_memory(NAME) if has_memory() else Path(tempfile.mkdtemp(prefix=f"everdesk-{NAME}-"))
    stack = LocalStack.in_folder(folder, has_stubs=False)
    stack.settings = {**SETTINGS, "EVERDESK_REPLICAS": str(EACH)}
    try:
        await stack.start(within=300)
        yield ChaosSystem(stack), Replicas(stack, EACH)
    finally:
        if stack.process is not None:
            await stack.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main(arguments: list[str]) -> int:
    """The exit status: 0 if nothing is lost, doubled or late."""
    parser = argparse.ArgumentParser(prog="make chaos ARGS=three-of-each", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    report = asyncio.run(run(parser.parse_args(arguments).minutes))
    report.publish()
    return 0 if report.is_met else 1
