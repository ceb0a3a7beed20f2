"""A sign-in that is under way while its password, its agent or all sessions end, opens nothing afterwards."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select, text

from services.assignment.access import enrolment, own_password, sign_in
from services.assignment.access.sessions import sign_out_everywhere
from services.assignment.models import Session
from shared.kit.auth import verify_password
from tests.services.assignment.access.test_account_links import NEW, forget_attempts, link_of, make_agent
from tests.services.assignment.access.test_second_factor import code_now, enrolled, forget_step, secret_on
from tests.services.assignment.access.test_second_factor import make_agent as factor_agent
from tests.services.assignment.browsing import Surfer
from tests.services.assignment.desk import PASSWORD, Desk
from tests.support.eventually import eventually

WAITING = text("select count(*) from pg_stat_activity where wait_event_type = 'Lock'")


async def reset(desk: Desk, agent_id: str, email: str) -> None:
    """The owner asks for a link and chooses another password."""
    await forget_attempts(desk)
    surfer = await Surfer.of(desk.app, "203.0.113.90").open("/forgot-password")
    await surfer.send("/forgot-password", email=email)
    path = await link_of(desk, agent_id)
    await surfer.open(path)
    assert (await surfer.send(path, password=NEW)).status == 200


def overtaken_by(monkeypatch: pytest.MonkeyPatch, event: Callable[[], Awaitable[object]]) -> None:
    """Has something happen after the first password was found right, and before its session is opened."""
    left = [event]

    async def verify(password: str, hashed: str | None) -> bool:
        is_right = await verify_password(password, hashed)
        if left:
            await left.pop()()
        return is_right

    monkeypatch.setattr(sign_in, "verify_password", verify)


async def sessions_of(desk: Desk, agent_id: str) -> int:
    async with desk.database.begin() as session:
        return len((await session.scalars(select(Session.id).where(Session.agent_id == agent_id))).all())


async def test_a_sign_in_with_the_old_password_does_not_outlive_the_reset(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent_id, email = await make_agent(desk, password=PASSWORD)
    overtaken_by(monkeypatch, lambda: reset(desk, agent_id, email))
    answer = await desk.http.post("/v1/sessions", json={"email": email, "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_credentials")
    assert await sessions_of(desk, agent_id) == 0
    assert (await desk.http.post("/v1/sessions", json={"email": email, "password": NEW})).status_code == 201


async def test_whoever_knows_the_old_password_does_not_take_back_the_reset(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent_id, email = await make_agent(desk, password=PASSWORD)
    thief = await Surfer.of(desk.app).sign_in(email)
    overtaken_by(monkeypatch, lambda: reset(desk, agent_id, email))
    stolen = "quartz-lantern-oyster-72"
    await thief.send("/account/password", current=PASSWORD, password=stolen)
    assert await sessions_of(desk, agent_id) == 0
    assert (await desk.http.post("/v1/sessions", json={"email": email, "password": stolen})).status_code == 401
    assert (await desk.http.post("/v1/sessions", json={"email": email, "password": NEW})).status_code == 201


async def test_an_agent_deactivated_meanwhile_is_left_no_session(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    agent_id, email = await make_agent(desk, password=PASSWORD)
    ada, leaver = await desk.agent("ada"), await Surfer.of(desk.app).sign_in(email)
    overtaken_by(monkeypatch, lambda: ada.patch(f"/v1/agents/{agent_id}", {"is_active": False}))
    await leaver.send("/account/password", current=PASSWORD, password=NEW)
    assert await sessions_of(desk, agent_id) == 0


@pytest.mark.parametrize("module", [enrolment, own_password])
async def test_a_session_that_goes_on_under_a_new_token_ends_with_all_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, module: Any
) -> None:
    agent_id, email = await make_agent(desk, password=PASSWORD)
    surfer = await Surfer.of(desk.app).sign_in(email)
    await surfer.open("/account/second-factor")
    code, ending = code_now(secret_on(surfer.page)), list[asyncio.Task[None]]()
    real = module.open_session

    async def open_late(*given: Any) -> Any:
        """By then somebody has asked for the end of all sessions, and waits for this transaction."""
        ending.append(asyncio.create_task(sign_out_everywhere(desk.context, given[2])))

        async def waits() -> None:
            async with desk.database.begin() as session:
                assert await session.scalar(WAITING)

        await eventually(waits, within=10)
        return await real(*given)

    monkeypatch.setattr(module, "open_session", open_late)
    if module is enrolment:
        await surfer.send("/account/second-factor/app", code=code)
    else:
        await surfer.open("/account")
        await surfer.send("/account/password", current=PASSWORD, password=NEW)
    await asyncio.gather(*ending)
    assert ending
    assert await sessions_of(desk, agent_id) == 0


async def test_two_pages_at_once_set_up_the_same_app(desk: Desk) -> None:
    _, email = await make_agent(desk, password=PASSWORD)
    surfer = await Surfer.of(desk.app).sign_in(email)
    pages = await asyncio.gather(*(surfer.http.get("/account/second-factor") for _ in range(6)))
    assert [page.status_code for page in pages] == [200] * 6
    assert len({secret_on(page.text) for page in pages}) == 1


async def test_one_code_opens_one_session_however_many_send_it_at_once(desk: Desk) -> None:
    agent_id, email = await factor_agent(desk)
    _, secret, codes = await enrolled(desk, email)
    await forget_step(desk, agent_id)
    for code in (codes[0], code_now(secret)):
        sent = {"email": email, "password": PASSWORD, "code": code}
        answers = await asyncio.gather(*(desk.http.post("/v1/sessions", json=sent) for _ in range(4)))
        assert sorted(one.status_code for one in answers) == [201, 401, 401, 401]
        await forget_attempts(desk)


async def test_one_link_sets_one_password_however_many_use_it_at_once(desk: Desk) -> None:
    await forget_attempts(desk)
    agent_id, email = await make_agent(desk, password=PASSWORD)
    surfers = [await Surfer.of(desk.app).open("/forgot-password") for _ in range(3)]
    await surfers[0].send("/forgot-password", email=email)
    path = await link_of(desk, agent_id)
    for surfer in surfers:
        await surfer.open(path)
    words = [f"{NEW}-{number}" for number in range(3)]
    await asyncio.gather(*(one.send(path, password=word) for one, word in zip(surfers, words, strict=True)))
    assert sorted(one.status for one in surfers) == [200, 410, 410]
