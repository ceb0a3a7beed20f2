"""Tickets in every relation to somebody who works in online-banking, and what a scope makes of routes about them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import update

from services.assignment.models import Ticket
from shared.contracts.vocabulary import Permission
from shared.kit.clock import new_id
from tests.services.assignment.desk import Desk, Json, team_id
from tests.services.assignment.permissions.permission_table import ON_TICKET, DeclaredRoute, call
from tests.services.assignment.permissions.test_permissions import Someone, make

SCOPES = ("all", "teams", "assigned")
PEOPLE: dict[tuple[str, tuple[str, ...]], Someone] = {}
RELATIONS = ("own team", "team below", "other team", "assigned")


async def related(desk: Desk, relation: str, someone: Someone, tickets: dict[str, Json]) -> Json:
    """A ticket that stands in a relation to somebody who works in online-banking."""
    ticket = tickets[relation]
    if relation == "assigned":
        async with desk.database.begin() as session:
            await session.execute(
                update(Ticket).where(Ticket.id == UUID(ticket["id"])).values(assignee_id=UUID(someone.id))
            )
    return ticket


def reaches(scope: str, relation: str) -> bool:
    """The rule in one line, written again here on purpose."""
    return scope == "all" or (scope, relation) in {
        ("teams", "own team"),
        ("teams", "team below"),
        ("assigned", "assigned"),
    }


async def ticket_below(desk: Desk) -> Json:
    """A ticket of a team that is part of the team the agents of these tests work in."""
    ada, name = await desk.agent("ada"), f"below-{new_id().hex[-8:]}"
    sent = {"slug": name, "name": name, "parent_id": str(team_id("online-banking"))}
    team = await ada.post("/v1/teams", sent, expect=201)
    ticket = await desk.ticket("access")
    return await ada.post(f"/v1/tickets/{ticket['id']}/transfer", {"team_id": team["id"]})


async def tickets_to_reach(desk: Desk) -> dict[str, Json]:
    """One each in the own team, in a team that is part of it, in another team, and one there that changes hands."""
    return {
        "own team": await desk.ticket_of("ada"),
        "team below": await ticket_below(desk),
        "other team": await desk.ticket("access"),
        "assigned": await desk.ticket("access"),
    }


async def somebody(desk: Desk, scope: str, permissions: list[str]) -> Someone:
    """An agent who has these permissions, the same each time: the tests here change nothing about them."""
    known = (scope, tuple(permissions))
    if known not in PEOPLE:
        PEOPLE[known] = await make(desk, scope, permissions)
    return PEOPLE[known]


async def reached_as_far_as(
    desk: Desk, tickets: dict[str, Json], scope: str, permission: str, routes: Sequence[DeclaredRoute]
) -> None:
    """Calls routes that need the permission on each ticket: with it, without it, and without the right to see."""
    has_all = await somebody(desk, scope, sorted({"ticket.view", permission}))
    views = [] if permission == "ticket.view" else [await somebody(desk, scope, ["ticket.view"])]
    cannot_see = await somebody(desk, scope, [one.value for one in Permission if one is not Permission.TICKET_VIEW])
    # Asked where the scope reaches: elsewhere it is the scope that answers 404, as it does to the others.
    for relation in RELATIONS:
        within = [cannot_see] if reaches(scope, relation) else []
        for someone in (has_all, *views, *within):
            ticket = await related(desk, relation, someone, tickets)
            sees = reaches(scope, relation) and someone is not cannot_see
            for route in routes:
                answer = await call(desk, someone, route, ticket)
                told = (route, scope, relation, answer.status_code, answer.text[:200])
                if not sees:
                    assert answer.status_code == 404, told
                elif someone is has_all:
                    assert answer.status_code not in {401, 403, 500}, told
                    assert "there is no such ticket" not in answer.text, told
                else:
                    assert answer.status_code == 403, told


def permissions_of(routes: Sequence[DeclaredRoute]) -> list[str]:
    """What routes about a ticket need on it."""
    return sorted({route.needs.removesuffix(ON_TICKET) for route in routes if route.needs.endswith(ON_TICKET)})


def those_with(permission: str, routes: Sequence[DeclaredRoute]) -> list[DeclaredRoute]:
    """The routes that need this permission on the ticket."""
    return [route for route in routes if route.needs == f"{permission}{ON_TICKET}"]
