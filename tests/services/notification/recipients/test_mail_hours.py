"""Mail hours, digests and storms together: nothing is lost, and nobody's hours hold up anybody else's mails."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from shared.contracts.base import TeamId
from shared.contracts.vocabulary import ActorKind, Metric
from shared.kit.clock import new_id, utc_now
from tests.services.notification.mail_server import MailServer, text_of
from tests.services.notification.recipients.test_preferences import prefer, rows
from tests.services.notification.running import OPERATOR, Running
from tests.services.notification.ticket_events import TicketEvents
from tests.support.eventually import eventually


def closed_now() -> dict[str, Any]:
    """Hours of which the next begin in two days."""
    day = (utc_now() + timedelta(days=2)).strftime("%a").lower()
    return {"timezone": "UTC", "weekly": {day: [["09:00", "10:00"]]}}


async def make_due(service: Running, bundle: str) -> None:
    """As if the time had come until which the mails of a bundle wait."""
    async with service.database.begin() as session:
        connection = await session.connection()
        await connection.exec_driver_sql(f"update deliveries set next_attempt_at = now() where bundle = '{bundle}'")
    service.app.state.app_state.wake_sender()


async def an_hour_later(service: Running, *agents: UUID) -> None:
    """Makes what is held for these agents an hour old, and due."""
    held = ", ".join(f"'{agent}'" for agent in agents)
    async with service.database.begin() as session:
        connection = await session.connection()
        await connection.exec_driver_sql(
            "update deliveries set next_attempt_at = now(), created_at = created_at - interval '1 hour' "
            f"where agent_id in ({held}) and status = 'queued'"
        )
    service.app.state.app_state.wake_sender()


async def statuses(service: Running, story: TicketEvents, template: str, recipient: UUID | None = None) -> list[str]:
    return sorted(one["status"] for one in await rows(service, story, template, recipient))


async def assigned_mail_waits(service: Running, story: TicketEvents) -> None:
    """Returns once the mail about the assignment is held back."""

    async def waits() -> None:
        assert await statuses(service, story, "assigned") == ["queued"]

    await eventually(waits)


async def test_hours_that_are_over_for_ever_hold_up_nobody(service: Running, mail_server: MailServer) -> None:
    """Valid when they are saved, as they are open on one day; the digest after it finds no hours any more."""
    story, other = TicketEvents(), TicketEvents()
    only_today = {
        "timezone": "UTC",
        "weekly": {},
        "special_days": [{"date": utc_now().date().isoformat(), "hours": [["00:00", "24:00"]]}],
    }
    assert (await prefer(service, story.ada, digest="daily", mail_hours=only_today)).status_code == 200
    await service.publish(*story.people(), story.submitted(), story.triaged(), story.assigned())
    await service.publish(*other.people(), other.submitted(), other.triaged(), other.assigned())

    async def both_are_decided() -> None:
        assert await statuses(service, other, "assigned") == ["sent"]
        (held,) = await rows(service, story, "assigned")
        assert (held["status"], held["next_attempt_at"] is not None) == ("queued", True)

    await eventually(both_are_decided, within=15)
    await make_due(service, f"digest:{story.ada}")
    await eventually(lambda: mail_server.to(f"ada-{story.number}@everdesk.example"))


async def test_a_night_of_messages_about_one_ticket_is_six_mails_in_the_morning(
    service: Running, mail_server: MailServer
) -> None:
    """Twelve messages of a night, far apart, wait for the hours: five mails, and one that names the other seven."""
    story = TicketEvents()
    await prefer(service, story.ada, mail_hours=closed_now())
    await service.publish(*story.people(), story.submitted(), story.triaged(), story.assigned(by=story.ada))
    for number in range(12):
        await service.publish(story.message(ActorKind.REQUESTER, f"Message {number} of the night"))
        async with service.database.begin() as session:
            connection = await session.connection()
            await connection.exec_driver_sql(
                "update deliveries set created_at = created_at - interval '10 minutes' "
                f"where ticket_id = '{story.ticket_id}'"
            )

        async def is_held(count: int = number + 1) -> None:
            found = await rows(service, story, "requester_message")
            assert [one["status"] for one in found] == ["queued"] * count, found

        await eventually(is_held)
    await service.publish(story.breached(), story.escalated(step={"do": "notify", "due_at": utc_now()}))
    address = f"ada-{story.number}@everdesk.example"
    await eventually(lambda: mail_server.to(address))
    assert not any("of the night" in text_of(mail) for mail in mail_server.to(address)), "escalated at once, and alone"
    async with service.database.begin() as session:
        connection = await session.connection()
        await connection.exec_driver_sql(
            f"update deliveries set next_attempt_at = now() where ticket_id = '{story.ticket_id}' and status = 'queued'"
        )
    service.app.state.app_state.wake_sender()

    async def morning() -> None:
        found = await statuses(service, story, "requester_message")
        assert found == ["dropped"] * 6 + ["sent"] * 6, found

    await eventually(morning, within=15)
    mails = [mail for mail in mail_server.to(address) if "notifications" in mail["Subject"] or "New" in mail["Subject"]]
    assert len(mails) == 6
    (many,) = [mail for mail in mails if "notifications" in mail["Subject"]]
    assert many["Subject"] == "7 notifications from the desk"
    assert text_of(many).count(story.number) == 7


async def test_a_worse_mail_that_waits_for_tomorrow_does_not_hold_up_one_that_is_due(service: Running) -> None:
    """A digest was switched off while a warning waited for it; the next one, of another clock, is less severe."""
    story = TicketEvents()
    await prefer(service, story.ada, digest="daily")
    await service.publish(*story.people(), story.submitted(), story.triaged(), story.assigned(by=story.ada))
    await service.publish(story.warned(percent=90))

    async def waits() -> None:
        assert await statuses(service, story, "sla_warned") == ["queued"]

    await eventually(waits)
    await prefer(service, story.ada, digest="off")
    await service.publish(story.warned(seq=5, percent=50, metric=Metric.FIRST_RESPONSE))

    async def the_other_is_told_at_once() -> None:
        told = await rows(service, story, "sla_warned")
        assert len(told) == 2
        assert "sent" in {one["status"] for one in told}, told

    await eventually(the_other_is_told_at_once, within=15)


async def test_a_digest_names_what_a_mail_in_it_was_to_tell_as_well(service: Running, mail_server: MailServer) -> None:
    """A reply that resolves tells of both; as a line of a digest it must not lose one of them."""
    story = TicketEvents()
    await prefer(service, story.grace, digest="daily")
    await service.publish(*story.people(), story.submitted(), story.triaged(), story.assigned(by=story.ada))
    await service.publish(story.mentioned(story.grace), story.message(ActorKind.AGENT, resolves=True), story.resolved())

    async def all_wait() -> None:
        found = [
            one
            for name in ("mentioned", "follower_reply", "follower_resolved")
            for one in await rows(service, story, name, story.grace)
        ]
        assert [one["status"] for one in found] == ["queued"] * 3, found

    await eventually(all_wait)
    await make_due(service, f"digest:{story.grace}")
    address = f"grace-{story.number}@everdesk.example"
    await eventually(lambda: mail_server.to(address))
    (mail,) = mail_server.to(address)
    assert mail["Subject"] == "3 notifications from the desk"
    told = text_of(mail)
    assert all(line in told for line in ("You were mentioned", "Reply sent", "Resolved")), told


async def test_an_agent_whose_mails_come_back_is_told_in_the_inbox_instead(
    service: Running, mail_server: MailServer
) -> None:
    """Even if they asked for mail alone: a breach must not be told to nobody."""
    story = TicketEvents()
    address = f"ada-{story.number}@everdesk.example"
    mail_server.refusals[address] = ["550 5.1.1 No such user"]
    events = {name: {"inbox": False} for name in ("assigned", "sla_breached")}
    await prefer(service, story.ada, events=events)
    await service.publish(*story.people(), story.submitted(), story.triaged(), story.assigned())

    async def is_refused() -> None:
        assert await statuses(service, story, "assigned") == ["failed"]

    await eventually(is_refused)
    await service.publish(story.breached())

    async def is_in_the_inbox() -> None:
        answer = await service.http.get("/v1/inbox", params={"agent_id": str(story.ada)}, headers=OPERATOR)
        assert [one["template"] for one in answer.json()["items"]] == ["sla_breached"]

    await eventually(is_in_the_inbox)


async def test_what_waits_is_not_sent_to_a_follower_who_may_not_see_the_ticket_any_more(
    service: Running, mail_server: MailServer
) -> None:
    """Held for the hours, and for a digest, while they left the team; what else waits is sent all the same."""
    alone, bundled = TicketEvents(), TicketEvents()
    await prefer(service, alone.grace, mail_hours=closed_now())
    await prefer(service, bundled.grace, digest="daily")
    for story in (alone, bundled):
        await service.publish(*story.people(), story.submitted(), story.triaged(), story.assigned(by=story.ada))
        await service.publish(story.follows(story.grace), story.message(ActorKind.AGENT, "Between us."))

        async def waits(story: TicketEvents = story) -> None:
            assert await statuses(service, story, "follower_reply") == ["queued"]

        await eventually(waits)
        await service.publish(story.members(story.ada, lead_id=None, version=2))
    seen = TicketEvents(grace=bundled.grace)
    grace = seen.agent(seen.grace, "Grace Hopper", version=2, email=f"grace-{bundled.number}@everdesk.example")
    await service.publish(grace, seen.members(seen.ada, seen.grace), seen.submitted(), seen.triaged())
    await service.publish(seen.agent(seen.ada, "Ada Lovelace"), seen.assigned(by=seen.ada))
    await service.publish(seen.follows(seen.grace), seen.message(ActorKind.AGENT, "For all."), seen.closed())

    async def others_wait() -> None:
        assert await statuses(service, seen, "follower_closed") == ["queued"]

    await eventually(others_wait)
    await an_hour_later(service, alone.grace, bundled.grace)

    async def is_kept_back() -> None:
        for story in (alone, bundled):
            (row,) = await rows(service, story, "follower_reply")
            assert (row["status"], row["last_error"]) == ("dropped", "they may not see the ticket"), row
        assert len(mail_server.to(f"grace-{bundled.number}@everdesk.example")) == 1

    await eventually(is_kept_back, within=15)
    assert mail_server.to(f"grace-{alone.number}@everdesk.example") == []
    (digest,) = mail_server.to(f"grace-{bundled.number}@everdesk.example")
    assert bundled.number not in text_of(digest)
    assert seen.number in text_of(digest)


async def test_a_digest_is_silent_about_a_ticket_that_went_to_a_team_of_others(
    service: Running, mail_server: MailServer
) -> None:
    """Ada's until it was transferred: its subject is not hers any more. Of what she has still she is told."""
    gone = TicketEvents(subject="Salary of the director")
    kept = TicketEvents(ada=gone.ada, grace=gone.grace, team=gone.team)
    await prefer(service, gone.ada, digest="daily")
    await service.publish(*gone.people())
    for story in (gone, kept):
        await service.publish(story.submitted(), story.triaged(), story.assigned())
        await assigned_mail_waits(service, story)
    await service.publish(gone.transferred(None, to=TeamId(new_id())), gone.link_requested())

    async def is_known() -> None:
        assert await statuses(service, gone, "access_link") == ["sent"]

    await eventually(is_known)
    await an_hour_later(service, gone.ada)
    address = f"ada-{gone.number}@everdesk.example"
    await eventually(lambda: mail_server.to(address), within=15)
    (mail,) = mail_server.to(address)
    assert kept.number in text_of(mail)
    assert gone.subject not in text_of(mail)
    (row,) = await rows(service, gone, "assigned")
    assert (row["status"], row["last_error"]) == ("dropped", "they may not see the ticket")
