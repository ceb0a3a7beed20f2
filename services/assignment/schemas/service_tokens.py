"""Request and response models of service tokens."""

from datetime import datetime
from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.contracts.vocabulary import Permission
from shared.kit.clock import utc_now
from shared.kit.http.inputs import Input, ShortLine, WrittenInstant

EXAMPLE: dict[str, Any] = {
    "id": "0197b3a1-7c1e-7a51-9d43-0f6f4b9f9a21",
    "name": "Monitoring bridge",
    "prefix": "hds_1f0c9a3be2d47a55",
    "permissions": ["ticket.view", "ticket.note"],
    "cidrs": ["198.51.100.0/24"],
    "state": "active",
    "owner_id": "0197b3a1-7c1e-7a51-9d43-0f6f4b9f9a11",
    "owner_name": "Ada Lindqvist",
    "created_at": "2026-11-24T09:00:00Z",
    "expires_at": "2027-11-24T09:00:00Z",
    "last_used_at": None,
}


def _network(text: str) -> str:
    try:
        return str(ip_network(text.strip()))
    except ValueError:
        raise ValueError("use an address or a network, like 198.51.100.0/24") from None


def _ahead(at: datetime) -> datetime:
    if at <= utc_now():
        raise ValueError("must lie in the future")
    return at


class ServiceTokenState(StrEnum):
    """Whether a token works, and if not, why."""

    ACTIVE = "active"
    EXPIRED = "expired"
    OWNER_INACTIVE = "owner_inactive"
    REVOKED = "revoked"


class ServiceTokenInput(Input):
    """A new token of a program."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{name: EXAMPLE[name] for name in ("name", "permissions", "expires_at")}]}
    )

    name: ShortLine
    """Which program will use it."""
    permissions: Annotated[frozenset[Permission], Field(min_length=1, max_length=100)]
    """What it may do: a part of what you may, and never more than that, now or later."""
    expires_at: Annotated[WrittenInstant, AfterValidator(_ahead)] | None = None
    """When it stops working; never, if not said."""
    cidrs: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=64), AfterValidator(_network)], ...], Field(max_length=50)
    ] = ()
    """Addresses and networks it may be used from; any, if empty."""


class ServiceTokenView(View):
    """A token without its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: UUID
    name: str
    prefix: str
    """How the token begins: enough to recognise one that was found, and nothing to use."""
    permissions: list[Permission]
    cidrs: list[str]
    state: ServiceTokenState
    owner_id: UUID
    owner_name: str
    """Whose rights it has a part of. It stops working when its owner is deactivated."""
    created_at: Instant
    expires_at: Instant | None
    last_used_at: Instant | None
    """As exact as a minute."""


class CreatedServiceToken(ServiceTokenView):
    """A token with its secret."""

    token: str | None = None
    """Shown in the first answer only; send it as `Authorization: Bearer`."""
