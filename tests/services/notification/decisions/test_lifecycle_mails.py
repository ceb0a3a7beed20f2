"""Who is told of reminders, silence, escalations, and of breaches that were none."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from shared.contracts.base import AgentId
from shared.contracts.events import Envelope, Person, ReturnedTicket
from shared.contracts.vocabulary import Priority, ReturnReason
from shared.kit.clock import new_id
from tests.contracts.examples import at
from tests.services.notification.mail_server import MailServer, html_of, text_of
from tests.services.notification.running import Running
from tests.services.notification.ticket_events import TicketEvents
from tests.support.eventually import eventually

Told = Counter[tuple[str, str]]


async def told(service: Running, story: TicketEvents) -> Told:
    """How many mails of each template each of the staff was sent, once nothing is on its way any more."""
    rows = await service.ledger(ticket_id=str(story.ticket_id))
    assert {row["status"] for row in rows} <= {"sent", "dropped", "expanded"}, rows
    return Counter(
        (row["template"], row["address"].partition("-")[0])
        for row in rows
        if row["status"] == "sent" and row["template"] != "acknowledgement"
    )


async def is_told(service: Running, story: TicketEvents, *events: Envelope) -> Told:
    """Tells the story up to `events`; the last mail is the one for a link, which shows that all were handled."""
    await service.publish(*story.people(), story.submitted(), *events, story.link_requested())

    async def settled() -> tuple[Told]:
        found = await told(service, story)
        assert found.pop(("access_link", "ruth"), 0) == 1
        return (found,)

    return (await eventually(settled, within=15))[0]


@pytest.mark.usefixtures("alone")
async def test_a_transfer_tells_the_new_team_but_not_whoever_did_it(service: Running, mail_server: MailServer) -> None:
    from_elsewhere, from_inside, by_rule = TicketEvents(), TicketEvents(), TicketEvents()
    found = await is_told(service, from_elsewhere, from_elsewhere.transferred(AgentId(new_id())))
    assert found == {("transferred", "ada"): 1, ("transferred", "grace"): 1}
    assert "your team has this ticket now" in text_of(mail_with(mail_server, from_elsewhere, "your team has"))
    found = await is_told(service, from_inside, from_inside.transferred(from_inside.ada))
    assert found == {("transferred", "grace"): 1}
    assert await is_told(service, by_rule, by_rule.transferred(None)) == {}


async def test_tickets_that_came_back_together_are_one_mail_that_names_each(
    service: Running, mail_server: MailServer
) -> None:
    story, other = TicketEvents(), TicketEvents()
    also = ReturnedTicket(
        ticket_id=other.ticket_id, number=other.number, priority=Priority.LOW, reason=ReturnReason.AGENT_INACTIVE
    )
    found = await is_told(service, story, story.released(), story.returned(also, told=(story.grace,)))
    assert found == {("returned", "grace"): 1}
    mail = mail_with(mail_server, story, "2 tickets came back to Banking")
    for body in (text_of(mail), html_of(mail)):
        assert "Ada Lovelace, who had them, is not active any more" in body
        for number in (story.number, other.number):
            assert f"/tickets/{number}" in body


async def test_a_reminder_says_when_silence_resolves_the_ticket(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    assert await is_told(service, story, story.reminded(resolves_at=at(60))) == {("reminder", "ruth"): 1}
    mail = mail_with(mail_server, story, "still need your answer")
    for body in (text_of(mail), html_of(mail)):
        assert "23 November 2026, 13:00 UTC" in body
        assert "http://portal.example/t/" in body


async def test_without_an_end_a_reminder_threatens_with_nothing(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    await is_told(service, story, story.reminded())
    text = text_of(mail_with(mail_server, story, "still need your answer"))
    assert "resolved" not in text
    assert "nothing is lost" in text


async def test_each_reminder_is_a_mail_of_its_own(service: Running) -> None:
    story = TicketEvents()
    assert await is_told(service, story, story.reminded(4), story.reminded(5)) == {("reminder", "ruth"): 2}


async def test_a_ticket_resolved_by_silence_says_so_and_how_to_reopen(
    service: Running, mail_server: MailServer
) -> None:
    story = TicketEvents()
    assert await is_told(service, story, story.resolved_by_silence()) == {("resolved_unanswered", "ruth"): 1}
    mail = mail_with(mail_server, story, "asked you")
    for body in (text_of(mail), html_of(mail)):
        assert "have not" in body
        assert "reopen" in body


async def test_whose_ticket_was_merged_is_told_once_under_which_number_it_goes_on(
    service: Running, mail_server: MailServer
) -> None:
    story, twin, german, target = TicketEvents(), TicketEvents(), TicketEvents(), TicketEvents()
    theirs = twin.submitted(requester=Person(email=target.requester.upper(), name="Ruth Okafor"))
    speaks = german.submitted(requester=Person(email=german.requester, name="Ida", language="de"))
    merges = [target.absorbed(one.ticket_id, seq) for seq, one in enumerate((twin, german), start=7)]
    await service.publish(target.submitted(), theirs, speaks, *merges)
    assert await is_told(service, story, target.absorbed(story.ticket_id)) == {("merged", "ruth"): 1}
    mail = mail_with(mail_server, story, f"number {target.number}")
    for body in (text_of(mail), html_of(mail)):
        assert target.number in body
        assert "http://portal.example/t/" in body

    async def others_are_settled() -> None:
        rows = [
            *await service.ledger(ticket_id=str(twin.ticket_id)),
            *await service.ledger(ticket_id=str(german.ticket_id)),
        ]
        told = {(row["template"], row["status"], row["last_error"]) for row in rows if row["template"] == "merged"}
        assert told == {("merged", "dropped", "both tickets are theirs"), ("merged", "sent", None)}

    await eventually(others_are_settled, within=15)
    assert f"geht unter {target.number} weiter" in html_of(mail_server.about(german.number)[-1])
    assert await told(service, target) == {}


QUIET: dict[str, tuple[bool, Callable[[TicketEvents], Envelope], str]] = {
    "routing's choice is not told": (False, lambda s: s.given(), "dropped"),
    "an escalation's is": (False, lambda s: s.given(seq=9), "sent"),
    "a person's is": (False, lambda s: s.assigned(), "sent"),
    "with an alert every one is": (True, lambda s: s.given(), "sent"),
}


@pytest.mark.parametrize("case", QUIET)
@pytest.mark.usefixtures("alone")
async def test_who_opens_a_ticket_may_ask_not_to_alert_agents_of_it(service: Running, case: str) -> None:
    alert, given, outcome = QUIET[case]
    story = TicketEvents()
    await service.publish(*story.people(), story.submitted(alert=alert), story.triaged(), given(story))

    async def is_settled() -> None:
        rows = [row for row in await service.ledger(ticket_id=str(story.ticket_id)) if row["template"] == "assigned"]
        assert [row["status"] for row in rows] == [outcome]

    await eventually(is_settled, within=15)


NOBODY: dict[tuple[str, str], int] = {}
ADA, GRACE = {("escalated", "ada"): 1}, {("escalated", "grace"): 1}
BOTH = ADA | GRACE
STEPS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[tuple[str, str], int]]] = {
    "notify, to nobody in particular: the assignee": ({}, {}, ADA),
    "notify, nobody assigned: the lead": ({}, {"assignee_id": None}, GRACE),
    "notify, before triage: nobody": ({}, {"assignee_id": None, "team_id": None}, NOBODY),
    "notify the lead": ({"to": "lead"}, {}, GRACE),
    "notify the lead of the event's team": ({"to": "lead", "team_id": "team"}, {"team_id": None}, GRACE),
    "notify an agent": ({"to": "agent", "agent_id": "grace"}, {}, GRACE),
    "notify a team": ({"to": "team:banking", "team_id": "team"}, {}, BOTH),
    "raise, to nobody": ({"do": "raise_priority"}, {}, NOBODY),
    "raise and tell the lead": ({"do": "raise_priority", "to": "lead"}, {}, GRACE),
    "hand over to an agent: the assigned mail tells": (
        {"do": "reassign", "to": "agent", "agent_id": "grace"},
        {},
        NOBODY,
    ),
    "hand over to who has it already": ({"do": "reassign", "to": "agent", "agent_id": "ada"}, {}, ADA),
    "hand over to a lead who is known: the assigned mail tells": (
        {"do": "reassign", "to": "lead", "team_id": "team", "agent_id": "grace"},
        {},
        NOBODY,
    ),
    "hand over to a team": ({"do": "reassign", "to": "team:banking", "team_id": "team"}, {}, BOTH),
}


@pytest.mark.parametrize("case", STEPS)
@pytest.mark.usefixtures("alone")
async def test_a_step_of_the_ladder_tells_whom_it_names(service: Running, case: str) -> None:
    story = TicketEvents()
    step, snapshot, expected = STEPS[case]
    ids = {"ada": story.ada, "grace": story.grace, "team": story.team}
    known = {name: ids.get(value, value) if name.endswith("_id") else value for name, value in step.items()}
    assert await is_told(service, story, story.escalated(step=known, **snapshot)) == expected


async def test_a_repeated_step_is_a_mail_each_time_and_says_so(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    steps = [story.escalated(seq, step={"repetition": seq - 5, "due_at": at(0)}) for seq in (6, 7, 8)]
    assert await is_told(service, story, *steps) == {("escalated", "ada"): 3}
    text = text_of([mail for mail in mail_server.about(story.number) if "Escalated" in mail["Subject"]][-1])
    assert "again" in text
    assert "is overdue" in text


@pytest.mark.usefixtures("alone")
async def test_a_raised_priority_is_said_unless_nothing_is_higher(service: Running, mail_server: MailServer) -> None:
    for priority, is_raised in ((Priority.HIGH, True), (Priority.URGENT, False)):
        story = TicketEvents()
        await is_told(service, story, story.escalated(step={"do": "raise_priority", "to": "lead"}, priority=priority))
        assert ("priority is raised" in text_of(mail_with(mail_server, story, "Escalated"))) is is_raised


@pytest.mark.usefixtures("alone")
async def test_a_team_is_its_active_members_as_last_announced(service: Running) -> None:
    story, gone = TicketEvents(), AgentId(new_id())
    changes = [
        story.agent(gone, "Hedy Lamarr", is_active=False),
        story.members(story.ada, gone, version=3),
        story.members(story.grace, version=2),
    ]
    step = {"to": "team:banking", "team_id": story.team}
    assert await is_told(service, story, *changes, story.escalated(step=step)) == ADA


@pytest.mark.usefixtures("alone")
async def test_a_team_of_whose_members_nothing_is_known_is_its_lead(service: Running) -> None:
    story = TicketEvents()
    step = {"to": "team:banking", "team_id": story.team}
    assert await is_told(service, story, story.members(version=2), story.escalated(step=step)) == GRACE


@pytest.mark.usefixtures("alone")
async def test_a_step_redelivered_to_a_team_tells_nobody_twice(service: Running) -> None:
    story = TicketEvents()
    step = story.escalated(step={"to": "team:banking", "team_id": story.team})
    await is_told(service, story, step)
    await service.deliver_again(step)
    await service.publish(story.reminded(9))
    expected = BOTH | {("access_link", "ruth"): 1, ("reminder", "ruth"): 1}

    async def once() -> None:
        assert await told(service, story) == expected

    await eventually(once)


@pytest.mark.usefixtures("alone")
async def test_who_was_told_of_a_breach_is_told_that_it_is_void(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    late = {"due_at": at(0), "to": "lead"}
    first = await is_told(service, story, story.breached(5), story.escalated(6, step=late))
    assert first == {("sla_breached", "ada"): 1, ("escalated", "grace"): 1}
    await service.publish(story.withdrawn(7, assignee_id=None), story.withdrawn(8))

    async def void() -> None:
        found = await told(service, story)
        assert found == first | {
            ("access_link", "ruth"): 1,
            ("sla_breach_withdrawn", "ada"): 1,
            ("sla_breach_withdrawn", "grace"): 1,
        }

    await eventually(void, within=15)
    assert "void" in text_of(mail_with(mail_server, story, "not overdue after all"))


async def test_a_breach_withdrawn_before_its_mail_went_out_is_never_told(service: Running) -> None:
    story = TicketEvents()
    await service.publish(story.breached(5), story.withdrawn(7))
    assert await is_told(service, story) == NOBODY
    rows = {row["template"]: row for row in await service.ledger(ticket_id=str(story.ticket_id))}
    assert rows["sla_breached"]["status"] == "dropped"
    assert "withdrawn" in rows["sla_breached"]["last_error"]


@pytest.mark.usefixtures("alone")
async def test_a_breach_that_arrives_after_its_withdrawal_is_not_told_but_the_next_is(service: Running) -> None:
    story = TicketEvents()
    events = (story.withdrawn(7), story.breached(5), story.breached(9))
    assert await is_told(service, story, *events) == {("sla_breached", "ada"): 1}


def mail_with(mail_server: MailServer, story: TicketEvents, words: str) -> Any:
    """The mail about the story that says this."""
    return next(mail for mail in mail_server.about(story.number) if words in mail["Subject"] or words in text_of(mail))
