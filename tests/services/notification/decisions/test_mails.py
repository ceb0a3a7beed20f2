"""Who gets which mail, and what is in it."""

from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from services.notification.delivery.compose import BY_CHOICE
from services.notification.delivery.templates import TEMPLATES, TemplateName
from services.notification.settings import NotificationSettings
from services.notification.template_files import TEMPLATE_FOLDER
from shared.contracts.base import TicketId
from shared.contracts.events import Envelope, RequesterErased
from shared.contracts.names import REPLY_DELIMITER
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel
from shared.kit.auth import MailThreads, TicketLinks
from shared.kit.clock import new_id, utc_now
from tests.services.notification.mail_server import MailServer, html_of, text_of
from tests.services.notification.running import Running
from tests.services.notification.ticket_events import TicketEvents, wrapped
from tests.support.eventually import eventually


async def mails_after(
    service: Running, mail_server: MailServer, story: TicketEvents, count: int, *events: Envelope
) -> None:
    """Tells the whole story up to `events`, then waits for so many mails about it."""
    await service.publish(*story.people(), story.submitted(), *events)
    await eventually(lambda: len(mail_server.about(story.number)) >= count, within=15)


CASES: dict[TemplateName, tuple[Callable[[TicketEvents], list[Envelope]], str, str]] = {
    TemplateName.ACKNOWLEDGEMENT: (lambda s: [], "requester", "[#{n}] Online banking system down"),
    TemplateName.ACCESS_LINK: (lambda s: [s.link_requested()], "requester", "[#{n}] Online banking system down"),
    TemplateName.EXPORT_LINK: (
        lambda s: [s.link_requested(wanted="everything")],
        "requester",
        "[#{n}] Online banking system down",
    ),
    TemplateName.REPLY: (lambda s: [s.message(ActorKind.AGENT)], "requester", "[#{n}] Online banking system down"),
    TemplateName.REMINDER: (lambda s: [s.reminded()], "requester", "[#{n}] Online banking system down"),
    TemplateName.RESOLVED_UNANSWERED: (
        lambda s: [s.resolved_by_silence()],
        "requester",
        "[#{n}] Online banking system down",
    ),
    TemplateName.RESOLVED: (lambda s: [s.resolved()], "requester", "[#{n}] Online banking system down"),
    TemplateName.ASSIGNED: (lambda s: [s.assigned()], "ada", "[#{n}] Assigned to you: Online"),
    TemplateName.REQUESTER_MESSAGE: (
        lambda s: [s.triaged(), s.assigned(by=s.ada), s.message(ActorKind.REQUESTER)],
        "ada",
        "[#{n}] New message: Online",
    ),
    TemplateName.SLA_WARNED: (lambda s: [s.warned()], "ada", "[#{n}] Resolution 75 % used: Online"),
    TemplateName.SLA_BREACHED: (lambda s: [s.breached()], "ada", "[#{n}] Resolution overdue: Online"),
    TemplateName.ESCALATED: (lambda s: [s.escalated()], "ada", "[#{n}] Escalated: Online"),
}
"""What makes each mail necessary; withdrawals need an earlier mail and have their own test."""


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("template", CASES)
async def test_each_template_reaches_its_reader(
    service: Running, mail_server: MailServer, settings: NotificationSettings, template: TemplateName
) -> None:
    events, reader, subject = CASES[template]
    story = TicketEvents()
    is_only_one = template is TemplateName.ACKNOWLEDGEMENT
    await mails_after(service, mail_server, story, 1 if is_only_one else 2, *events(story))

    address = story.requester if reader == "requester" else f"ada-{story.number}@everdesk.example"
    sent = {row["template"]: row for row in await service.ledger(ticket_id=str(story.ticket_id))}
    mail = next(m for m in mail_server.about(story.number) if m["Message-ID"] == sent[template]["message_id"])
    assert mail["To"].addresses[0].addr_spec == address
    assert mail["Subject"].startswith(subject.format(n=story.number))
    assert mail["From"].addresses[0].addr_spec == mail["Reply-To"].addresses[0].addr_spec == settings.mail_address
    threads = MailThreads(settings, settings.mail_domain)
    root = threads.thread_id(story.ticket_id)
    assert mail["In-Reply-To"].strip() == root
    assert set(mail["References"].split()) == {root, *ours_before(mail_server, story, mail)}
    assert threads.read(mail["Message-ID"]) == story.ticket_id
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["Auto-Submitted"] == (None if template is TemplateName.REPLY else TEMPLATES[template].auto_submitted)
    listed = [name for name, _ in mail.items() if name.startswith("List-")]
    one_click = ["List-Unsubscribe", "List-Unsubscribe-Post"] if template in BY_CHOICE else []
    assert listed == (one_click if reader == "requester" else ["List-Unsubscribe"])
    place = "everything" if template is TemplateName.EXPORT_LINK else "t"
    where = f"http://portal.example/{place}/" if reader == "requester" else "http://desk.example/tickets/"
    for body in (text_of(mail), html_of(mail)):
        assert story.number in body
        assert (REPLY_DELIMITER in body) == (reader == "requester")
        assert where in body


async def test_the_link_opens_this_ticket_for_this_requester(
    service: Running, mail_server: MailServer, settings: NotificationSettings
) -> None:
    story = TicketEvents()
    await mails_after(service, mail_server, story, 1)
    text = text_of(mail_server.about(story.number)[0])
    token = text.partition("http://portal.example/t/")[2].split()[0]
    link = TicketLinks(settings).read(token)
    assert link is not None
    assert (link.ticket_id, link.email, link.is_mailed) == (story.ticket_id, story.requester, True)


async def test_a_hostile_subject_adds_no_header_and_no_recipient(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents(
        subject='Hello\r\nBcc: victim@evil.example\r\n\r\n</title>"><script>alert(1)</script>\u2028\x07 end'
    )
    await mails_after(service, mail_server, story, 1)
    mail = mail_server.about(story.number)[0]
    assert mail["Bcc"] is None
    assert (
        mail["Subject"].strip()
        == f'[#{story.number}] Hello Bcc: victim@evil.example </title>"><script>alert(1)</script> end'
    )
    assert "<script" not in html_of(mail)


async def test_a_hostile_name_stays_a_name(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    requester = {"email": story.requester, "name": 'Ruth"\r\nBcc: x@evil.example, <y@evil.example>'}
    await service.publish(story.submitted(requester=requester))
    await eventually(lambda: mail_server.about(story.number))
    mail = mail_server.about(story.number)[0]
    assert mail["Bcc"] is None
    assert [address.addr_spec for address in mail["To"].addresses] == [story.requester]


async def test_letters_of_any_script_arrive_as_written(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents(subject="Überweisung schlägt fehl: 銀行 🏦 " + "ä" * 300)
    await mails_after(service, mail_server, story, 1)
    mail = mail_server.about(story.number)[0]
    assert mail["Subject"].startswith(f"[#{story.number}] Überweisung schlägt fehl: 銀行 🏦 äää")
    assert story.subject in html_of(mail)


async def test_a_reply_in_html_is_sanitised(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    body = (
        '<p onclick="steal()">Dear <b>Ruth</b> &amp; team</p><script>steal()</script><img src="http://t.example/x.gif">'
        '<a href="javascript:steal()">here</a><style>body{display:none}</style><a href="https://ok.example">ok</a>'
    )
    await mails_after(service, mail_server, story, 2, story.message(ActorKind.AGENT, body, body_format=BodyFormat.HTML))
    mail = mail_server.about(story.number)[1]
    html = html_of(mail)
    assert "<b>Ruth</b>" in html
    assert "https://ok.example" in html
    for word in ("steal", "javascript:", "x.gif", "display:none", "<script", "onclick"):
        assert word not in html
    assert "Dear Ruth & team" in text_of(mail)
    assert "steal" not in text_of(mail)


async def test_a_reply_comes_from_its_author_and_keeps_its_lines(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    await mails_after(service, mail_server, story, 2, story.message(ActorKind.AGENT, "One & <two>\nthree"))
    mail = mail_server.about(story.number)[1]
    assert mail["From"].addresses[0].display_name == "Ada Lovelace (Everdesk)"
    assert "One &amp; &lt;two&gt;<br>three" in html_of(mail)
    assert "One & <two>\nthree" in text_of(mail).replace("\r\n", "\n")


async def test_nobody_is_told_what_they_did_themselves_nor_of_automatic_mail(
    service: Running, mail_server: MailServer
) -> None:
    story = TicketEvents()
    await mails_after(
        service,
        mail_server,
        story,
        2,
        story.triaged(),
        story.assigned(by=story.ada),
        story.message(ActorKind.REQUESTER, is_automatic=True),
        story.message(ActorKind.AGENT, is_automatic=True),
        story.link_requested(),
    )
    rows = await service.ledger(ticket_id=str(story.ticket_id))
    assert {row["template"] for row in rows} == {"acknowledgement", "access_link"}


async def test_without_an_assignee_the_lead_is_told_about_time(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    await mails_after(service, mail_server, story, 2, story.triaged(), story.breached(seq=3, assignee_id=None))
    mail = mail_server.about(story.number)[1]
    assert mail["To"].addresses[0].addr_spec == f"grace-{story.number}@everdesk.example"


async def test_before_triage_nobody_is_told_about_time(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    await mails_after(
        service, mail_server, story, 2, story.breached(seq=2, assignee_id=None, team_id=None), story.link_requested()
    )
    assert len(await service.ledger(ticket_id=str(story.ticket_id))) == 2


async def test_a_message_to_a_ticket_of_nobody_and_no_known_team_is_dropped_with_its_reason(
    service: Running, mail_server: MailServer
) -> None:
    story = TicketEvents()
    await service.publish(story.submitted(), story.triaged(), story.message(ActorKind.REQUESTER))
    row = await eventually(lambda: _row(service, story, "requester_message", "dropped"))
    assert row["last_error"] == "nobody is assigned, or the team has no lead, and nobody else who can act is"


async def test_an_agent_who_left_is_not_written_to(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    await service.publish(story.submitted(), story.agent(story.ada, "Ada Lovelace", is_active=False), story.assigned())
    row = await eventually(lambda: _row(service, story, "assigned", "dropped"))
    assert row["last_error"] == "the agent is not active"


async def test_whatever_the_order_of_events_nothing_is_lost(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    told_first = [story.breached(), story.warned(), story.assigned(), story.message(ActorKind.AGENT)]
    await service.publish(*told_first)
    await eventually(lambda: _count(service, story, "waiting", 4))
    await service.publish(story.submitted(), *reversed(story.people()))
    await eventually(
        lambda: len(mail_server.about(story.number)) == 4, within=15
    )  # the warning is told with the breach


async def test_an_older_snapshot_does_not_bring_back_an_old_assignee(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    await mails_after(
        service, mail_server, story, 2, story.warned(seq=9), story.triaged(), story.message(ActorKind.REQUESTER)
    )
    await eventually(lambda: len(mail_server.about(story.number)) == 3)
    assert {row["address"] for row in await service.ledger(ticket_id=str(story.ticket_id))} == {
        story.requester,
        f"ada-{story.number}@everdesk.example",
    }


async def test_a_redelivered_event_sends_nothing_twice(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    events = [*story.people(), story.submitted(), story.assigned(), story.message(ActorKind.AGENT)]
    await service.publish(*events)
    await eventually(lambda: len(mail_server.about(story.number)) == 3)
    await service.deliver_again(*events)
    await service.publish(story.link_requested())
    await eventually(lambda: len(mail_server.about(story.number)) == 4)
    assert len({mail["Message-ID"] for mail in mail_server.about(story.number)}) == 4


async def test_a_second_follow_up_of_one_ticket_is_not_acknowledged(service: Running, mail_server: MailServer) -> None:
    old = TicketId(new_id())
    first, second = TicketEvents(), TicketEvents()
    await service.publish(first.submitted(follows=old, channel=Channel.EMAIL))
    await service.publish(second.submitted(follows=old, channel=Channel.EMAIL), second.link_requested())
    await eventually(lambda: mail_server.about(first.number) and mail_server.about(second.number))
    row = await eventually(lambda: _row(service, second, "acknowledgement", "dropped"))
    assert "loop" in row["last_error"]
    assert len(mail_server.about(second.number)) == 1


async def test_an_erased_requester_is_forgotten_and_stays_forgotten(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    submitted = story.submitted()
    await service.publish(submitted)
    await eventually(lambda: mail_server.about(story.number))
    await service.publish(
        wrapped(RequesterErased(requester_id=new_id(), ticket_ids=(story.ticket_id,), erased_at=utc_now())),
        story.submitted(),
        story.message(ActorKind.AGENT, "never to be sent"),
    )
    row = await eventually(lambda: _row(service, story, "reply", "dropped"))
    assert row["last_error"] == "the requester was erased"
    assert story.requester not in str(await service.ledger(ticket_id=str(story.ticket_id)))
    assert len(mail_server.about(story.number)) == 1


def test_every_template_has_its_two_files_and_no_file_is_left_over() -> None:
    expected = {f"{name}.{kind}" for name in (*TemplateName, "layout") for kind in ("html", "txt")} | {
        "mail.css",
        "message.css",
    }
    assert {path.name for path in TEMPLATE_FOLDER.iterdir() if path.is_file()} == expected
    assert set(TEMPLATES) == set(TemplateName)


async def _row(service: Running, story: TicketEvents, template: str, status: str) -> dict[str, Any]:
    rows = await service.ledger(ticket_id=str(story.ticket_id), status=status)
    return next(row for row in rows if row["template"] == template)


async def _count(service: Running, story: TicketEvents, status: str, count: int) -> bool:
    return len(await service.ledger(ticket_id=str(story.ticket_id), status=status)) == count


def ours_before(mail_server: MailServer, story: TicketEvents, mail: EmailMessage) -> list[str]:
    """The id of the mail that the same outside reader got before this one."""
    earlier = [one["Message-ID"].strip() for one in mail_server.about(story.number) if one["To"] == mail["To"]]
    at = earlier.index(mail["Message-ID"].strip())
    return earlier[at - 1 : at] if mail["To"].addresses[0].addr_spec == story.requester else []


async def test_our_mails_answer_the_requesters_and_keep_one_subject(
    service: Running, mail_server: MailServer, settings: NotificationSettings
) -> None:
    story = TicketEvents()
    first, newer, late = (f"<{name}@bank.example>" for name in ("first", "newer", "late"))
    at = utc_now()

    def told() -> list[EmailMessage]:
        return [mail for mail in mail_server.about(story.number) if story.requester in mail["To"]]

    await service.publish(*story.people(), story.submitted(mail_id=first))
    await eventually(lambda: len(told()) == 1)
    await service.publish(
        story.message(ActorKind.REQUESTER, mail_id=newer, received_at=at),
        story.message(ActorKind.REQUESTER, mail_id=late, received_at=at - timedelta(minutes=5)),
        story.message(ActorKind.REQUESTER, mail_id="<absence@bank.example>", is_automatic=True),
        story.message(ActorKind.AGENT),
    )
    await eventually(lambda: len(told()) == 2)
    await service.publish(story.resolved())
    await eventually(lambda: len(told()) == 3)
    thanks, reply, resolved = told()
    root = MailThreads(settings, settings.mail_domain).thread_id(story.ticket_id)
    assert [mail["In-Reply-To"] for mail in (thanks, reply, resolved)] == [first, newer, newer]
    assert thanks["References"].split() == [root, first]
    assert reply["References"].split() == [first, root, thanks["Message-ID"].strip(), newer]
    assert resolved["References"].split() == [first, root, reply["Message-ID"].strip(), newer]
    assert {mail["Subject"] for mail in (thanks, reply, resolved)} == {f"[#{story.number}] {story.subject}"}
    assert "resolved" in text_of(resolved)
    assert "resolved" in html_of(resolved)


async def test_an_id_that_is_none_is_not_repeated(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    hostile = "<x@bank.example>\r\nBcc: mallory@evil.example"
    await service.publish(*story.people(), story.submitted(mail_id=hostile))
    await eventually(lambda: len(mail_server.about(story.number)) == 1)
    (mail,) = mail_server.about(story.number)
    assert mail["Bcc"] is None
    assert mail["In-Reply-To"].strip() == mail["References"].strip()
    assert "bank.example" not in mail["References"]


async def test_mail_goes_to_the_ascii_form_and_to_nobody_beyond_it(service: Running, mail_server: MailServer) -> None:
    story, unserved = TicketEvents(), TicketEvents()
    asked = {"email": "ida@bücher.example", "name": "Ida"}
    await service.publish(story.submitted(requester=asked))
    await service.publish(unserved.submitted(requester={"email": "jürgen@bücher.example", "name": "Jürgen"}))
    await eventually(lambda: len(mail_server.about(story.number)) == 1)
    (mail,) = mail_server.about(story.number)
    assert [one.addr_spec for one in mail["To"].addresses] == ["ida@xn--bcher-kva.example"]

    async def is_dropped() -> bool:
        rows = await service.ledger(ticket_id=str(unserved.ticket_id))
        return [row["status"] for row in rows] == ["dropped"]

    await eventually(is_dropped)


INJECTED = "=?utf-8?q?x=0D=0AContent-Type:_text/html=0D=0A=0D=0A<h1>Pay</h1>?="


@pytest.mark.parametrize("words", [INJECTED, INJECTED.replace("=", "=3D"), "boss@victim.example, " + "a " * 60])
async def test_hostile_words_go_through_the_service(service: Running, mail_server: MailServer, words: str) -> None:
    story = TicketEvents(subject=words.strip())
    person = {"email": story.requester, "name": words.strip()}
    await service.publish(*story.people(), story.submitted(requester=person))
    await eventually(lambda: len(mail_server.about(story.number)) == 1)
    (mail,) = mail_server.about(story.number)
    assert [one.addr_spec for one in mail["To"].addresses] == [story.requester]
    assert [part.get_content_type() for part in mail.walk()][1:] == ["text/plain", "text/html"]
