"""Several of each process: killed, restarted one after another, and watched at one while another is written to."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from itertools import count

import httpx2
import pytest

from tests.chaos.replicas import Balancer, Replicas, asked, copies_on_the_desk, mails_by_requester
from tests.local.running import LocalStack
from tests.support.api import Api, SystemClients
from tests.support.eventually import eventually
from tests.support.memory_disk import data_folder
from tests.support.sizes import either
from tests.support.sse import reading
from tests.support.whole_system import lay_databases

REPLICAS = either(2, 3)
ROUNDS = either(1, 4)
AT_ONCE = 4
EACH = either(20, 80)
"""Tickets by API and as many by mail, in each round of kills."""
KINDS = ("intake", "mail_in", "assignment", "notification", "worker")
PAUSE_SECONDS = 0.3
pytestmark = [pytest.mark.chaos, pytest.mark.soak, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
async def replicas(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> AsyncIterator[Replicas]:
    with data_folder(tmp_path_factory, "replicas") as folder:
        running = LocalStack.in_folder(folder, has_stubs=False)
        running.settings = {"EVERDESK_REPLICAS": str(REPLICAS)}
        await lay_databases(tmp_path_factory, pytestconfig, running)
        await running.start(within=240)
        try:
            yield Replicas(running, REPLICAS)
        finally:
            await running.stop()


@pytest.fixture(scope="module")
def system(replicas: Replicas) -> SystemClients:
    return SystemClients(replicas.stack.described())


@pytest.fixture(scope="module")
async def ada(system: SystemClients) -> Api:
    return await system.sign_in("ada@everdesk.example")


async def test_a_watcher_at_one_process_sees_what_is_done_at_another(
    replicas: Replicas, system: SystemClients, ada: Api
) -> None:
    ticket = await system.submit("watched", "watched@mail.example")
    path = f"/v1/tickets/{ticket['id']}"
    await eventually(lambda: ada.get(path), within=20)
    for url, priority in zip(replicas.urls("assignment")[1:], ("urgent", "low", "high"), strict=False):
        headers = {"Authorization": f"Bearer {ada.token}"}
        async with (
            httpx2.AsyncClient(base_url=url, headers=headers, trust_env=False) as http,
            reading(http, f"/v1/stream?ticket_id={ticket['id']}") as stream,
        ):
            await stream.comment()
            await ada.post(f"{path}/prioritise", {"priority": priority})
            while (event := await stream.next()).data["kind"] != "ticket.prioritised":
                pass
            assert event.data["priority"] == priority


async def test_one_of_each_is_killed_and_nothing_is_lost_or_doubled(
    replicas: Replicas, system: SystemClients, ada: Api
) -> None:
    subjects = [f"killed-{way}-{number}" for number in range(EACH * ROUNDS) for way in ("api", "mail")]
    victims = [
        f"{kind}{replicas.suffixes[(number + round_) % REPLICAS]}"
        for round_ in range(ROUNDS)
        for number, kind in enumerate(KINDS)
    ]
    waiting, each = list(subjects), len(subjects) // (len(victims) + 1)

    async def client(intake: Balancer) -> None:
        while waiting:
            subject = waiting.pop()
            if (len(subjects) - len(waiting)) % each == 0 and victims:
                await replicas.kill(victims.pop(0))
            if "-api-" in subject:
                await intake.send("POST", "/v1/tickets", asked(subject))
            else:
                await replicas.hand_in(subject)

    async with replicas.balanced("intake", system.intake.token or "") as intake:
        await asyncio.gather(*(client(intake) for _ in range(AT_ONCE)))
    assert not victims
    await nothing_is_lost_or_doubled(system, ada, subjects)


async def test_a_rolling_restart_refuses_only_what_may_be_tried_again_and_loses_nothing(
    replicas: Replicas, system: SystemClients, ada: Api
) -> None:
    await replicas.are_ready()
    subjects: list[str] = []
    numbers, is_over = count(), asyncio.Event()

    async def write(intake: Balancer) -> None:
        while not is_over.is_set():
            subject = f"rolled-api-{next(numbers)}"
            await intake.send("POST", "/v1/tickets", asked(subject))
            subjects.append(subject)
            await asyncio.sleep(PAUSE_SECONDS)

    async def mail() -> None:
        while not is_over.is_set():
            subject = f"rolled-mail-{next(numbers)}"
            await replicas.hand_in(subject)
            subjects.append(subject)
            await asyncio.sleep(PAUSE_SECONDS)

    async def read(desk: Balancer) -> None:
        while not is_over.is_set():
            await desk.send("GET", "/v1/tickets?limit=10")
            await asyncio.sleep(PAUSE_SECONDS)

    async with (
        replicas.balanced("intake", system.intake.token or "") as intake,
        replicas.balanced("assignment", ada.token or "") as desk,
        asyncio.TaskGroup() as clients,
    ):
        for work in (write(intake), write(intake), mail(), read(desk)):
            clients.create_task(work)
        rolled = replicas.suffixes[: either(1, REPLICAS)]
        for suffix in rolled:
            await replicas.restart([f"{kind}{suffix}" for kind in KINDS])
        is_over.set()
    for balancer in (intake, desk):
        assert balancer.refused.keys() <= {"ConnectError", "503"}, balancer.refused
        assert len(balancer.said_stopping) == len(rolled)
    await nothing_is_lost_or_doubled(system, ada, subjects)


async def nothing_is_lost_or_doubled(system: SystemClients, ada: Api, subjects: list[str]) -> None:
    """Each ticket is at the desk once, and each requester was written to once."""
    await eventually(lambda: each_is_there_once(ada, subjects), within=90)
    await eventually(lambda: each_is_confirmed_once(system, subjects), within=90)


async def each_is_there_once(ada: Api, subjects: list[str]) -> None:
    assert await copies_on_the_desk(ada, set(subjects)) == Counter(subjects)


async def each_is_confirmed_once(system: SystemClients, subjects: list[str]) -> None:
    ids = await mails_by_requester(system, subjects)
    assert ids.keys() == set(subjects), len(ids)
    assert {len(each) for each in ids.values()} == {1}
