"""`ida@bücher.example` and `ida@xn--bcher-kva.example` are one person on every channel of intake."""

from email.message import EmailMessage

import aiosmtplib
import httpx2
import pytest

from services.intake.access.key_scopes import KeyScope
from services.intake.models import RawMail, RawMailState
from services.intake.privacy.subject_data import find_subject_data
from shared.contracts.base import TicketId
from shared.contracts.events import AccessLinkRequested, TicketSubmitted
from shared.kit.addresses import NOT_SERVED
from shared.kit.auth import TicketLink, TicketLinks
from shared.kit.clock import new_id
from shared.kit.requester_ids import RequesterIds
from tests.services.intake.abuse.override_settings import with_settings
from tests.services.intake.api.test_submitting import announced
from tests.services.intake.harness import IntakeHarness, request_for_help
from tests.services.intake.mail.post_office import PostOffice, letter
from tests.services.intake.osticket.conftest import old  # noqa: F401 - a fixture
from tests.services.intake.osticket.old_client import LEAST, OldClient
from tests.services.intake.web.test_portal import path_of, send

ASCII, UNICODE = "xn--bcher-kva.example", "bücher.example"
FOREIGN = "jürgen@bücher.example"


class Ida:
    """Somebody nobody else is, in both ways of writing her address."""

    def __init__(self) -> None:
        self.mailbox = f"ida-{new_id().hex[-12:]}"
        self.ascii, self.unicode = f"{self.mailbox}@{ASCII}", f"{self.mailbox.title()}@{UNICODE.upper()}"


def form(email: str, **changes: str) -> dict[str, str]:
    return {"email": email, "name": "Ida", "topic": "general", "subject": "Down", "body": "502"} | changes


async def delivered(post: PostOffice, mail: EmailMessage, **addresses: str) -> RawMail:
    """Delivers a mail whose header has addresses in UTF-8, in the place of words."""
    raw = mail.as_bytes()
    for word, address in addresses.items():
        raw = raw.replace(word.encode(), f"Somebody <{address}>".encode(), 1)
    await post.hand_in(raw)
    return await post.settled(raw)


async def test_every_channel_keeps_the_same_address(post: PostOffice, old: OldClient) -> None:  # noqa: F811
    ida, intake = Ida(), post.intake
    made = await intake.submit(requester={"email": ida.unicode, "name": "Ida"}, cc=[f"bo@{UNICODE}"])
    assert made["requester"]["email"].lower() == ida.ascii
    assert list(await post.participants((await intake.stored(made["id"])).id)) == [f"bo@{ASCII}"]
    event = TicketSubmitted.of(await announced(intake, f"everdesk.ticket.submitted.v1.{made['id']}"))
    assert event.requester.email.lower() == ida.ascii
    async with intake.browser() as browser:
        await browser.get("/")
        assert (await send(browser, "/tickets/new", **form(ida.unicode))).status_code in (200, 201)
    assert (await intake.newest()).requester_email.lower() == ida.ascii
    answer = await old.json(LEAST | {"email": ida.unicode})
    assert (await old.made(answer)).ticket.requester_email.lower() == ida.ascii
    row = await delivered(post, letter(**{"from": "FROM", "cc": "COPY"}), FROM=ida.unicode, COPY=f"bo@{UNICODE}")
    assert row.ticket_id is not None
    assert (await post.ticket(row.ticket_id)).requester_email.lower() == ida.ascii
    assert set(await post.participants(row.ticket_id)) <= {f"bo@{ASCII}"}
    for written in (ida.ascii, ida.unicode):
        async with intake.database.begin() as session:
            assert len((await find_subject_data(session, RequesterIds(intake.settings), written)).ticket_ids) == 4
        async with intake.client() as http:
            found = (await http.get("/v1/tickets", params={"requester": written})).json()["items"]
        assert len(found) == 1


async def test_an_answer_by_mail_from_the_other_form_is_the_requesters(post: PostOffice) -> None:
    ida = Ida()
    ticket = await post.opened(**{"from": f"Ida <{ida.ascii}>"})
    answer = letter(**{"from": "FROM", "subject": f"Re: [#{ticket.number}] Printer"})
    row = await delivered(post, answer, FROM=ida.unicode)
    assert row.ticket_id == ticket.id
    assert [message.author_email for message in await post.messages(ticket.id)] == [None, None]


async def test_links_and_the_status_form_know_both(intake: IntakeHarness) -> None:
    ida = Ida()
    made = await intake.submit(requester={"email": ida.ascii, "name": "Ida"})
    links, ticket_id = TicketLinks(intake.settings), TicketId((await intake.stored(made["id"])).id)
    async with intake.browser() as browser:
        await browser.get("/")
        for written in (ida.ascii, ida.unicode):
            path = path_of(links.url(TicketLink(ticket_id, written)))
            assert (await browser.get(path)).status_code == 200
        await send(browser, "/tickets/status", email=ida.unicode, number=made["number"])
    wanted = AccessLinkRequested.of(await announced(intake, f"everdesk.access.requested.v1.{made['id']}"))
    assert (wanted.ticket_id, wanted.email) == (ticket_id, None)


@pytest.mark.parametrize("banned", ["{mailbox}@bücher.example", "{mailbox}@xn--bcher-kva.example"])
async def test_a_ban_holds_for_both(post: PostOffice, banned: str) -> None:
    ida, intake = Ida(), post.intake
    pattern = banned.format(mailbox=ida.mailbox)
    async with intake.client(await intake.make_key(KeyScope.ADMIN)) as admin:
        made = await admin.post("/v1/admin/bans", json={"pattern": pattern, "reason": "Only spam"})
        assert (made.status_code, made.json()["pattern"]) == (201, ida.ascii)
        for written in (ida.ascii, ida.unicode):
            answer = await admin.post("/v1/tickets", json=request_for_help(requester={"email": written, "name": "I"}))
            assert answer.status_code in (403, 422), answer.text
        async with intake.client() as http:
            for written in (ida.ascii, ida.unicode):
                answer = await http.post(
                    "/v1/tickets", json=request_for_help(requester={"email": written, "name": "I"})
                )
                assert answer.json()["code"] == "requester_banned"
        assert (await admin.delete(f"/v1/admin/bans/{ida.mailbox}@{UNICODE}")).status_code == 204


async def test_a_ban_of_a_domain_holds_for_both(intake: IntakeHarness) -> None:
    name = f"d{new_id().hex[-10:]}"
    async with intake.client(await intake.make_key(KeyScope.ADMIN)) as admin, intake.client() as http:
        made = await admin.post("/v1/admin/bans", json={"pattern": f"@{name}.bücher.example", "reason": "Only spam"})
        assert made.json()["pattern"] == f"@{name}.{ASCII}"
        for domain in (ASCII, UNICODE):
            asked = request_for_help(requester={"email": f"ida@{name}.{domain}", "name": "Ida"})
            assert (await http.post("/v1/tickets", json=asked)).json()["code"] == "requester_banned"


async def test_a_limit_counts_both_as_one(intake: IntakeHarness) -> None:
    ida = Ida()
    with with_settings(intake, api_requester_per_hour=1):
        async with intake.client() as http:
            answers = [
                await http.post("/v1/tickets", json=request_for_help(requester={"email": written, "name": "Ida"}))
                for written in (ida.ascii, ida.unicode)
            ]
    assert [answer.status_code for answer in answers] == [201, 429]


async def test_a_mailbox_beyond_ascii_is_refused_on_every_channel_in_one_sentence(
    post: PostOffice,
    old: OldClient,  # noqa: F811
) -> None:
    intake = post.intake
    async with intake.client(await intake.make_key(*KeyScope)) as http, intake.browser() as browser:
        await browser.get("/")
        answers: list[httpx2.Response] = [
            await http.post("/v1/tickets", json=request_for_help(requester={"email": FOREIGN, "name": "J"})),
            await http.post("/v1/tickets", json=request_for_help(cc=[FOREIGN])),
            await http.get("/v1/tickets", params={"requester": FOREIGN}),
            await http.post("/v1/admin/bans", json={"pattern": FOREIGN, "reason": "x"}),
            await send(browser, "/tickets/new", **form(FOREIGN)),
            await send(browser, "/tickets/status", email=FOREIGN, number="1"),
            await old.json(LEAST | {"email": FOREIGN}),
        ]
    said = [answer.text for answer in answers]
    assert [answer.status_code for answer in answers] == [*[422] * 6, 500], (
        "osTicket said 500 to what it could not take"
    )
    assert all(NOT_SERVED in text for text in said), said
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=post.port, start_tls=False) as client:
        await client.ehlo()
        with pytest.raises(aiosmtplib.SMTPResponseException, match="beyond ASCII") as refused:
            await client.mail(FOREIGN, options=["SMTPUTF8"], encoding="utf-8")
    assert (refused.value.code, NOT_SERVED in refused.value.message) == (553, True)


async def test_a_mail_that_names_such_a_sender_is_kept_and_shown_and_answered_by_nothing(post: PostOffice) -> None:
    row = await delivered(post, letter(**{"from": "FROM"}), FROM=FOREIGN)
    assert row.state is RawMailState.DONE
    assert row.ticket_id is not None
    ticket = await post.ticket(row.ticket_id)
    assert ticket.requester_email == "nobody@unknown.invalid"
    (message,) = await post.messages(row.ticket_id)
    assert message.body.startswith(f"From jürgen@{UNICODE}. {NOT_SERVED}")
    event = TicketSubmitted.of(await announced(post.intake, f"everdesk.ticket.submitted.v1.{ticket.id}"))
    assert not event.acknowledge
