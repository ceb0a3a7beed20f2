"""Every route of the API about a ticket with every scope on every kind of ticket, as docs/permissions.md says."""

import pytest

from tests.services.assignment.desk import Desk, Json
from tests.services.assignment.permissions.permission_table import ROUTES
from tests.services.assignment.related_tickets import SCOPES, permissions_of, reached_as_far_as, those_with

OF_THE_API = [route for route in ROUTES if not route.is_page]


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("permission", permissions_of(OF_THE_API))
async def test_a_ticket_is_reached_as_far_as_the_scope_goes(
    desk: Desk, tickets: dict[str, Json], scope: str, permission: str
) -> None:
    await reached_as_far_as(desk, tickets, scope, permission, those_with(permission, OF_THE_API))
