"""Whom a mail reaches when the person it was for is inactive or missing: the next who can act, never nobody."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.contracts.base import AgentId
from shared.contracts.events import Envelope
from shared.contracts.vocabulary import ActorKind
from shared.kit.clock import new_id
from tests.services.notification.decisions.test_lifecycle_mails import is_told, told
from tests.services.notification.mail_server import MailServer, html_of, text_of
from tests.services.notification.running import Running
from tests.services.notification.ticket_events import TicketEvents
from tests.support.eventually import eventually

pytestmark = pytest.mark.usefixtures("alone")
UNASSIGNED: dict[str, Any] = {"assignee_id": None}


@dataclass
class Crew(TicketEvents):
    """Ada and Hedy work in the team that Grace leads, Vera only looks; Alan administers agents."""

    hedy: AgentId = field(default_factory=lambda: AgentId(new_id()))
    vera: AgentId = field(default_factory=lambda: AgentId(new_id()))
    alan: AgentId = field(default_factory=lambda: AgentId(new_id()))

    def people(self) -> list[Envelope]:
        return [
            self.agent(self.ada, "Ada Lovelace"),
            self.agent(self.grace, "Grace Hopper"),
            self.agent(self.hedy, "Hedy Lamarr"),
            self.agent(self.vera, "Vera Novak"),
            self.agent(self.alan, "Alan Turing", is_administrator=True),
            self.members(self.ada, self.hedy, self.vera, workers=(self.ada, self.hedy)),
        ]

    def off(self, *agents: AgentId) -> list[Envelope]:
        """They are switched off."""
        names = {self.ada: "Ada", self.grace: "Grace", self.hedy: "Hedy", self.alan: "Alan"}
        is_admin = {"is_administrator": True}
        return [
            self.agent(one, names[one], is_active=False, version=2, **(is_admin if one == self.alan else {}))
            for one in agents
        ]


@pytest.fixture
async def crew(service: Running) -> AsyncIterator[Crew]:
    """Alan is switched off afterwards: other tests have administrators of their own."""
    crew = Crew()
    yield crew
    await service.publish(*crew.off(crew.alan))


CASES: dict[str, tuple[Callable[[Crew], list[Envelope]], str, set[str]]] = {
    "a warning, its agent off: the lead": (lambda c: [*c.off(c.ada), c.warned()], "sla_warned", {"grace"}),
    "a breach, nobody assigned, the lead off: who works in the team": (
        lambda c: [*c.off(c.grace), c.breached(**UNASSIGNED)],
        "sla_breached",
        {"ada", "hedy"},
    ),
    "a breach, nobody leads the team: who works in it": (
        lambda c: [c.members(c.ada, c.vera, workers=(c.ada,), lead_id=None, version=2), c.breached(**UNASSIGNED)],
        "sla_breached",
        {"ada"},
    ),
    "a breach, its agent and the lead off: the other member": (
        lambda c: [*c.off(c.ada, c.grace), c.breached()],
        "sla_breached",
        {"hedy"},
    ),
    "a breach, nobody left in the team: who administers agents": (
        lambda c: [*c.off(c.ada, c.grace, c.hedy), c.breached()],
        "sla_breached",
        {"alan"},
    ),
    "a breach, of the members one is away: the other": (
        lambda c: [*c.off(c.grace), c.agent(c.hedy, "Hedy", is_available=False, version=2), c.breached(**UNASSIGNED)],
        "sla_breached",
        {"ada"},
    ),
    "a step to the lead, who is off": (
        lambda c: [*c.off(c.grace), c.escalated(step={"to": "lead"})],
        "escalated",
        {"ada", "hedy"},
    ),
    "a step to an agent, who is off: the lead": (
        lambda c: [*c.off(c.hedy), c.escalated(step={"to": f"agent:{c.hedy}", "agent_id": c.hedy})],
        "escalated",
        {"grace"},
    ),
    "a step to a team: those who work in it": (
        lambda c: [c.escalated(step={"to": "team:banking", "team_id": c.team})],
        "escalated",
        {"ada", "hedy"},
    ),
    "a step to a team, of whom one is off: the other only": (
        lambda c: [*c.off(c.ada), c.escalated(step={"to": "team:banking", "team_id": c.team})],
        "escalated",
        {"hedy"},
    ),
    "a step to a team without anybody: its lead": (
        lambda c: [*c.off(c.ada, c.hedy), c.escalated(step={"to": "team:banking", "team_id": c.team})],
        "escalated",
        {"grace"},
    ),
    "a transfer to a team without anybody: who administers agents": (
        lambda c: [*c.off(c.ada, c.grace, c.hedy), c.transferred(AgentId(new_id()))],
        "transferred",
        {"alan"},
    ),
    "what came back, the lead off by then: the members": (
        lambda c: [*c.off(c.grace), c.released(), c.returned(told=(c.grace,))],
        "returned",
        {"ada", "hedy"},
    ),
    "a message, nobody assigned: who is available in the team": (
        lambda c: [c.released(), c.message(ActorKind.REQUESTER)],
        "requester_message",
        {"ada", "hedy"},
    ),
    "a message, nobody assigned, nobody available: the lead": (
        lambda c: [
            *(c.agent(one, name, is_available=False, version=2) for one, name in ((c.ada, "Ada"), (c.hedy, "Hedy"))),
            c.released(),
            c.message(ActorKind.REQUESTER),
        ],
        "requester_message",
        {"grace"},
    ),
    "a message to an agent who is off: the team": (
        lambda c: [*c.off(c.ada), c.assigned(), c.message(ActorKind.CLIENT)],
        "requester_message",
        {"hedy"},
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_the_next_who_can_act_is_told(service: Running, crew: Crew, case: str) -> None:
    events, template, expected = CASES[case]
    found = await is_told(service, crew, *events(crew))
    mine = {who: count for (name, who), count in found.items() if name == template}
    assert mine == dict.fromkeys(expected, 1)


async def test_a_mail_in_somebodys_place_says_why(service: Running, crew: Crew, mail_server: MailServer) -> None:
    await is_told(service, crew, *crew.off(crew.grace), crew.breached(**UNASSIGNED))
    mail = next(one for one in mail_server.about(crew.number) if "overdue" in one["Subject"])
    for body in (text_of(mail), html_of(mail)):
        assert "next who can act" in body


async def test_an_administrator_is_told_of_a_message_but_not_its_words(
    service: Running, crew: Crew, mail_server: MailServer
) -> None:
    words = crew.message(ActorKind.REQUESTER, body="My account number is 4711.")
    found = await is_told(service, crew, *crew.off(crew.ada, crew.grace, crew.hedy), crew.released(), words)
    assert found == {("requester_message", "alan"): 1}
    mail = next(one for one in mail_server.about(crew.number) if "New message" in one["Subject"])
    for body in (text_of(mail), html_of(mail)):
        assert "4711" not in body
        assert "Open the ticket to read it" in body


async def test_with_nobody_at_all_the_ledger_says_so(service: Running, crew: Crew) -> None:
    everybody = crew.off(crew.ada, crew.grace, crew.hedy, crew.alan)
    await service.publish(*crew.people(), crew.submitted(), *everybody, crew.breached())

    async def dropped() -> None:
        found = await service.ledger(ticket_id=str(crew.ticket_id))
        rows = [row for row in found if row["template"] == "sla_breached" and row["audience"] == "assignee"]
        assert [(row["status"], row["last_error"]) for row in rows] == [
            ("dropped", "the agent is not active, and nobody else who can act is")
        ]

    await eventually(dropped)


async def test_a_fallback_recipient_is_told_once_however_often_the_event_comes(service: Running, crew: Crew) -> None:
    breach = crew.breached(**UNASSIGNED)
    first = await is_told(service, crew, *crew.off(crew.grace), breach)
    assert first == {("sla_breached", "ada"): 1, ("sla_breached", "hedy"): 1}
    await service.deliver_again(breach)
    await service.publish(crew.message(ActorKind.AGENT))

    async def once() -> None:
        assert await told(service, crew) == first | {("access_link", "ruth"): 1, ("reply", "ruth"): 1}

    await eventually(once)
