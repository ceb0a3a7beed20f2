"""Bodies that overflow or freeze a parser, written by agents or shown to them (see `test_unrenderable_bodies`)."""

import asyncio

import pytest
from sqlalchemy import select, update

from services.assignment.models import Message
from services.assignment.web.page_base import SESSION_COOKIE
from shared.kit.user_content.renderer import REMARK
from shared.kit.user_content.rendering import VERSION
from tests.attack.test_unrenderable_bodies import FREEZING, HERE_SECONDS, cpu
from tests.services.assignment.desk import Desk


@pytest.mark.parametrize("way", ["replies", "notes"])
async def test_agents_are_refused_with_words_while_others_are_served(desk: Desk, way: str) -> None:
    ticket, ada = await desk.some_ticket(), await desk.agent("ada")
    before = cpu()
    for body, kind in FREEZING:
        path = f"/v1/tickets/{ticket['id']}/{way}"
        trying = asyncio.create_task(ada.send("POST", path, json={"body": body, "body_format": kind}))
        assert (await asyncio.wait_for(desk.http.get("/healthz"), 5)).status_code == 200
        answer = await trying
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["pointer"] == "/body"
    assert cpu() - before < 4 * HERE_SECONDS


async def test_what_got_in_is_rendered_once_and_shown_to_agents(desk: Desk) -> None:
    ticket, ada = await desk.ticket("online-banking"), await desk.agent("ada")
    mine = Message.ticket_id == ticket["id"]
    for body, kind in FREEZING:
        async with desk.database.begin() as session:
            await session.execute(update(Message).where(mine).values(body=body, body_format=kind, renderer=None))
        for _ in range(3):
            before = cpu()
            cookies = {"Cookie": f"{SESSION_COOKIE}={ada.token}"}
            page = await desk.http.get(f"/tickets/{ticket['number']}", headers=cookies)
            assert page.status_code == 200
            assert REMARK in page.text
            assert cpu() - before < 2 * HERE_SECONDS
        async with desk.database.begin() as session:
            message = (await session.scalars(select(Message).where(mine))).first()
        assert message is not None
        assert message.renderer == VERSION
