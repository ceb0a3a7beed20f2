"""An agent's mail never reaches a requester unless it is known to be theirs, and a forger gains nothing."""

import io
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from services.intake.abuse.invitations import InvitationLimits
from services.intake.attachments.object_store import ContentStore
from services.intake.commands.participants import InvitedPerson as CopiedPerson
from services.intake.commands.participants import ParticipantOrigin, answer_invitation, invite_participants
from services.intake.mail.app import build
from services.intake.models import Agent, RawMail, RawMailState, Ticket
from services.intake.privacy.export import Exporter
from services.intake.privacy.subject_data import find_subject_data
from services.intake.settings import IntakeSettings
from shared.contracts.base import AgentId, MessageId, TicketId
from shared.contracts.events import AgentChanged, Author, MessagePosted, NoteReceived
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel, ParticipantState
from shared.kit.auth import MailAudience, TicketLink
from shared.kit.clock import new_id, utc_now
from shared.kit.requester_ids import RequesterIds
from tests.services.intake.api.test_submitting import announced
from tests.services.intake.harness import IntakeHarness
from tests.services.intake.mail.post_office import PostOffice, letter
from tests.services.intake.mail.running_mail import mail_settings_in
from tests.support.eventually import eventually

MX = "mx.desk.example"
SECRET = "The customer is probably a fraudster."
REQUESTER = "dana@bank.example"


@dataclass(frozen=True)
class Person:
    """An agent as intake knows them."""

    id: AgentId
    email: str


@pytest.fixture(scope="module")
async def post(
    settings: IntakeSettings,
    intake: IntakeHarness,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[PostOffice]:
    """The mail process, behind a mail server whose word counts; agents' verified mail answers requesters."""
    folder: Path = tmp_path_factory.mktemp("mail")
    mail_settings = mail_settings_in(settings, folder, mail_staff_replies=True, mail_authserv_ids=(MX,))
    app = build(mail_settings)
    async with app.router.lifespan_context(app):
        yield PostOffice(app.state.mail_in_port, intake, mail_settings, app.state.admission)


async def hire(post: PostOffice, email: str, *, is_active: bool = True) -> Person:
    """An agent, known to intake once this returns."""
    agent = Person(AgentId(new_id()), email)
    changed = AgentChanged(
        agent_id=agent.id, email=email, name="Kim", is_active=is_active, is_available=True, version=1
    )
    await post.intake.publish(changed)

    async def known() -> None:
        async with post.intake.database.begin() as session:
            assert await session.get(Agent, agent.id) is not None

    await eventually(known, 15.0)
    return agent


@pytest.fixture(scope="module")
async def kim(post: PostOffice) -> Person:
    return await hire(post, "Kim@desk.example")


def passed(domain: str = "desk.example") -> str:
    return f"{MX}; dmarc=pass header.from={domain}"


def sent_to(post: PostOffice, ticket: Ticket, email: str, audience: MailAudience = MailAudience.STAFF) -> str:
    """The Message-ID of a mail of ours."""
    return post.threads.message_id(TicketId(ticket.id), new_id(), audience, email)


async def noted(post: PostOffice, ticket: Ticket) -> NoteReceived:
    return NoteReceived.of(await announced(post.intake, f"everdesk.note.received.v1.{ticket.id}"))


async def deliver(post: PostOffice, text: str, sender: str, **headers: str) -> RawMail:
    return await post.deliver(letter(text, **{"from": sender}, **headers), sender=sender)


async def nothing_is_public(post: PostOffice, ticket: Ticket) -> None:
    """The requester's page holds the first message alone, and no other is on its way."""
    assert len(await post.messages(ticket.id)) == 1
    assert SECRET not in await page_of(post, ticket)


async def page_of(post: PostOffice, ticket: Ticket, path: str = "", status: int = 200) -> str:
    """What the requester reads at their link, or below it."""
    links = post.intake.app.state.app_state.links
    token = links.token(TicketLink(TicketId(ticket.id), ticket.requester_email))
    async with post.intake.browser() as http:
        page = await http.get(f"/t/{token}{path}")
    assert page.status_code == status, page.text
    return page.text


async def export_of(post: PostOffice, email: str) -> bytes:
    """All that intake would hand out to a person, unpacked."""
    state = post.intake.app.state.app_state
    exporter = Exporter(post.intake.database, ContentStore.connect(post.settings), state.pages, state.renderer)
    async with post.intake.database.begin() as session:
        holdings = await find_subject_data(session, RequesterIds(post.settings), email)
    packed = b"".join([piece async for piece in exporter.stream(holdings)])
    archive = zipfile.ZipFile(io.BytesIO(packed))
    found = [archive.read(name) for name in archive.namelist()]
    assert len(found) > 3
    return b"".join(found)


async def test_an_agents_answer_to_a_notification_is_a_note(post: PostOffice, kim: Person) -> None:
    ticket = await post.opened()
    row = await deliver(post, SECRET, kim.email, in_reply_to=sent_to(post, ticket, kim.email))
    assert (row.state, row.ticket_id, row.is_internal) == (RawMailState.DONE, ticket.id, True)
    note = await noted(post, ticket)
    assert (note.agent_id, note.is_verified, note.is_reply) == (kim.id, False, False)
    assert note.body == f"Unverified mail from {kim.email}:\n\n{SECRET}"
    await nothing_is_public(post, ticket)


@pytest.mark.parametrize("audience", [None, MailAudience.REQUESTER, MailAudience.GUEST])
async def test_so_is_what_an_agent_writes_in_somebody_elses_thread(
    post: PostOffice, kim: Person, audience: MailAudience | None
) -> None:
    ticket = await post.opened()
    message_id = post.answers(ticket) if audience is None else sent_to(post, ticket, REQUESTER, audience)
    await deliver(post, SECRET, kim.email, references=f"<x@y.example> {message_id}")
    assert (await noted(post, ticket)).agent_id == kim.id
    await nothing_is_public(post, ticket)


async def test_a_note_never_opens_the_ticket_to_those_who_answer_it(post: PostOffice, kim: Person) -> None:
    ticket = await post.opened()
    mail = letter(SECRET, **{"from": kim.email}, in_reply_to=sent_to(post, ticket, kim.email), cc="friend@evil.example")
    await post.deliver(mail, sender=kim.email)
    assert await post.participants(ticket.id) == {}
    row = await deliver(
        post, f"Why do you think so?\n\n> {SECRET}", "friend@evil.example", in_reply_to=mail["message-id"]
    )
    assert row.ticket_id != ticket.id
    await nothing_is_public(post, ticket)


async def test_a_verified_agent_may_reply_if_that_is_allowed(post: PostOffice, kim: Person) -> None:
    ticket = await post.opened()
    to_kim = sent_to(post, ticket, kim.email)
    await deliver(post, "All is well again.", kim.email, in_reply_to=to_kim, authentication_results=passed())
    note = await noted(post, ticket)
    assert (note.body, note.is_verified, note.is_reply) == ("All is well again.", True, True)


@pytest.mark.parametrize(
    "field",
    [
        "",
        f"{MX}; dmarc=fail header.from=desk.example",
        f"{MX}; dmarc=pass header.from=evil.example",
        f"{MX}; spf=pass smtp.mailfrom=evil.example; dkim=pass header.d=evil.example",
        "mx.evil.example; dmarc=pass header.from=desk.example",
        f"evil.example; x=({MX}; dmarc=pass header.from=desk.example",
    ],
)
async def test_a_forged_agent_is_marked_and_answers_nobody(post: PostOffice, kim: Person, field: str) -> None:
    ticket = await post.opened()
    to_kim = sent_to(post, ticket, kim.email)
    await deliver(post, SECRET, kim.email, in_reply_to=to_kim, authentication_results=field)
    note = await noted(post, ticket)
    assert (note.is_verified, note.is_reply) == (False, False)
    assert note.body.startswith("Unverified mail from ")
    await nothing_is_public(post, ticket)


async def test_only_the_topmost_finding_counts(post: PostOffice, kim: Person) -> None:
    ticket = await post.opened()
    mail = letter(SECRET, **{"from": kim.email}, in_reply_to=sent_to(post, ticket, kim.email))
    brought = f"Authentication-Results: {MX}; dmarc=fail header.from=desk.example\r\n"
    brought += f"Authentication-Results: {passed()}\r\n"
    raw = brought.encode() + mail.as_bytes()
    await post.hand_in(raw, sender=kim.email)
    await post.settled(raw)
    assert not (await noted(post, ticket)).is_verified


async def test_a_client_programs_mail_is_never_verified(post: PostOffice, kim: Person) -> None:
    ticket = await post.opened()
    mail = letter(SECRET, **{"from": kim.email}, in_reply_to=sent_to(post, ticket, kim.email))
    mail["authentication-results"] = passed()
    await post.intake.app.state.app_state.mail_pipe.submit(mail.as_bytes())
    assert not (await noted(post, ticket)).is_verified


async def test_a_number_alone_gives_a_forged_agent_nothing(post: PostOffice, kim: Person) -> None:
    ticket = await post.opened()
    row = await deliver(post, SECRET, kim.email, subject=f"Re: [#{ticket.number}] Printer")
    assert row.ticket_id not in (None, ticket.id)
    await nothing_is_public(post, ticket)
    row = await deliver(
        post, SECRET, kim.email, subject=f"Re: [#{ticket.number}] Printer", authentication_results=passed()
    )
    assert row.ticket_id == ticket.id
    assert (await noted(post, ticket)).is_verified


@pytest.mark.parametrize(
    "headers",
    [
        {"auto_submitted": "auto-replied"},
        {"precedence": "bulk"},
        {"subject": "Out of office: back on Monday"},
        {"subject": "Automatische Antwort: [#1] Drucker"},
        {"x_autoreply": "yes"},
    ],
)
async def test_an_absence_note_of_an_agent_touches_nothing(
    post: PostOffice, kim: Person, headers: dict[str, str]
) -> None:
    ticket = await post.opened()
    before = await post.intake.count("tickets")
    for thread in ({"in_reply_to": sent_to(post, ticket, kim.email)}, {"in_reply_to": post.answers(ticket)}, {}):
        row = await deliver(post, "I am away.", kim.email, **headers, **thread)
        assert (row.state, row.outcome) == (RawMailState.IGNORED, "an automatic answer of staff")
    assert await post.intake.count("tickets") == before
    await nothing_is_public(post, ticket)


async def test_a_bounce_of_a_mail_to_an_agent_is_not_shown_to_the_requester(post: PostOffice, kim: Person) -> None:
    ticket = await post.opened()
    bounce = letter(
        f"{kim.email}: mailbox full",
        subject="Undelivered Mail Returned to Sender",
        in_reply_to=sent_to(post, ticket, kim.email),
        **{"from": "MAILER-DAEMON@mx.example"},
    )
    row = await post.deliver(bounce, sender="")
    assert row.state is RawMailState.IGNORED
    await nothing_is_public(post, ticket)


async def test_whoever_was_passed_an_agents_mail_is_heard_by_staff_alone(post: PostOffice, kim: Person) -> None:
    ticket = await post.opened()
    row = await deliver(post, SECRET, "boss@home.example", in_reply_to=sent_to(post, ticket, kim.email))
    assert row.ticket_id == ticket.id
    note = await noted(post, ticket)
    assert (note.agent_id, note.is_reply) == (kim.id, False)
    assert note.body.startswith("Unverified mail from boss@home.example:")
    await nothing_is_public(post, ticket)


async def test_an_answer_to_a_mail_for_somebody_who_left_is_kept_and_shown_to_nobody(post: PostOffice) -> None:
    gone = await hire(post, f"gone-{new_id().hex}@desk.example", is_active=False)
    ticket = await post.opened()
    row = await deliver(post, SECRET, gone.email, in_reply_to=sent_to(post, ticket, gone.email))
    assert row.state is RawMailState.IGNORED
    await nothing_is_public(post, ticket)


async def test_an_agent_who_asks_for_help_is_a_requester_in_that_thread(post: PostOffice, kim: Person) -> None:
    ticket = await post.opened(**{"from": kim.email})
    to_requester = sent_to(post, ticket, kim.email, MailAudience.REQUESTER)
    row = await deliver(post, "It still burns.", kim.email, in_reply_to=to_requester)
    assert (row.ticket_id, row.is_internal) == (ticket.id, False)
    assert [one.body for one in await post.messages(ticket.id)][1:] == ["It still burns."]
    row = await deliver(post, SECRET, kim.email, in_reply_to=sent_to(post, ticket, kim.email))
    assert row.is_internal
    assert len(await post.messages(ticket.id)) == 2


async def test_an_agent_in_copy_who_takes_part_writes_in_the_thread(post: PostOffice, kim: Person) -> None:
    ticket = await post.opened()
    async with post.intake.database.begin() as session:
        origin = ParticipantOrigin(Channel.DESK, utc_now())
        await invite_participants(
            session, ticket.id, [CopiedPerson(kim.email)], origin, InvitationLimits(post.settings)
        )
        assert await answer_invitation(session, ticket.id, kim.email, ParticipantState.JOINED, utc_now())
    await deliver(post, "Me too.", kim.email, in_reply_to=post.answers(ticket))
    assert (await post.messages(ticket.id))[-1].body == "Me too."


async def test_a_requester_who_was_passed_an_agents_mail_is_still_the_requester(post: PostOffice, kim: Person) -> None:
    ticket = await post.opened()
    await deliver(post, "Thanks.", REQUESTER, in_reply_to=sent_to(post, ticket, kim.email))
    assert (await post.messages(ticket.id))[-1].body == "Thanks."


async def test_files_and_the_mail_itself_stay_among_staff(post: PostOffice, kim: Person) -> None:
    requester = f"zoe-{new_id().hex}@bank.example"
    ticket = await post.opened(**{"from": requester})
    mail = letter(SECRET, **{"from": kim.email}, in_reply_to=sent_to(post, ticket, kim.email))
    mail.add_attachment(b"their other accounts", maintype="text", subtype="plain", filename="evidence.txt")
    await post.deliver(mail, sender=kim.email)
    note = await noted(post, ticket)
    assert [file.name for file in note.attachments] == ["evidence.txt"]
    await post.intake.app.state.app_state.storage.put(_chunks(b"their other accounts"))
    file_id = note.attachments[0].id
    await page_of(post, ticket, f"/files/{file_id}", status=404)
    assert "evidence.txt" not in await page_of(post, ticket)
    assert SECRET.encode() not in await export_of(post, requester)
    async with post.intake.browser() as http:
        given = await http.get(
            post.intake.app.state.app_state.file_links.url(file_id).partition("//")[2].partition("/")[2]
        )
        assert given.status_code == 200
    async with post.intake.database.begin() as session:
        kept = await session.scalar(select(RawMail.is_internal).where(RawMail.message_id == note.message_id))
    assert kept is True


async def test_files_of_a_reply_are_the_requesters_to_see(post: PostOffice, kim: Person) -> None:
    ticket = await post.opened()
    mail = letter("See the form.", **{"from": kim.email}, in_reply_to=sent_to(post, ticket, kim.email))
    mail["authentication-results"] = passed()
    mail.add_attachment(b"a form", maintype="text", subtype="plain", filename="form.txt")
    await post.deliver(mail, sender=kim.email)
    note = await noted(post, ticket)
    posted = MessagePosted(
        ticket_id=note.ticket_id,
        message_id=MessageId(note.message_id),
        author=Author(kind=ActorKind.AGENT, id=kim.id, name="Kim"),
        body=note.body,
        body_format=BodyFormat.TEXT,
        channel=Channel.EMAIL,
        attachments=note.attachments,
        received_at=utc_now(),
    )
    await post.intake.publish(posted)

    async def seen() -> None:
        assert "form.txt" in await page_of(post, ticket)
        assert [file.is_internal for file in await post.files(ticket.id)] == [False]

    await eventually(seen, 15.0)


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content
