"""What waited for hours, a digest or a mail server: told to those whom it still concerns, as it was first sent."""

import pytest

from services.notification.delivery import queue
from shared.contracts.base import TeamId
from shared.contracts.vocabulary import ActorKind
from shared.kit.backoff import Backoff
from shared.kit.clock import new_id
from tests.services.notification.mail_server import MailServer, text_of
from tests.services.notification.recipients.test_mail_hours import (
    an_hour_later,
    assigned_mail_waits,
    closed_now,
    make_due,
    statuses,
)
from tests.services.notification.recipients.test_preferences import prefer, rows
from tests.services.notification.running import Running
from tests.services.notification.ticket_events import TicketEvents
from tests.support.eventually import eventually


async def test_a_delegate_whose_turn_is_over_before_their_hours_is_not_told_of_it(
    service: Running, mail_server: MailServer
) -> None:
    """Given to them at night, out of their hours, for an agent out of office, who is back in the morning."""
    away, kept = TicketEvents(), TicketEvents()
    kept.ada, kept.team = away.ada, away.team
    await prefer(service, away.ada, mail_hours=closed_now())
    await service.publish(*away.people())
    for story in (away, kept):
        await service.publish(story.submitted(), story.triaged(), story.given(seq=4))

        async def waits(story: TicketEvents = story) -> None:
            assert await statuses(service, story, "assigned", story.ada) == ["queued"]

        await eventually(waits)
    back = away.reassigned(away.grace, seq=5)
    await service.publish(back)

    async def is_told() -> None:
        assert await statuses(service, away, "assigned", away.grace) == ["sent"]

    await eventually(is_told)
    await an_hour_later(service, away.ada)

    async def is_settled() -> None:
        (row,) = await rows(service, away, "assigned", away.ada)
        assert (row["status"], row["last_error"]) == ("dropped", "the ticket is not theirs any more")
        assert await statuses(service, kept, "assigned", away.ada) == ["sent"]

    await eventually(is_settled, within=15)
    assert not any(away.number in text_of(mail) for mail in mail_server.to(f"ada-{away.number}@everdesk.example"))


async def test_what_happens_while_a_digest_is_on_its_way_is_another_mail(
    service: Running, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has a mail from the server passes over a second one with the same Message-ID, though it be longer."""
    monkeypatch.setattr(queue, "MAIL_OUT", Backoff((60,)))
    story, later = TicketEvents(), TicketEvents()
    later.ada, later.team, later.grace = story.ada, story.team, story.grace
    address = f"ada-{story.number}@everdesk.example"
    await prefer(service, story.ada, digest="daily")
    await service.publish(*story.people(), story.submitted(), story.triaged(), story.assigned())
    await service.publish(story.warned(), story.link_requested())

    async def both_wait() -> None:
        assert await statuses(service, story, "assigned") == await statuses(service, story, "sla_warned") == ["queued"]

    await eventually(both_wait)
    mail_server.refusals[address] = ["451 Later"]
    await make_due(service, f"digest:{story.ada}")

    async def is_refused() -> None:
        found = await rows(service, story, "assigned")
        assert [(one["status"], one["attempts"]) for one in found] == [("queued", 1)], found

    await eventually(is_refused, within=15)
    await service.publish(later.submitted(), later.triaged(), later.assigned())

    async def waits() -> None:
        assert await statuses(service, later, "assigned") == ["queued"]

    await eventually(waits)
    await make_due(service, f"digest:{story.ada}")
    await eventually(lambda: len(mail_server.to(address)) == 2, within=15)
    first, second = sorted(mail_server.to(address), key=lambda mail: later.number in text_of(mail))
    assert first["Subject"] == "2 notifications from the desk"
    assert later.number not in text_of(first)
    assert story.number not in text_of(second)


async def test_a_digest_that_was_refused_is_sent_later_with_what_its_reader_still_may_see(
    service: Running, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mail that carries the others is about a ticket out of sight by now: the others must not go with it."""
    monkeypatch.setattr(queue, "MAIL_OUT", Backoff((60,)))
    gone, kept = TicketEvents(subject="Salary of the director"), TicketEvents()
    kept.ada, kept.team, kept.grace = gone.ada, gone.team, gone.grace
    address = f"ada-{gone.number}@everdesk.example"
    await prefer(service, gone.ada, digest="daily")
    await service.publish(*gone.people())
    for story in (gone, kept):
        await service.publish(story.submitted(), story.triaged(), story.assigned())
        await assigned_mail_waits(service, story)
    mail_server.refusals[address] = ["451 Later"]
    await make_due(service, f"digest:{gone.ada}")

    async def is_refused() -> None:
        assert [one["attempts"] for one in await rows(service, gone, "assigned")] == [1]

    await eventually(is_refused, within=15)
    await service.publish(gone.transferred(None, to=TeamId(new_id())), gone.link_requested())

    async def is_known() -> None:
        assert await statuses(service, gone, "access_link") == ["sent"]

    await eventually(is_known)
    await an_hour_later(service, gone.ada)
    await eventually(lambda: mail_server.to(address), within=15)
    (mail,) = mail_server.to(address)
    assert kept.number in text_of(mail)
    assert gone.number not in text_of(mail)
    assert gone.subject not in text_of(mail)


async def test_a_refused_digest_of_somebody_who_leaves_tells_the_lead_of_the_leads_own_ticket_alone(
    service: Running, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It carried news of a ticket of another team, which is no business of whoever acts on the first one."""
    monkeypatch.setattr(queue, "MAIL_OUT", Backoff((60,)))
    first, other = TicketEvents(), TicketEvents(subject="Salary of the director")
    other.ada = first.ada
    await prefer(service, first.ada, digest="daily")
    await service.publish(*first.people(), other.agent(other.grace, "Grace Hopper"), other.members(other.ada))
    for story in (first, other):
        await service.publish(story.submitted(), story.triaged(), story.assigned(by=story.ada))
        await service.publish(story.message(ActorKind.REQUESTER, f"Words about {story.number}"))

        async def waits(story: TicketEvents = story) -> None:
            assert await statuses(service, story, "requester_message") == ["queued"]

        await eventually(waits)
    mail_server.refusals[f"ada-{first.number}@everdesk.example"] = ["451 Later"]
    await make_due(service, f"digest:{first.ada}")

    async def is_refused() -> None:
        assert [one["attempts"] for one in await rows(service, first, "requester_message")] == [1]

    await eventually(is_refused, within=15)
    await service.publish(first.agent(first.ada, "Ada Lovelace", is_active=False, version=2))
    address = f"grace-{first.number}@everdesk.example"
    await eventually(lambda: mail_server.to(address), within=15)
    (mail,) = mail_server.to(address)
    assert f"Words about {first.number}" in text_of(mail)
    assert other.number not in text_of(mail)
    assert other.subject not in text_of(mail)
