"""Request and response models of canned responses."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, JsonValue

from services.assignment.canned_variables import VARIABLES, unknown_variables
from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.kit.http.inputs import Body, Input, Line

EXAMPLE: dict[str, JsonValue] = {
    "title": "We look into it",
    "body": "Hello {{requester.first_name}},\n\nthank you, we look into it.\n\n{{agent.name}}",
    "team_id": None,
}


def _known(body: str) -> str:
    if unknown := unknown_variables(body):
        raise ValueError(f"there is no variable {{{{{unknown[0]}}}}}; use one of {', '.join(VARIABLES)}")
    return body


CannedBody = Annotated[Body, AfterValidator(_known)]
"""Markdown with variables such as `{{requester.name}}`."""


class CannedResponseInput(Input):
    """A new canned response."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    title: Line
    body: CannedBody
    team_id: UUID | None = None
    """Whose tickets it is for, those of the teams below it included. Left out: everybody's."""


class CannedResponsePatch(Input):
    """What to change."""

    title: Line | None = None
    body: CannedBody | None = None
    team_id: UUID | None = None


class CannedResponseView(View):
    """A canned response."""

    id: UUID
    title: str
    body: str
    team_id: UUID | None
    version: int
    updated_at: Instant


class RenderedResponseView(View):
    """A canned response with its variables filled in for one ticket, ready for a reply."""

    id: UUID
    title: str
    body: str
    body_format: Literal["markdown"] = "markdown"
