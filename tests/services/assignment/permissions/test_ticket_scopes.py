"""Every route about a ticket with every scope on every kind of ticket, as docs/permissions.md declares it."""

from uuid import UUID

import pytest
from sqlalchemy import update

from services.assignment.models import Ticket
from shared.contracts.vocabulary import Permission
from tests.services.assignment.desk import Desk, Json
from tests.services.assignment.permissions.permission_table import ON_TICKET, ROUTES, call
from tests.services.assignment.permissions.test_permissions import Someone, make

SCOPES = ("all", "teams", "assigned")
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


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize(
    "permission", sorted({route.needs.removesuffix(ON_TICKET) for route in ROUTES if route.needs.endswith(ON_TICKET)})
)
async def test_a_ticket_is_reached_as_far_as_the_scope_goes(
    desk: Desk, tickets: dict[str, Json], scope: str, permission: str
) -> None:
    routes = [route for route in ROUTES if route.needs == f"{permission}{ON_TICKET}"]
    has_all = await make(desk, scope, sorted({"ticket.view", permission}))
    views = [] if permission == "ticket.view" else [await make(desk, scope, ["ticket.view"])]
    cannot_see = await make(desk, scope, [one.value for one in Permission if one is not Permission.TICKET_VIEW])
    for relation in RELATIONS:
        for someone in (has_all, *views, cannot_see):
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
