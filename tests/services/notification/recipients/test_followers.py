"""Who is told because a note mentions them or because they follow the ticket, and who is not."""

from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from shared.contracts.base import AgentId
from shared.contracts.events import AccountChanged, Author, Envelope
from shared.contracts.vocabulary import ActorKind
from shared.kit.bus import BusMessage
from shared.kit.clock import new_id, utc_now
from tests.services.notification.decisions.test_lifecycle_mails import Told, told
from tests.services.notification.mail_server import MailServer, html_of, text_of
from tests.services.notification.running import Running
from tests.services.notification.ticket_events import TicketEvents, wrapped
from tests.support.eventually import eventually


async def told_agents(service: Running, story: TicketEvents, *events: Envelope, expected: Told | None = None) -> Told:
    """What the agents are sent, once all of it is settled: the mail for a link comes last.

    With `expected` it is waited for, as an event that comes before its agent is known is handled later than others.
    """
    opened = (*story.people(), story.submitted(alert=False), story.triaged(), story.assigned(by=story.ada))
    await service.publish(*opened, *events, story.link_requested())

    async def settled() -> tuple[Told]:
        found = await told(service, story)
        assert found[("access_link", "ruth")] == 1
        agents = Counter({(template, who): count for (template, who), count in found.items() if who != "ruth"})
        assert expected is None or agents == expected
        return (agents,)

    return (await eventually(settled, within=15))[0]


def by(agent_id: AgentId, name: str) -> Author:
    return Author(kind=ActorKind.AGENT, id=agent_id, name=name)


MENTIONS: dict[str, tuple[Callable[[TicketEvents], Sequence[Envelope]], Told]] = {
    "once": (lambda s: [s.mentioned(s.grace)], Counter({("mentioned", "grace"): 1})),
    "each note": (lambda s: [s.mentioned(s.grace), s.mentioned(s.grace)], Counter({("mentioned", "grace"): 2})),
    "never the author": (lambda s: [s.mentioned(s.ada, s.grace)], Counter({("mentioned", "grace"): 1})),
    "nobody inactive": (
        lambda s: [s.agent(s.grace, "Grace Hopper", is_active=False, version=2), s.mentioned(s.grace)],
        Counter(),
    ),
    "nobody who may not see it": (lambda s: [s.members(s.ada, version=2), s.mentioned(s.grace)], Counter()),
    "whoever sees every ticket": (
        lambda s: [
            s.members(s.ada, version=2),
            s.agent(s.grace, "Grace Hopper", sees_all_tickets=True, version=2),
            s.mentioned(s.grace),
        ],
        Counter({("mentioned", "grace"): 1}),
    ),
}


@pytest.mark.parametrize("case", MENTIONS)
async def test_who_is_mentioned_is_told(service: Running, case: str) -> None:
    events, expected = MENTIONS[case]
    story = TicketEvents()
    assert await told_agents(service, story, *events(story), expected=expected) == expected


async def test_a_mention_waits_until_it_is_known_who_sees_the_ticket(service: Running) -> None:
    """The news of the team comes last: nobody is left out for that."""
    story = TicketEvents()
    *agents, team = story.people()
    opened = (story.submitted(alert=False), story.triaged(), story.assigned(by=story.ada))
    await service.publish(*agents, *opened, story.mentioned(story.grace), story.link_requested())

    async def mentions() -> list[str]:
        rows = await service.ledger(ticket_id=str(story.ticket_id))
        assert ("access_link", "sent") in {(one["template"], one["status"]) for one in rows}
        return [one["status"] for one in rows if one["template"] == "mentioned"]

    assert await eventually(mentions, within=15) == ["waiting"]
    await service.publish(team)

    async def is_told() -> None:
        assert await mentions() == ["sent"]

    await eventually(is_told, within=15)


async def test_who_came_into_a_newer_team_just_before_the_mention_is_told(service: Running) -> None:
    """In one batch the news of the team is heard first, whichever has the smaller id."""
    story = TicketEvents()
    opened = (story.submitted(alert=False), story.triaged(), story.assigned(by=story.ada))
    await service.publish(*story.people()[:2], story.members(story.ada, lead_id=None), *opened)
    burst = (story.members(story.ada, story.grace, version=2), story.mentioned(story.grace), story.link_requested())
    done = await service.bus.publish_until_acknowledged([BusMessage.of(one) for one in burst])
    assert len(done) == len(burst)

    async def is_told() -> None:
        rows = await service.ledger(ticket_id=str(story.ticket_id))
        assert [one["status"] for one in rows if one["template"] == "mentioned"] == ["sent"], rows

    await eventually(is_told, within=15)


FOLLOWED: dict[str, tuple[Callable[[TicketEvents], Sequence[Envelope]], Told]] = {
    "the requester's message, beside the assignee": (
        lambda s: [s.follows(s.grace), s.message(ActorKind.REQUESTER)],
        Counter({("requester_message", "ada"): 1, ("requester_message", "grace"): 1}),
    ),
    "the assignee, who follows, once": (
        lambda s: [s.follows(s.ada), s.message(ActorKind.REQUESTER)],
        Counter({("requester_message", "ada"): 1}),
    ),
    "nobody assigned, and the follower is told already": (
        lambda s: [s.follows(s.grace), s.released(), s.message(ActorKind.REQUESTER)],
        Counter({("requester_message", "ada"): 1, ("requester_message", "grace"): 1}),
    ),
    "a reply, but not who wrote it": (
        lambda s: [s.follows(s.grace), s.follows(s.ada), s.message(ActorKind.AGENT)],
        Counter({("follower_reply", "grace"): 1}),
    ),
    "every change of the status": (
        lambda s: [s.follows(s.grace), s.follows(s.ada), s.resolved(), s.reopened(), s.closed()],
        Counter(
            {("follower_resolved", "grace"): 1, ("follower_reopened", "grace"): 1, ("follower_closed", "grace"): 1}
        ),
    ),
    "a message that reopens, as a message": (
        lambda s: [s.follows(s.grace), s.message(ActorKind.REQUESTER), s.reopened(cause="requester_message")],
        Counter({("requester_message", "ada"): 1, ("requester_message", "grace"): 1}),
    ),
    "a reply that resolves, once": (
        lambda s: [s.follows(s.grace), s.message(ActorKind.AGENT, resolves=True), s.resolved()],
        Counter({("follower_reply", "grace"): 1}),
    ),
    "from the mention on": (
        lambda s: [s.message(ActorKind.AGENT), s.mentioned(s.grace), s.message(ActorKind.AGENT)],
        Counter({("mentioned", "grace"): 1, ("follower_reply", "grace"): 1}),
    ),
    "no more once they stop": (
        lambda s: [s.follows(s.grace), s.follows(s.grace, is_following=False), s.message(ActorKind.AGENT)],
        Counter(),
    ),
    "no more once they may not see it": (
        lambda s: [s.follows(s.grace), s.members(s.ada, version=2), s.message(ActorKind.AGENT)],
        Counter(),
    ),
    "who sees the team above": (
        lambda s: [
            s.follows(s.grace),
            s.members(s.grace, team_id=(above := AgentId(new_id())), slug="above"),
            s.members(s.ada, version=2, lineage=(above,)),
            s.message(ActorKind.AGENT),
        ],
        Counter({("follower_reply", "grace"): 1}),
    ),
    "no automatic answer": (
        lambda s: [s.follows(s.grace), s.message(ActorKind.REQUESTER, is_automatic=True)],
        Counter(),
    ),
    "nobody in the place of a follower who is off": (
        lambda s: [
            s.follows(s.grace),
            s.agent(s.grace, "Grace Hopper", is_active=False, version=2),
            s.message(ActorKind.REQUESTER),
        ],
        Counter({("requester_message", "ada"): 1}),
    ),
}


@pytest.mark.parametrize("case", FOLLOWED)
async def test_followers_are_told(service: Running, case: str) -> None:
    events, expected = FOLLOWED[case]
    story = TicketEvents()
    assert await told_agents(service, story, *events(story), expected=expected) == expected


async def test_events_that_come_again_tell_nobody_again(service: Running) -> None:
    story = TicketEvents()
    events = story.mentioned(story.grace), story.message(ActorKind.AGENT), story.resolved()
    first = await told_agents(service, story, *events)
    hedy = AgentId(new_id())
    await service.publish(story.agent(hedy, "Hedy Lamarr", sees_all_tickets=True), story.follows(hedy))
    await service.deliver_again(*events)
    await service.publish(story.closed())

    async def is_last_told() -> Told:
        found = await told(service, story)
        assert found[("follower_closed", "hedy")] == 1
        return found

    found = await eventually(is_last_told, within=15)
    assert {(template, who): n for (template, who), n in found.items() if who in ("grace", "hedy")} == {
        **first,
        ("follower_closed", "grace"): 1,
        ("follower_closed", "hedy"): 1,
    }


async def test_a_mention_says_who_and_on_which_ticket(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    await told_agents(service, story, story.mentioned(story.grace))
    subject = f"[#{story.number}] Ada Lovelace mentioned you: {story.subject}"
    mail = next(one for one in mail_server.about(story.number) if one["Subject"] == subject)
    for body in (text_of(mail), html_of(mail)):
        assert "Ada Lovelace mentioned you" in body
        assert f"http://desk.example/tickets/{story.number}" in body


async def test_an_agent_is_told_that_how_they_sign_in_was_changed(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    changed = AccountChanged(agent_id=story.ada, change="password_changed", changed_at=utc_now())
    await service.publish(*story.people(), wrapped(changed))
    ada = f"ada-{story.number}@everdesk.example"

    async def is_told() -> None:
        mails = mail_server.to(ada)
        assert [one["Subject"] for one in mails] == ["Your password was changed"]
        for body in (text_of(mails[0]), html_of(mails[0])):
            assert "http://desk.example/account" in body

    await eventually(is_told, within=15)
