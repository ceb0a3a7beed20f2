"""An entry of the inbox shows number and subject only while its agent may see the ticket."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from shared.contracts.base import AgentId, TeamId
from shared.contracts.events import Envelope
from shared.kit.clock import new_id
from tests.services.notification.running import OPERATOR, Running
from tests.services.notification.ticket_events import TicketEvents
from tests.support.eventually import eventually


async def entries(service: Running, agent_id: AgentId, **params: Any) -> list[dict[str, Any]]:
    asked = {"agent_id": str(agent_id)} | params
    answer = await service.http.get("/v1/inbox", params=asked, headers=OPERATOR)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def shows(service: Running, story: TicketEvents, *, subject: bool) -> None:
    """Waits until Grace's entries, one for a mention among them, show the ticket, or no longer do."""
    seen = (story.number, story.subject, True) if subject else (None, None, False)

    async def as_expected() -> None:
        for only_unread in (True, False):
            found = await entries(service, story.grace, unread=only_unread)
            assert "mentioned" in {one["template"] for one in found}
            assert {(one["number"], one["subject"], one["is_in_sight"]) for one in found} == {seen}

    await eventually(as_expected, within=20)


LOST: dict[str, tuple[Callable[[TicketEvents], Sequence[Envelope]], Callable[[TicketEvents], Sequence[Envelope]]]] = {
    "the role in the team": (
        lambda s: [s.members(s.ada, version=2)],
        lambda s: [s.members(s.ada, s.grace, version=3)],
    ),
    "the ticket moved to another team": (
        lambda s: [s.transferred(None, to=TeamId(new_id()))],
        lambda s: [s.transferred(None, seq=5)],
    ),
    "a role in the team above": (
        lambda s: [s.members(s.ada, version=2, lineage=())],
        lambda s: [
            s.members(s.grace, team_id=(above := TeamId(new_id())), slug="above"),
            s.members(s.ada, version=3, lineage=(above,)),
        ],
    ),
    "every ticket": (
        lambda s: [s.members(s.ada, version=2), s.agent(s.grace, "Grace Hopper", version=2)],
        lambda s: [s.agent(s.grace, "Grace Hopper", version=3, sees_all_tickets=True)],
    ),
}


@pytest.mark.parametrize("case", LOST)
async def test_the_subject_goes_and_comes_with_sight_of_the_ticket(service: Running, case: str) -> None:
    lose, regain = LOST[case]
    story = TicketEvents(subject="Salary of the director")
    await service.publish(
        *story.people(),
        story.submitted(),
        story.triaged(),
        story.assigned(by=story.ada),
        story.mentioned(story.grace),
    )
    await shows(service, story, subject=True)
    await service.publish(*lose(story))
    await shows(service, story, subject=False)
    await service.publish(*regain(story))
    await shows(service, story, subject=True)


async def test_who_may_only_read_the_team_s_tickets_sees_subjects(service: Running) -> None:
    story = TicketEvents()
    only_ada = story.members(story.ada, story.grace, workers=(story.ada,))
    await service.publish(
        *story.people()[:2], only_ada, story.submitted(), story.triaged(), story.mentioned(story.grace)
    )
    await shows(service, story, subject=True)
