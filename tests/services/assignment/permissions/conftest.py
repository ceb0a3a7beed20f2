"""Tickets that stand in every relation to somebody who works in online-banking."""

import pytest

from shared.kit.clock import new_id
from tests.services.assignment.desk import Desk, Json, team_id


async def ticket_below(desk: Desk) -> Json:
    """A ticket of a team that is part of the team the agents of these tests work in."""
    ada, name = await desk.agent("ada"), f"below-{new_id().hex[-8:]}"
    sent = {"slug": name, "name": name, "parent_id": str(team_id("online-banking"))}
    team = await ada.post("/v1/teams", sent, expect=201)
    ticket = await desk.ticket("access")
    return await ada.post(f"/v1/tickets/{ticket['id']}/transfer", {"team_id": team["id"]})


@pytest.fixture(scope="session")
async def tickets(desk: Desk) -> dict[str, Json]:
    """One each in the own team, in a team that is part of it, in another team, and one there that changes hands."""
    return {
        "own team": await desk.ticket_of("ada"),
        "team below": await ticket_below(desk),
        "other team": await desk.ticket("access"),
        "assigned": await desk.ticket("access"),
    }
