"""Request and response models of organisations."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.contracts.routing import OrganisationDomainName
from shared.kit.http.inputs import Input, Line

Domains = Annotated[tuple[OrganisationDomainName, ...], Field(max_length=200)]


class OrganisationInput(Input):
    """A company or other body whose people write to us."""

    name: Line
    domains: Domains = ()
    """The domains of its people's e-mail addresses; what is below a domain belongs to it too."""
    policy_id: UUID | None = None
    """The SLA policy of its tickets. Left out: as for anybody."""


class OrganisationPatch(Input):
    """What to change."""

    name: Line | None = None
    domains: Domains | None = None
    policy_id: UUID | None = None


class OrganisationView(View):
    """An organisation."""

    id: UUID
    name: str
    domains: list[str]
    policy_id: UUID | None
    version: int
    created_at: Instant
