"""A mail server that takes what it is told and never answers: nothing is lost, and nobody else waits for it."""

import pytest

from services.notification.delivery import sender, smtp
from tests.services.notification.mail_server import MailServer
from tests.services.notification.running import Running
from tests.services.notification.ticket_events import TicketEvents
from tests.support.eventually import eventually


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes a quarter of a minute in earnest."""
    monkeypatch.setattr(smtp, "TIMEOUT", 2.0)
    monkeypatch.setattr(sender, "SLOW_SECONDS", 0.3)


async def test_mails_that_are_never_answered_hold_up_nobody_else(service: Running, mail_server: MailServer) -> None:
    hung, others = [TicketEvents() for _ in range(3)], [TicketEvents() for _ in range(30)]
    mail_server.never_answered |= {story.requester for story in hung}
    await service.publish(*(story.submitted() for story in hung))
    await eventually(lambda: _are(service, hung, "sending"))
    await service.publish(*(story.submitted() for story in others))
    await eventually(lambda: all(len(mail_server.about(story.number)) == 1 for story in others), within=20)
    assert await _are(service, hung, "sending", attempts=0), "before any of the others was given up"
    assert not any(mail_server.about(story.number) for story in hung)
    mail_server.never_answered.clear()
    await eventually(lambda: all(len(mail_server.about(story.number)) == 1 for story in hung), within=30)
    await eventually(lambda: _are(service, [*hung, *others], "sent"))


async def test_what_stands_behind_a_mail_that_hangs_is_sent_by_another_connection(
    service: Running, mail_server: MailServer
) -> None:
    await mail_server.stop()
    stories = [TicketEvents() for _ in range(12)]
    mail_server.never_answered |= {story.requester for story in stories[:2]}
    await service.publish(*(story.submitted() for story in stories))
    await eventually(lambda: _are(service, stories, "queued"))
    await mail_server.start()
    await eventually(lambda: all(len(mail_server.about(story.number)) == 1 for story in stories[2:]), within=30)
    mail_server.never_answered.clear()
    await eventually(lambda: all(len(mail_server.about(story.number)) == 1 for story in stories), within=30)


async def test_a_server_that_greets_nobody_loses_nothing(
    service: Running, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "TIMEOUT", 0.5)
    await mail_server.stop()
    mail_server.is_mute = True
    await mail_server.start()
    stories = [TicketEvents() for _ in range(8)]
    try:
        await service.publish(*(story.submitted() for story in stories))
        before = mail_server.connections
        await eventually(lambda: mail_server.connections > before, within=20)
    finally:
        await mail_server.stop()
        mail_server.is_mute = False
        await mail_server.start()
    await eventually(lambda: all(mail_server.about(story.number) for story in stories), within=30)
    await eventually(lambda: _are(service, stories, "sent"))
    for story in stories:
        (row,) = await service.ledger(ticket_id=str(story.ticket_id))
        assert len(mail_server.about(story.number)) == 1
        assert row["attempts"] == 1, "the server's silence counts for no mail"


async def _are(service: Running, stories: list[TicketEvents], status: str, **more: object) -> bool:
    expected = {"status": status} | more
    rows = [row for story in stories for row in await service.ledger(ticket_id=str(story.ticket_id))]
    return len(rows) == len(stories) and all(row.items() >= expected.items() for row in rows)
