"""Guesses that cannot be stopped by a lock: whose turn it is, who is refused, and who still gets in."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager

import httpx2
import pytest

from services.assignment.access import sign_in
from services.assignment.access.sign_in import TRIES
from services.assignment.sign_in_queue import AT_ONCE, LOOK_UPS_AT_ONCE, SignInQueue
from services.assignment.web.page_base import BROWSER_COOKIE
from shared.kit.clock import new_id
from shared.kit.http.problems import Problem
from tests.services.assignment.browsing import Surfer
from tests.services.assignment.desk import PASSWORD, Desk
from tests.support.quick_passwords import quick_hashes  # noqa: F401 - a fixture

WRONG = "wrong-password-47"
Guest = Callable[..., Coroutine[None, None, None]]


@pytest.fixture
def line() -> SignInQueue:
    return SignInQueue(at_once=1, waiting=4, longest=30)


@pytest.fixture
def order() -> list[str]:
    return []


@pytest.fixture
def guest(line: SignInQueue, order: list[str]) -> Guest:
    """Somebody who enters, notes that they did, and leaves."""

    async def enter(network: str, *, is_known: bool = False) -> None:
        async with line.enter(network, is_known=is_known):
            order.append(network)

    return enter


async def begun(*guests: Coroutine[None, None, None]) -> list[asyncio.Task[None]]:
    """The guests in line, one behind the other."""
    tasks = [asyncio.create_task(one) for one in guests]
    await asyncio.sleep(0)
    return tasks


async def test_networks_have_turns_and_known_browsers_go_first(
    line: SignInQueue, order: list[str], guest: Guest
) -> None:
    async with line.enter("first"):
        waiting = await begun(guest("flood"), guest("flood"), guest("other"), guest("known", is_known=True))
    await asyncio.gather(*waiting)
    assert order == ["known", "flood", "other", "flood"]


async def test_a_full_line_refuses_the_last_of_the_network_with_most(
    line: SignInQueue, order: list[str], guest: Guest
) -> None:
    async with line.enter("first"):
        waiting = await begun(*(guest("flood") for _ in range(4)), guest("other"), guest("flood"))
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [isinstance(one, Problem) and one.status for one in answers] == [False, False, False, 503, False, 503]
    assert order == ["flood", "other", "flood", "flood"]


async def test_nobody_waits_longer_than_they_would_listen(order: list[str]) -> None:
    line = SignInQueue(at_once=1, longest=0.01)
    async with line.enter("first"):
        with pytest.raises(Problem) as refused:
            async with line.enter("second"):
                order.append("second")
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "10")
    async with line.enter("third"):
        order.append("third")
    assert order == ["third"]


async def test_few_attempts_are_looked_up_at_once_and_not_many_wait_for_it() -> None:
    line, inside, most = SignInQueue(waiting=5, longest=30), 0, 0

    async def look() -> None:
        nonlocal inside, most
        async with line.look_up():
            inside, most = inside + 1, max(most, inside + 1)
            await asyncio.sleep(0)
            inside -= 1

    answers = await asyncio.gather(*(look() for _ in range(20)), return_exceptions=True)
    assert most == LOOK_UPS_AT_ONCE
    refused = [one for one in answers if isinstance(one, Problem)]
    assert {one.status for one in refused} == {503}
    assert len(refused) == 20 - 5 - LOOK_UPS_AT_ONCE


async def test_a_known_browser_is_looked_up_while_others_wait() -> None:
    line = SignInQueue(waiting=1, longest=0.05)
    async with AsyncExitStack() as stack:
        for _ in range(LOOK_UPS_AT_ONCE):
            await stack.enter_async_context(line.look_up())
        waiting = asyncio.create_task(stack.enter_async_context(line.look_up()))
        async with asyncio.timeout(5), line.look_up(is_known=True):
            pass
        with pytest.raises(Problem):
            await waiting


async def test_a_guest_who_leaves_holds_no_place(line: SignInQueue, order: list[str], guest: Guest) -> None:
    async with line.enter("first"):
        leaving, staying = await begun(guest("leaves"), guest("stays"))
        leaving.cancel()
    await asyncio.wait([leaving, staying])
    left, here = await begun(guest("leaves"), guest("here"))
    left.cancel()
    await asyncio.wait([left, here])
    async with asyncio.timeout(5), line.enter("last"):
        assert order[-1] == "here"


@asynccontextmanager
async def full(line: SignInQueue) -> AsyncIterator[None]:
    """Takes every place, as if guesses were being hashed: whoever waits in line now waits for long."""
    async with AsyncExitStack() as stack:
        for _ in range(AT_ONCE):
            await stack.enter_async_context(line.enter("flood"))
        yield


async def guess(desk: Desk, email: str, address: str, password: str = WRONG) -> httpx2.Response:
    transport = httpx2.ASGITransport(app=desk.app, client=(address, 4711))
    async with httpx2.AsyncClient(transport=transport, base_url="http://desk.example") as http:
        return await http.post("/v1/sessions", json={"email": email, "password": password})


async def owner_of(desk: Desk) -> str:
    ada, email = await desk.agent("ada"), f"{new_id().hex}@everdesk.example"
    await ada.post("/v1/agents", {"email": email, "name": "Owner", "password": PASSWORD})
    return email


@pytest.mark.usefixtures("quick_hashes")
async def test_a_locked_account_costs_no_hash_and_is_answered_as_an_unknown_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = list[str | None]()

    async def count(_: str, stored: str | None) -> bool:
        hashed.append(stored)
        return False

    emails = await owner_of(desk), f"nobody-{new_id().hex}@everdesk.example"
    for email in emails:
        for number in range(TRIES["account"]):
            await guess(desk, email, f"198.18.{number}.1")
    monkeypatch.setattr(sign_in, "verify_password", count)
    answers = []
    async with full(desk.app.state.app_state.sign_ins):
        for email in emails:
            answer = await guess(desk, email, "198.18.200.1", PASSWORD)
            body = {name: value for name, value in answer.json().items() if name != "request_id"}
            answers.append((answer.status_code, body["code"], body["title"]))
    assert answers[0] == answers[1]
    assert answers[0][:2] == (429, "locked_out")
    assert hashed == []


@pytest.mark.usefixtures("quick_hashes")
async def test_an_account_that_others_locked_opens_in_a_browser_its_owner_has_used(desk: Desk) -> None:
    email = await owner_of(desk)
    surfer = await Surfer.of(desk.app, "203.0.113.30").sign_in(email)
    assert surfer.path == "/account"
    for number in range(TRIES["account"]):
        assert (await guess(desk, email, f"198.18.{number}.2")).status_code == 401
    assert (await guess(desk, email, "203.0.113.30", PASSWORD)).status_code == 429
    stranger = await Surfer.of(desk.app, "203.0.113.31").sign_in(email)
    assert stranger.status == 429
    elsewhere = Surfer.of(desk.app, "203.0.113.32")
    elsewhere.http.cookies.set(BROWSER_COOKIE, surfer.http.cookies[BROWSER_COOKIE])
    assert (await elsewhere.sign_in(email)).path == "/account"
    assert (await guess(desk, email, "198.18.99.2")).status_code == 429, "the account stays locked for others"


@pytest.mark.usefixtures("quick_hashes")
async def test_a_known_browser_has_few_tries_and_serves_its_owner_alone(desk: Desk) -> None:
    email, other = await owner_of(desk), await owner_of(desk)
    surfer = await Surfer.of(desk.app, "203.0.113.33").sign_in(email)
    cookie = surfer.http.cookies[BROWSER_COOKIE]
    statuses = []
    for number in range(6):
        thief = Surfer.of(desk.app, f"203.0.113.{40 + number}")
        thief.http.cookies.set(BROWSER_COOKIE, cookie)
        statuses.append((await thief.sign_in(email, WRONG)).status)
    assert statuses == [401] * 5 + [429]
    assert (await guess(desk, email, "203.0.113.60", PASSWORD)).status_code == 201, "others are not locked by it"
    for number in range(TRIES["account"]):
        await guess(desk, other, f"198.18.{number}.3")
    mallory = Surfer.of(desk.app, "203.0.113.61")
    for value in (cookie, cookie[:-2], "x"):
        mallory.http.cookies.set(BROWSER_COOKIE, value)
        assert (await mallory.sign_in(other)).status == 429
