"""Nobody is told twice of one event, nor of what they did themselves, whichever of their addresses stands where."""

from typing import Any

import pytest
from sqlalchemy import text

from services.notification.decisions.event_rules import decide
from services.notification.recipients.channel_choice import BY_PREFERENCE
from services.notification.recipients.settling import RecordedDecisions, record_decisions
from services.notification.rules.repository import load_matrix
from services.notification.settings import NotificationSettings
from shared.contracts.events import Author, Envelope, ParticipantChanged, Person
from shared.contracts.vocabulary import ActorKind, ParticipantState
from shared.kit.auth import MailThreads
from shared.kit.clock import utc_now
from tests.services.notification.recipients.test_fallback_recipients import Crew, crew
from tests.services.notification.recipients.test_preferences import prefer
from tests.services.notification.running import OPERATOR, Running
from tests.services.notification.ticket_events import TicketEvents, wrapped
from tests.support.eventually import eventually

pytestmark = pytest.mark.usefixtures("alone")
__all__ = ["crew"]


def joined(story: TicketEvents, email: str) -> Envelope:
    """Somebody takes part in the ticket, who was asked before."""
    return wrapped(
        ParticipantChanged(
            ticket_id=story.ticket_id,
            email=email,
            name="Somebody",
            state=ParticipantState.JOINED,
            version=1,
            changed_at=utc_now(),
        )
    )


async def outcomes(service: Running, story: TicketEvents, *templates: str) -> list[tuple[str, str, str | None]]:
    """Template, kind of recipient and the reason why no mail was sent, once everything is decided and sent."""

    async def settled() -> list[tuple[str, str, str | None]]:
        rows = await service.ledger(ticket_id=str(story.ticket_id), limit=200)
        assert any(one["template"] == "access_link" for one in rows), rows
        assert {one["status"] for one in rows} <= {"sent", "dropped", "expanded"}, rows
        found = [
            (one["template"], one["recipient"].partition(":")[0], one["last_error"])
            for one in rows
            if one["template"] in templates and one["status"] != "expanded"
        ]
        return sorted(found, key=str)

    return await eventually(settled, within=15)


WRITTEN = text("select n_tup_ins, n_tup_upd from pg_stat_xact_user_tables where relname = 'deliveries'")
OWN = "they did it themselves"


async def test_an_agent_who_asked_as_a_requester_is_not_mailed_their_own_reply(service: Running) -> None:
    story = TicketEvents()
    own = Person(email=f"ADA-{story.number}@everdesk.example", name="Ada Lovelace")
    await service.publish(
        *story.people(),
        story.submitted(requester=own),
        story.message(ActorKind.AGENT),
        story.message(ActorKind.AGENT, author=Author(kind=ActorKind.AGENT, id=story.grace, name="Grace Hopper")),
        story.resolved(),
        story.link_requested(),
    )
    assert await outcomes(service, story, "reply", "resolved") == [
        ("reply", "requester", OWN),
        ("reply", "requester", None),
        ("resolved", "requester", OWN),
    ]


async def test_an_agent_in_copy_is_not_mailed_a_copy_of_their_own_reply(service: Running) -> None:
    story = TicketEvents()
    await service.publish(
        *story.people(),
        story.submitted(),
        joined(story, f"ada-{story.number}@everdesk.example"),
        story.message(ActorKind.AGENT),
        story.link_requested(),
    )
    assert await outcomes(service, story, "reply") == [("reply", "participant", OWN), ("reply", "requester", None)]


async def test_a_requester_who_is_in_copy_as_well_gets_an_answer_once(service: Running) -> None:
    story = TicketEvents()
    await service.publish(
        *story.people(),
        story.submitted(requester=Person(email=story.requester.upper(), name="Ruth Okafor")),
        joined(story, story.requester),
        story.message(ActorKind.AGENT),
        story.link_requested(),
    )
    assert await outcomes(service, story, "reply") == [
        ("reply", "participant", "they are told as the requester"),
        ("reply", "requester", None),
    ]


async def test_a_choice_counts_for_every_spelling_of_an_address_settled_at_once(service: Running) -> None:
    """The tickets of one person, spelled in two ways, are settled in one round."""
    first, second = TicketEvents(), TicketEvents()
    address = f"ruth.{first.number}@bücher.example"
    spelled = f"RUTH.{first.number}@xn--bcher-kva.example"
    for email in (spelled, address):
        answer = await service.http.get("/v1/preferences/addresses", params={"email": email}, headers=OPERATOR)
        assert answer.status_code == 200
    chosen = await service.http.put(
        "/v1/preferences/addresses", params={"email": spelled}, json={"wanted": "none"}, headers=OPERATOR
    )
    assert chosen.json()["wanted"] == "none"
    stories = (first, second)
    await service.publish(
        *(story.message(ActorKind.AGENT) for story in stories),
        *(
            story.submitted(requester=Person(email=email, name="Ruth Okafor"), acknowledge=False)
            for story, email in zip(stories, (spelled, spelled.lower()), strict=True)
        ),
    )

    async def both() -> list[str]:
        rows = [row for story in stories for row in await service.ledger(ticket_id=str(story.ticket_id))]
        assert [row["status"] for row in rows] == ["dropped", "dropped"], rows
        return [row["last_error"] for row in rows]

    assert set(await eventually(both, within=15)) == {"they prefer not to be told of it"}


@pytest.mark.parametrize("unassigned", [True, False])
async def test_a_lead_who_wrote_as_a_requester_is_not_the_only_one_to_stand_in(
    service: Running, crew: Crew, *, unassigned: bool
) -> None:
    """The message of somebody who is the next to act as well goes to those after them, and not to nobody."""
    own = Author(kind=ActorKind.REQUESTER, name="Hedy", email=f"HEDY-{crew.number}@everdesk.example")
    away: dict[str, Any] = {"version": 2, "is_available": False}
    steps = [crew.triaged()] if unassigned else [crew.triaged(), crew.assigned(), *crew.off(crew.ada)]
    await service.publish(
        *crew.people(),
        crew.agent(crew.grace, "Grace Hopper", is_active=False, version=2),
        *([crew.agent(crew.ada, "Ada Lovelace", **away)] if unassigned else []),
        crew.submitted(requester=Person(email=own.email or "", name="Hedy"), acknowledge=False),
        *steps,
        crew.message(ActorKind.REQUESTER, author=own),
        crew.link_requested(),
    )

    async def told() -> set[str]:
        rows = await service.ledger(ticket_id=str(crew.ticket_id), limit=200)
        found = {
            one["address"].partition("-")[0]
            for one in rows
            if one["template"] == "requester_message" and one["status"] == "sent"
        }
        assert found, rows
        return found

    assert await eventually(told, within=15) == ({"ada"} if unassigned else {"alan"})


async def test_an_event_delivered_again_tells_nobody_by_a_channel_chosen_since(service: Running) -> None:
    story = TicketEvents()
    await prefer(service, story.ada, events={"assigned": {"mail": False, "inbox": False}})
    assigned = story.assigned()
    await service.publish(*story.people(), story.submitted(), story.triaged(), assigned, story.link_requested())
    assert await outcomes(service, story, "assigned") == [("assigned", "agent", BY_PREFERENCE)]
    await prefer(service, story.ada, events={"assigned": {"mail": True, "inbox": True}})
    await service.deliver_again(assigned)
    await service.publish(story.follows(story.ada), story.mentioned(story.ada, by=story.grace))

    async def entries() -> list[str]:
        answer = await service.http.get("/v1/inbox", params={"agent_id": str(story.ada)}, headers=OPERATOR)
        found = [one["template"] for one in answer.json()["items"]]
        assert "mentioned" in found
        return found

    assert await eventually(entries) == ["mentioned"]


async def test_a_mail_to_people_who_are_known_is_written_once(service: Running, settings: NotificationSettings) -> None:
    """As one that waits it would be written again a moment later, which touches each index of the ledger anew."""
    known, unknown = TicketEvents(), TicketEvents()
    await service.publish(*known.people(), known.submitted(), known.link_requested())
    await outcomes(service, known, "acknowledgement")
    threads = MailThreads(settings, settings.mail_domain)
    events = [story.message(ActorKind.AGENT) for story in (known, unknown)]
    decisions = [(event.id, decision) for event in events for decision in decide(event.open())]
    assert len(decisions) == 2
    async with service.database.begin() as session:
        [before] = (await session.execute(WRITTEN)).all()
        recorded = await record_decisions(session, decisions, threads, await load_matrix(session))
        [after] = (await session.execute(WRITTEN)).all()
    assert (after.n_tup_ins - before.n_tup_ins, after.n_tup_upd - before.n_tup_upd) == (2, 0)
    assert recorded == RecordedDecisions(settled=1, are_some_waiting=True)
    [mail] = await eventually(lambda: _sent(service, known))
    assert mail["address"] == known.requester


async def _sent(service: Running, story: TicketEvents) -> list[dict[str, Any]]:
    rows = await service.ledger(ticket_id=str(story.ticket_id), status="sent")
    found = [one for one in rows if one["template"] == "reply"]
    assert found
    return found
