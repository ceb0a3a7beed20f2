"""The organisation's name: who may change it, and who is told."""

import asyncio
from contextlib import suppress

from sqlalchemy import delete, update

from services.assignment.commands.people.announcements import announce_anew
from services.assignment.models import Installation
from services.assignment.web.page_base import SESSION_COOKIE
from shared.contracts.events import Envelope, InstallationChanged
from shared.contracts.events.installation import INSTALLATION
from shared.contracts.names import STREAM
from shared.kit.clock import utc_now
from tests.services.assignment.desk import Desk
from tests.support.eventually import eventually

PATH = "/v1/installation"


async def last_told(desk: Desk) -> InstallationChanged:
    stream = await desk.bus.jetstream()
    message = await stream.get_last_msg(STREAM, f"{InstallationChanged.type()}.{INSTALLATION}")
    return InstallationChanged.of(Envelope.model_validate_json(message.data or b""))


async def is_told(desk: Desk, name: str, version: int) -> None:
    async def found() -> None:
        told = await last_told(desk)
        assert (told.organisation, told.version) == (name, version)

    await eventually(found)


async def test_an_administrator_names_the_organisation_and_the_services_are_told(desk: Desk) -> None:
    ada = await desk.agent("ada")
    before = await ada.get(PATH)
    try:
        saved = await ada.patch(PATH, {"organisation": "Harbour & Sons"})
        assert saved == {"organisation": "Harbour & Sons", "version": before["version"] + 1}
        await is_told(desk, "Harbour & Sons", saved["version"])
        assert await ada.patch(PATH, {"organisation": "Harbour & Sons"}) == saved
        assert await ada.patch(PATH, {}) == saved
        logged = (await ada.get("/v1/audit", limit=1))["items"][0]
        assert (logged["action"], logged["after"]["organisation"]) == ("installation.changed", "Harbour & Sons")
        for wrong in ("two\nlines", "x" * 256, " ", 7):
            await ada.patch(PATH, {"organisation": wrong}, expect=422)
    finally:
        gone = await ada.patch(PATH, {"organisation": ""})
    await is_told(desk, "", gone["version"])


async def test_only_administrators_of_agents_see_and_change_it(desk: Desk) -> None:
    for name in ("chioma", "vera"):
        agent = await desk.agent(name)
        await agent.get(PATH, expect=403)
        await agent.patch(PATH, {"organisation": "Mine"}, expect=403)


async def test_after_an_upgrade_a_name_is_announced_once(desk: Desk) -> None:
    ada, database = await desk.agent("ada"), desk.context.database
    named = await ada.patch(PATH, {"organisation": "Old Harbour"})
    try:
        async with database.begin() as session:
            await session.execute(update(Installation).values(announced_as=0))
        for _ in range(2):
            with suppress(TimeoutError):
                await asyncio.wait_for(announce_anew(database), 1)
        await is_told(desk, "Old Harbour", named["version"] + 1)
        assert (await ada.get(PATH))["version"] == named["version"] + 1
    finally:
        await ada.patch(PATH, {"organisation": ""})


async def test_a_desk_without_an_installation_row_has_no_name(desk: Desk) -> None:
    ada, database = await desk.agent("ada"), desk.context.database
    version = (await ada.get(PATH))["version"]
    async with database.begin() as session:
        await session.execute(delete(Installation))
    try:
        assert await ada.get(PATH) == {"organisation": "", "version": 0}
        named = await ada.patch(PATH, {"organisation": "Harbour"})
        assert named["version"] == 1
        page = await desk.http.get("/setup", headers={"Cookie": f"{SESSION_COOKIE}={ada.token}"})
        assert "Harbour" in page.text, "nothing is left to be set up"
    finally:
        async with database.begin() as session:
            done = (await session.get_one(Installation, 1)).done
            await session.execute(delete(Installation))
            session.add(Installation(id=1, done=done, finished_at=utc_now(), version=version))
