"""What happens at one moment is one mail, and what is done apart is not."""

from shared.contracts.events import Author, Person
from shared.contracts.vocabulary import ActorKind, Metric
from tests.contracts.examples import at
from tests.services.notification.decisions.test_lifecycle_mails import BOTH, NOBODY, is_told, mail_with, told
from tests.services.notification.mail_server import MailServer, html_of, text_of
from tests.services.notification.running import Running
from tests.services.notification.ticket_events import TicketEvents
from tests.support.eventually import eventually


async def test_of_what_clocks_say_at_one_moment_the_worst_is_told_once(
    service: Running, mail_server: MailServer
) -> None:
    warned, overdue = TicketEvents(), TicketEvents()
    events = [warned.warned(seq, percent=percent) for seq, percent in ((5, 50), (6, 75), (7, 90))]
    events.append(warned.warned(8, percent=50, metric=Metric.FIRST_RESPONSE))
    assert await is_told(service, warned, *events) == {("sla_warned", "ada"): 1}
    mail = mail_with(mail_server, warned, "90 % used")
    for body in (text_of(mail), html_of(mail)):
        assert "90 % of the time" in body
        assert "First response" in body
    found = await is_told(
        service,
        overdue,
        *(overdue.warned(seq, percent=percent) for seq, percent in ((5, 50), (6, 75), (7, 90))),
        overdue.breached(8),
    )
    assert found == {("sla_breached", "ada"): 1}


async def test_steps_of_the_ladder_that_fall_due_at_once_are_one_mail_that_names_each(
    service: Running, mail_server: MailServer
) -> None:
    story = TicketEvents(revision=4)
    late = {"due_at": at(0)}
    events = [
        story.warned(5, percent=75),
        story.breached(6, assignee_id=story.ada),
        story.escalated(7, step=late | {"step": 1}),
        story.escalated(8, step=late | {"step": 2, "do": "raise_priority", "to": "lead"}),
        story.escalated(9, step=late | {"step": 3, "to": "team:banking", "team_id": story.team}),
        story.warned(10, percent=50, metric=Metric.FIRST_RESPONSE),
    ]
    assert await is_told(service, story, *events) == BOTH
    to_ada, to_grace = (
        next(mail for mail in mail_server.about(story.number) if name in mail["To"]) for name in ("ada", "grace")
    )
    for body in (text_of(to_ada), html_of(to_ada)):
        for words in ("Step", "escalation step 1 taken", "First response", "50 % used"):
            assert words.lower() in body.lower()
    assert "escalation step 2 taken, its priority raised" in text_of(to_grace)
    assert "First response" not in text_of(to_grace)


async def test_a_ticket_given_to_an_agent_with_its_clocks_overdue_is_one_mail(
    service: Running, mail_server: MailServer
) -> None:
    story = TicketEvents(revision=4)
    events = (story.transferred(story.grace, 3), story.assigned(4), story.breached(5))
    assert await is_told(service, story, *events) == {("sla_breached", "ada"): 1}
    text = text_of(mail_with(mail_server, story, "overdue"))
    assert "Assigned to you" in " ".join(text.split())
    assert "Transferred to your team" in " ".join(text.split())


async def test_a_reply_that_resolves_the_ticket_is_one_mail_that_says_both(
    service: Running, mail_server: MailServer
) -> None:
    story = TicketEvents()
    reply = story.message(ActorKind.AGENT, "Try it again, please.", resolves=True)
    assert await is_told(service, story, reply, story.resolved()) == {("reply", "ruth"): 1}
    mail = mail_with(mail_server, story, "Try it again")
    for body in (text_of(mail), html_of(mail)):
        assert "Try it again, please." in body
        assert "marked it as resolved" in " ".join(body.split())


async def test_a_reply_that_was_to_resolve_the_ticket_and_could_not_does_not_say_so(
    service: Running, mail_server: MailServer
) -> None:
    story = TicketEvents()
    reply = story.message(ActorKind.AGENT, "Try it again, please.", resolves=True)
    assert await is_told(service, story, reply) == {("reply", "ruth"): 1}
    assert "resolved" not in text_of(mail_with(mail_server, story, "Try it again"))


async def test_a_reply_and_a_resolution_of_their_own_are_two_mails(service: Running) -> None:
    story = TicketEvents()
    events = (story.message(ActorKind.AGENT), story.resolved())
    assert await is_told(service, story, *events) == {("reply", "ruth"): 1, ("resolved", "ruth"): 1}


async def test_what_different_actions_bring_is_a_mail_each(service: Running) -> None:
    story = TicketEvents()
    events = (story.assigned(4), story.escalated(5), story.resolved(6), story.resolved(8))
    expected = {("assigned", "ada"): 1, ("escalated", "ada"): 1, ("resolved", "ruth"): 2}
    assert await is_told(service, story, *events) == expected


async def test_an_agents_mail_does_not_swallow_what_they_are_told_as_a_requester(service: Running) -> None:
    story = TicketEvents()
    ada = f"ada-{story.number}@everdesk.example"
    await service.publish(*story.people(), story.submitted(requester=Person(email=ada, name="Ada Lovelace")))
    by_grace = Author(kind=ActorKind.AGENT, id=story.grace, name="Grace Hopper")
    await service.publish(
        story.breached(5), story.resolved(6), story.message(ActorKind.AGENT, author=by_grace, resolves=True)
    )
    expected = {("sla_breached", "ada"): 1, ("reply", "ada"): 1}

    async def settled() -> None:
        assert await told(service, story) == expected

    await eventually(settled, within=15)


async def test_nobody_of_the_staff_is_told_of_what_they_did_themselves(service: Running) -> None:
    lead, asking = TicketEvents(), TicketEvents()
    events = (lead.members(version=2), lead.transferred(lead.grace))
    assert await is_told(service, lead, *events) == NOBODY
    ada = f"ada-{asking.number}@everdesk.example"
    hers = asking.message(ActorKind.REQUESTER, author=Author(kind=ActorKind.REQUESTER, name="Ada", email=ada))
    ruths = asking.message(ActorKind.REQUESTER)
    given = asking.assigned(by=asking.ada)
    assert await is_told(service, asking, given, hers, ruths) == {("requester_message", "ada"): 1}
