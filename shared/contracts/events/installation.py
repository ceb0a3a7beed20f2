"""What assignment announces about the installation itself."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.contracts.events.base import Event

INSTALLATION = UUID("d3b81940-920e-51cc-972e-79b31731bb89")
"""There is one installation: its changes have no other id."""


class InstallationChanged(Event, name="installation.changed"):
    """What everybody is shown of this installation."""

    produced_by = "assignment"

    organisation: Annotated[str, Field(max_length=255)] = ""
    """The name of whoever runs the help desk; empty while it has none."""
    version: int

    @property
    def entity_id(self) -> UUID:
        return INSTALLATION
