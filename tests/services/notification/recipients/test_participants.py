"""People in copy: asked once, told what the requester is told if they take part, and nothing if they do not."""

from email.message import EmailMessage

from services.notification.decisions.event_rules import participant
from services.notification.settings import NotificationSettings
from shared.contracts.base import TicketId
from shared.contracts.events import AccessLinkRequested, Envelope, ParticipantChanged, RequesterErased
from shared.contracts.names import REPLY_DELIMITER
from shared.contracts.vocabulary import ActorKind, ParticipantState
from shared.kit.auth import TicketLinks
from shared.kit.clock import new_id, utc_now
from shared.kit.requester_ids import RequesterIds
from tests.services.notification.mail_server import MailServer, html_of, text_of
from tests.services.notification.running import Running
from tests.services.notification.ticket_events import TicketEvents, wrapped
from tests.support.eventually import eventually

LEE = "lee@bank.example"


def lee(story: TicketEvents, state: ParticipantState, version: int) -> Envelope:
    return wrapped(
        ParticipantChanged(
            ticket_id=story.ticket_id, email=LEE, name="Lee", state=state, version=version, changed_at=utc_now()
        )
    )


def to(mail_server: MailServer, story: TicketEvents, address: str) -> list[EmailMessage]:
    return [mail for mail in mail_server.about(story.number) if mail["To"].addresses[0].addr_spec == address]


async def test_whoever_is_in_copy_is_asked_once(
    service: Running, mail_server: MailServer, settings: NotificationSettings
) -> None:
    story = TicketEvents()
    invited = lee(story, ParticipantState.INVITED, 1)
    await service.publish(story.submitted(), invited)
    await service.deliver_again(invited)
    await eventually(lambda: to(mail_server, story, LEE))
    (mail,) = to(mail_server, story, LEE)
    assert mail["Subject"] == f"[#{story.number}] Will you take part?"
    text = text_of(mail)
    for foreign in (story.subject, "Lee"):
        assert foreign not in mail.as_string().replace(LEE, "") + text + html_of(mail).replace(LEE, "")
    assert REPLY_DELIMITER not in text
    assert "You can simply answer" not in text + html_of(mail)
    link = TicketLinks(settings).read(text.partition("http://portal.example/p/")[2].split()[0])
    assert link is not None
    assert (link.ticket_id, link.email) == (story.ticket_id, LEE)


async def test_whoever_takes_part_gets_the_answers_with_a_link_of_their_own(
    service: Running, mail_server: MailServer, settings: NotificationSettings
) -> None:
    story = TicketEvents()
    await service.publish(
        *story.people(),
        story.submitted(),
        lee(story, ParticipantState.JOINED, 2),
        lee(story, ParticipantState.INVITED, 1),
        story.message(ActorKind.AGENT, "It is repaired."),
        story.message(ActorKind.REQUESTER, "Thanks."),
        story.resolved(),
    )
    await eventually(lambda: len(to(mail_server, story, LEE)) >= 2)
    mails = to(mail_server, story, LEE)
    assert [mail["Subject"].partition("] ")[2] for mail in mails] == [story.subject, story.subject]
    assert "It is repaired." in text_of(mails[0])
    links = [text_of(mail).partition("http://portal.example/t/")[2].split()[0] for mail in mails]
    assert {link.email for token in links if (link := TicketLinks(settings).read(token))} == {LEE}
    await eventually(lambda: len(to(mail_server, story, story.requester)) == 3)
    assert len({mail["Message-ID"] for mail in mail_server.about(story.number)}) == 6


async def test_whoever_takes_part_and_asks_for_their_link_gets_their_own(
    service: Running, mail_server: MailServer, settings: NotificationSettings
) -> None:
    story = TicketEvents()
    asked = AccessLinkRequested(ticket_id=story.ticket_id, email=LEE.upper(), requested_at=utc_now())
    await service.publish(*story.people(), story.submitted(), lee(story, ParticipantState.JOINED, 1), wrapped(asked))
    await eventually(lambda: to(mail_server, story, LEE))
    (mail,) = to(mail_server, story, LEE)
    link = TicketLinks(settings).read(text_of(mail).partition("http://portal.example/t/")[2].split()[0])
    assert link is not None
    assert (link.ticket_id, link.email, link.is_mailed) == (story.ticket_id, LEE, True)


async def test_whoever_declines_or_leaves_hears_no_more(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    await service.publish(
        *story.people(),
        story.submitted(),
        lee(story, ParticipantState.DECLINED, 2),
        lee(story, ParticipantState.INVITED, 1),
        story.message(ActorKind.AGENT),
    )
    await eventually(lambda: len(to(mail_server, story, story.requester)) == 2)
    assert to(mail_server, story, LEE) == []
    rows = await service.ledger(ticket_id=str(story.ticket_id))
    assert {row["template"]: row["status"] for row in rows}["invitation"] == "dropped"


async def test_people_in_copy_of_an_erased_ticket_are_forgotten(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    await service.publish(story.submitted(), lee(story, ParticipantState.JOINED, 1))
    erased = RequesterErased(requester_id=new_id(), ticket_ids=(TicketId(story.ticket_id),), erased_at=utc_now())
    await service.publish(wrapped(erased), lee(story, ParticipantState.JOINED, 2), story.message(ActorKind.AGENT))

    async def is_settled() -> bool:
        rows = await service.ledger(ticket_id=str(story.ticket_id))
        return [row["status"] for row in rows if row["template"] == "reply"] == ["dropped"]

    await eventually(is_settled)
    assert to(mail_server, story, LEE) == []


async def test_somebody_in_copy_who_is_erased_is_forgotten_and_told_nothing_more(
    service: Running, mail_server: MailServer, settings: NotificationSettings
) -> None:
    story = TicketEvents()
    await service.publish(story.submitted(), lee(story, ParticipantState.JOINED, 1), story.message(ActorKind.AGENT))
    await eventually(lambda: to(mail_server, story, LEE))
    lees = RequesterIds(settings).of(LEE)
    erased = RequesterErased(requester_id=lees, ticket_ids=(), took_part_in=(story.ticket_id,), erased_at=utc_now())
    await service.publish(wrapped(erased), story.message(ActorKind.AGENT))
    await eventually(lambda: len(to(mail_server, story, story.requester)) == 3)
    assert len(to(mail_server, story, LEE)) == 1
    ledger = str(await service.ledger(ticket_id=str(story.ticket_id)))
    assert LEE not in ledger
    assert participant(LEE).key not in ledger, "not even the digest of the address"


async def test_the_requester_is_told_once_who_joined(service: Running, mail_server: MailServer) -> None:
    story, now = TicketEvents(), utc_now()
    joined = ParticipantChanged(
        ticket_id=story.ticket_id,
        email=LEE,
        name="Lee",
        state=ParticipantState.JOINED,
        version=2,
        changed_at=now,
        joined_at=now,
    )
    back = joined.model_copy(update={"version": 4, "changed_at": utc_now()})
    await service.publish(story.submitted(), wrapped(joined), wrapped(back), story.message(ActorKind.AGENT))
    await eventually(lambda: len(to(mail_server, story, story.requester)) == 3)
    (told,) = [mail for mail in to(mail_server, story, story.requester) if "now takes part" in text_of(mail)]
    assert LEE in text_of(told)
    assert "remove them" in text_of(told)


async def test_a_link_that_somebody_in_copy_asked_for_is_nothing_to_unsubscribe_from(
    service: Running, mail_server: MailServer
) -> None:
    """One click on a copy leaves the ticket; on the mail with the link it would do so as well."""
    story = TicketEvents()
    asked = AccessLinkRequested(ticket_id=story.ticket_id, email=LEE, is_requester=False, requested_at=utc_now())
    await service.publish(
        *story.people(), story.submitted(), lee(story, ParticipantState.JOINED, 1), story.message(ActorKind.AGENT)
    )
    await service.publish(wrapped(asked))
    await eventually(lambda: len(to(mail_server, story, LEE)) >= 2)
    copied, link = to(mail_server, story, LEE)
    assert copied["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert (link["List-Unsubscribe"], link["List-Unsubscribe-Post"]) == (None, None)
