"""A forged mail names a stranger: an agent sees it, lets them in, and throws them out again, on the running system."""

import re
from email.message import EmailMessage
from functools import partial

import aiosmtplib
import httpx2
import pytest

from shared.kit.clock import new_id
from tests.local.running import LocalStack
from tests.support.api import Api, Json, SystemClients
from tests.support.eventually import eventually
from tests.support.sse import reading

SUPPORT = "support@everdesk.example"


@pytest.fixture
def system(stack: LocalStack) -> SystemClients:
    return SystemClients(stack.described())


async def forge(stack: LocalStack, sender: str, number: str, copied: str) -> None:
    """A mail in the requester's name, from anybody who knows a number."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Cc"], mail["Subject"] = sender, SUPPORT, copied, f"[#{number}]"
    mail["Message-ID"] = f"<{new_id()}@evil.example>"
    mail.set_content("Please keep my colleague informed.")
    port = stack.described()["ports"]["mail_in"]
    await aiosmtplib.send(mail, hostname="127.0.0.1", port=port, start_tls=False)


async def state_is(agent: Api, path: str, expected: dict[str, str]) -> None:
    items = (await agent.get(f"{path}/participants"))["items"]
    assert {item["email"]: item["state"] for item in items} == expected


async def some_mails_to(system: SystemClients, email: str, count: int) -> list[Json]:
    mails = await system.mails_to(email)
    assert len(mails) >= count, [mail["Subject"] for mail in mails]
    return mails


async def answer_invitation(system: SystemClients, base_url: str, email: str) -> str:
    """Follows the link in the only mail to somebody, and takes part; the link's token."""
    mails = await eventually(partial(some_mails_to, system, email, 1), within=30)
    text = str((await system.mail.get(f"/api/v1/message/{mails[0]['ID']}"))["Text"])
    found = re.search(r"/p/([A-Za-z0-9_.~-]+)", text)
    assert found is not None, text
    async with httpx2.AsyncClient(base_url=base_url, follow_redirects=True, timeout=20) as browser:
        asked = await browser.get(f"/p/{found[1]}")
        token = asked.text.partition('name="csrf_token" value="')[2].partition('"')[0]
        form = {"csrf_token": token, "answer": "join"}
        joined = await browser.post(f"/p/{found[1]}", data=form, headers={"Origin": base_url})
    assert joined.status_code == 200, joined.text
    return found[1]


async def test_an_agent_lets_somebody_in_copy_in_and_out(stack: LocalStack, system: SystemClients) -> None:
    ada, base_url = await system.sign_in("ada@everdesk.example"), system.intake.base_url
    dana, stranger = f"dana-{new_id().hex[-8:]}@bank.example", f"mallory-{new_id().hex[-8:]}@evil.example"
    created = await system.submit("The vault does not open", dana)
    path = f"/v1/tickets/{created['id']}"
    await eventually(partial(some_mails_to, system, dana, 1), within=30)
    await forge(stack, dana, created["number"], stranger)
    await eventually(partial(state_is, ada, path, {stranger: "proposed"}), within=30)
    assert await system.mails_to(stranger) == []

    await ada.post(f"{path}/participants/{stranger}/confirm", expect=202)
    token = await answer_invitation(system, base_url, stranger)
    await eventually(partial(state_is, ada, path, {stranger: "joined"}), within=20)
    await ada.post(f"{path}/replies", {"body": "The locksmith comes at nine."})
    told = len(await eventually(partial(some_mails_to, system, stranger, 2), within=30))

    async with httpx2.AsyncClient(base_url=base_url, timeout=20) as browser:
        assert (await browser.get(f"/t/{token}")).status_code == 200
        async with reading(browser, f"/t/{token}/events") as stream:
            assert stream.status == 200
            removed = await ada.client.delete(
                f"{ada.base_url}{path}/participants/{stranger}", headers={"Authorization": f"Bearer {ada.token}"}
            )
            assert removed.status_code == 204
            assert "message.posted" not in (await stream.rest(within=20))[1:]
        assert [(await browser.get(f"/{page}/{token}")).status_code for page in ("t", "p")] == [404, 404]
    await state_is(ada, path, {})

    before = len(await system.mails_to(dana))
    await ada.post(f"{path}/replies", {"body": "The combination is 4711."})
    await eventually(partial(some_mails_to, system, dana, before + 1), within=30)
    assert len(await system.mails_to(stranger)) == told, "who was removed hears no more"
