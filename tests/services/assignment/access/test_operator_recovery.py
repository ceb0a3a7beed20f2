"""Recovery at the command line, for whoever nobody else can help."""

import pytest
from sqlalchemy import select

from services.assignment.access.operator_recovery import ACTIONS, act_on
from shared.kit.audit_log import audit_log
from tests.services.assignment.access.test_account_links import make_agent, signs_in
from tests.services.assignment.access.test_second_factor import api, enrolled
from tests.services.assignment.browsing import Surfer
from tests.services.assignment.desk import PASSWORD, Desk


async def act(desk: Desk, action: str, email: str, address: str = "") -> str | None:
    return await act_on(desk.context.settings, ACTIONS[action], email, address)


async def test_an_operator_lets_somebody_in_who_lost_everything(desk: Desk) -> None:
    agent_id, email = await make_agent(desk, password=PASSWORD)
    await enrolled(desk, email)
    shown = await act(desk, "show", email.upper())
    assert shown is not None
    assert "authenticator app: yes" in shown
    await act(desk, "reset-second-factor", email)
    assert (await api(desk, email))["status"] == 201
    told = await act(desk, "reset-password", email)
    assert told is not None
    path = told.splitlines()[-1].removeprefix(desk.context.settings.desk_url)
    surfer = await Surfer.of(desk.app).open(path)
    await surfer.send(path, password="violet-harbour-cheese-39")
    assert await signs_in(desk, email, "violet-harbour-cheese-39")
    async with desk.database.begin() as session:
        query = select(audit_log.c.action, audit_log.c.actor_name).where(audit_log.c.subject_id == agent_id)
        entries = (await session.execute(query.order_by(audit_log.c.seq))).all()
    by_operator = [entry.action for entry in entries if entry.actor_name.startswith("Operator ")]
    assert by_operator == ["agent.second-factor-reset", "agent.password-link-made"]


async def test_an_operator_unlocks_an_account(desk: Desk) -> None:
    _, email = await make_agent(desk, password=PASSWORD)
    for _ in range(5):
        assert not await signs_in(desk, email, "wrong-password")
    assert (await api(desk, email))["status"] == 429
    await act(desk, "unlock", email, "127.0.0.1")
    assert (await api(desk, email))["status"] == 201


@pytest.mark.parametrize("action", sorted(ACTIONS))
async def test_nobody_is_made_up(desk: Desk, action: str) -> None:
    assert await act(desk, action, "nobody@everdesk.example") is None
