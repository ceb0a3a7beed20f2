"""Request and response models of organisations."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.contracts.routing import OrganisationDomainName
from shared.kit.http.inputs import Input, Line
from shared.kit.public_mail_domains import is_public


def _not_public(domain: str) -> str:
    if is_public(domain):
        raise PydanticCustomError(
            "public_mail_domain",
            "{given} is a public mail provider's: people with an address there have nothing in common",
            {"given": repr(domain)},
        )
    return domain


Domain = Annotated[OrganisationDomainName, AfterValidator(_not_public)]
Domains = Annotated[tuple[Domain, ...], Field(max_length=200)]
TicketSharing = Literal["nobody", "managers", "members"]


class OrganisationInput(Input):
    """A company or other body whose people write to us."""

    name: Line
    domains: Domains = ()
    """The domains of its people's e-mail addresses; what is below a domain belongs to it too."""
    policy_id: UUID | None = None
    """The SLA policy of its tickets. Left out: as for anybody."""
    ticket_sharing: TicketSharing = "nobody"
    """Who of its people may see and follow all its tickets in the support centre."""


class OrganisationPatch(Input):
    """What to change."""

    name: Line | None = None
    domains: Domains | None = None
    policy_id: UUID | None = None
    ticket_sharing: TicketSharing | None = None


class OrganisationView(View):
    """An organisation."""

    id: UUID
    name: str
    domains: list[str]
    policy_id: UUID | None
    ticket_sharing: TicketSharing
    version: int
    created_at: Instant
