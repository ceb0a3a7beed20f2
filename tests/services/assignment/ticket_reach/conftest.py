"""Tickets to reach."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.services.assignment.desk import Desk, Json


@pytest.fixture(scope="session")
async def tickets(desk: "Desk") -> dict[str, "Json"]:
    """One in each relation to who asks for it."""
    from tests.services.assignment.related_tickets import tickets_to_reach

    return await tickets_to_reach(desk)
