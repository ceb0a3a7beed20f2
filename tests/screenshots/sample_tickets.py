"""The tickets that the pictures show: a morning at a bank's help desk."""

import re
from dataclasses import dataclass
from functools import partial

from tests.support.api import Api, Json, SystemClients, status_is
from tests.support.eventually import eventually

REQUESTER = "dana.ruiz@bank.example"
STORY = (
    "Since nine o'clock online banking answers **502** after the log-in; forty customers at our branch cannot pay.\n\n"
    "- Chrome and Safari alike\n- the app works\n"
)
NOTE = "The gateway's certificate expired at 09:00. Operations is renewing it; ETA 20 minutes."
REPLY = "We have found the cause, an expired certificate, and are renewing it now. Expect service within the hour."
ANSWER = "Some customers can log in again, others still see the error."
OTHERS = (
    ("Card declined abroad", "lee.wong@bank.example", "Lee Wong", "high"),
    ("Statement for October is missing", "amina.diallo@bank.example", "Amina Diallo", "normal"),
    ("New joiner needs a token on Monday", "tom.berg@bank.example", "Tom Berg", "low"),
    ("Branch printer prints blank pages", "sofia.rossi@bank.example", "Sofia Rossi", "normal"),
    ("Wire transfer stuck in review since Friday", "kofi.mensah@bank.example", "Kofi Mensah", "urgent"),
    ("Cannot change the mobile number of a customer", "ines.costa@bank.example", "Inês Costa", "normal"),
)


@dataclass(frozen=True)
class Scene:
    """Where the pages are, and who looks at them."""

    portal_url: str
    desk_url: str
    thread_path: str
    number: str
    agent: Json


async def set_up(system: SystemClients) -> Scene:
    """Opens seven tickets, works the first, and resolves another."""
    story = await system.submit("Online banking system down", REQUESTER, body=STORY, body_format="markdown")
    others = [
        await system.submit(subject, email, requester={"email": email, "name": name}, priority=priority)
        for subject, email, name, priority in OTHERS
    ]
    ada = await system.sign_in("ada@everdesk.example")
    for ticket in [story, *others]:
        await status_is(ada, ticket["id"], "open", within=60)
    path = f"/v1/tickets/{story['id']}"
    await ada.post(f"{path}/notes", {"body": NOTE})
    await ada.post(f"{path}/replies", {"body": REPLY})
    await system.intake.post(f"{path}/messages", {"body": ANSWER})
    await eventually(partial(_shows, ada, path, ANSWER), within=30)
    await ada.post(f"/v1/tickets/{others[3]['id']}/replies", {"body": "The toner was replaced; please try again."})
    await ada.post(f"/v1/tickets/{others[3]['id']}/resolve")
    account = next(each for each in system.description["credentials"]["agents"] if each["email"].startswith("ada@"))
    return Scene(
        system.intake.base_url,
        system.desk.base_url,
        await eventually(partial(_mailed_link, system), within=60),
        story["number"],
        account,
    )


async def _shows(agent: Api, path: str, words: str) -> None:
    assert words in str(await agent.all(f"{path}/messages"))


async def _mailed_link(system: SystemClients) -> str:
    """The path of the thread, as a mail to the requester gives it."""
    mails = await system.mails_to(REQUESTER)
    assert mails
    text = str((await system.mail.get(f"/api/v1/message/{mails[-1]['ID']}"))["Text"])
    found = re.search(r"/t/[A-Za-z0-9_.~-]+", text)
    assert found, text
    return found[0]
