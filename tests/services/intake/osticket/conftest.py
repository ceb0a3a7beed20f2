"""An old client's way in."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.services.intake.harness import IntakeHarness
    from tests.services.intake.osticket.old_client import OldClient


@pytest.fixture(scope="session")
async def old(intake: "IntakeHarness") -> "OldClient":
    """A client program that was written for osTicket, with its key."""
    from tests.services.intake.osticket.old_installation import brought_along

    return await brought_along(intake)
