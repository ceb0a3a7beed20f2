"""A conversation by mail alone: written to port 2525, answered at the desk, answered again, and reopened by mail."""

import re
from email.message import EmailMessage
from functools import partial

import aiosmtplib
import pytest

from shared.kit.clock import new_id, utc_now
from tests.local.running import LocalStack
from tests.support.api import Api, Json, SystemClients, status_is
from tests.support.eventually import eventually

SUPPORT = "support@everdesk.example"


@pytest.fixture
def system(stack: LocalStack) -> SystemClients:
    return SystemClients(stack.described())


async def send(stack: LocalStack, sender: str, subject: str, text: str, answers: str | None = None) -> None:
    """A mail as any client sends it."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = f"Dana Ruiz <{sender}>", SUPPORT, subject
    mail["Message-ID"] = f"<{new_id()}@bank.example>"
    if answers:
        mail["In-Reply-To"] = mail["References"] = answers
    mail.set_content(text)
    port = stack.described()["ports"]["mail_in"]
    await aiosmtplib.send(mail, hostname="127.0.0.1", port=port, start_tls=False)


async def latest(system: SystemClients, email: str, count: int) -> Json:
    """The newest of so many mails to somebody."""
    mails = await system.mails_to(email)
    assert len(mails) == count, [mail["Subject"] for mail in mails]
    return max(mails, key=lambda mail: str(mail["Created"]))


async def bodies(agent: Api, ticket_id: str, count: int) -> list[str]:
    messages = await agent.all(f"/v1/tickets/{ticket_id}/messages")
    assert len(messages) == count
    return [str(message["body"]) for message in messages]


async def test_a_conversation_by_mail(stack: LocalStack, system: SystemClients) -> None:
    ada = await system.sign_in("ada@everdesk.example")
    email = f"dana-{utc_now():%H%M%S%f}@bank.example"
    subject = f"Online banking system down {utc_now():%H%M%S%f}"
    await send(stack, email, subject, "Log-in answers 502.")

    acknowledged = await eventually(partial(latest, system, email, 1), within=30)
    found = re.search(r"\[#(\d+)\]", acknowledged["Subject"])
    assert found is not None

    async def known() -> Json:
        items: list[Json] = (await ada.get(f"/v1/tickets?view=all&q={found[1]}"))["items"]
        assert items
        return items[0]

    ticket = await eventually(known, within=20)
    path = f"/v1/tickets/{ticket['id']}"
    await ada.post(f"{path}/replies", {"body": "Please try again.", "body_format": "text"})
    reply = await eventually(partial(latest, system, email, 2), within=20)

    await send(stack, email, f"Re: {reply['Subject']}", "Now it says 503.", f"<{reply['MessageID']}>")
    said = await eventually(partial(bodies, ada, ticket["id"], 3), within=20)
    assert said == ["Log-in answers 502.", "Please try again.", "Now it says 503."]

    await ada.post(f"{path}/resolve")
    await status_is(ada, ticket["id"], "resolved")
    resolved = await eventually(partial(latest, system, email, 3), within=20)
    await send(stack, email, "still broken", "It is not.", f"<{resolved['MessageID']}>")
    await status_is(ada, ticket["id"], "open", within=20)
