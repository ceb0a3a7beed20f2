"""Bans and limits as old clients meet them."""

from collections.abc import AsyncIterator

import pytest

from services.intake.abuse.bans import lift_ban, put_ban
from tests.services.intake.abuse.override_settings import with_settings
from tests.services.intake.osticket.old_client import LEAST, OldClient


@pytest.fixture(params=["mallory@spam.example", "@spam.example", "203.0.113.0/24"])
async def banned(old: OldClient, request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """A ban that is about Mallory in one way or another."""
    bans = old.intake.app.state.app_state.admission.bans
    async with old.intake.database.begin() as session:
        await put_ban(session, request.param, "Only spam", None)
    bans.forget()
    yield
    async with old.intake.database.begin() as session:
        await lift_ban(session, request.param)
    bans.forget()


@pytest.mark.usefixtures("banned")
async def test_a_banned_requester_is_denied(old: OldClient) -> None:
    answer = await old.json(LEAST | {"email": "mallory@spam.example", "ip": "203.0.113.9"})
    assert (answer.status_code, answer.text) == (403, "Ticket Denied")
    assert (await old.json(LEAST)).status_code == 201


async def test_too_many_open_tickets_are_an_invalid_request(old: OldClient) -> None:
    with with_settings(old.intake, api_max_open_tickets=1):
        sent = LEAST | {"email": "many-open@bank.example"}
        assert [(await old.json(sent)).status_code for _ in range(2)] == [201, 500]


async def test_a_requester_in_a_hurry_is_told_to_wait(old: OldClient) -> None:
    with with_settings(old.intake, api_requester_per_hour=1):
        sent = LEAST | {"email": "hurry@bank.example"}
        assert [(await old.json(sent)).status_code for _ in range(2)] == [201, 429]
