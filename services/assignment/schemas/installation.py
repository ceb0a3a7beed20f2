"""Request and response models of the installation."""

from typing import Literal

from pydantic import ConfigDict

from services.assignment.schemas.tickets import View
from shared.kit.http.inputs import Input, Line


class InstallationPatch(Input):
    """What to change of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"organisation": "Bank"}]})

    organisation: Line | Literal[""] | None = None
    """An empty name takes it away."""


class InstallationView(View):
    """What everybody is shown of this installation."""

    organisation: str = ""
    """The organisation's name, in the head of the desk's and the support centre's pages and in mails."""
    version: int = 0
