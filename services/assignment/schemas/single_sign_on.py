"""Request and response models of single sign-on."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.kit.http.inputs import Input, ShortLine
from shared.kit.http.public_addresses import OutgoingRefused, read_url


def _issuer(text: str) -> str:
    if not text:
        return text
    try:
        url = read_url(text)
    except OutgoingRefused as refused:
        raise ValueError(str(refused)) from None
    if url.query or url.fragment:
        raise ValueError("an issuer has no query and no fragment")
    return text


FIRST = 1
Issuer = Annotated[str, StringConstraints(max_length=1000), AfterValidator(_issuer)]
Domains = Annotated[
    str,
    StringConstraints(pattern=r"^([\w-]+(\.[\w-]+)+( +|$))*$", max_length=1000, to_lower=True, strip_whitespace=True),
]
Claim = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{0,120}$")]


ClientId = Annotated[str, StringConstraints(pattern=r"^([\x21-\x7e][\x20-\x7e]{0,254})?$")]
"""Printable ASCII (RFC 6749, appendix A.1)."""


class PasswordUse(StrEnum):
    """What becomes of local passwords."""

    ALLOWED = "allowed"
    """Whoever has one may use it."""
    UNLINKED_ONLY = "unlinked_only"
    """Only agents who have never signed in with the provider may: a way in for when it is away."""


class ProviderFactor(StrEnum):
    """Whether a sign-in at the provider counts as one with a second factor."""

    BY_AMR = "by_amr"
    """When the provider says so (`amr`, RFC 8176)."""
    ALWAYS = "always"
    NEVER = "never"


class SingleSignOnPatch(Input):
    """What to change of a provider's connection."""

    is_enabled: bool | None = None
    name: ShortLine | None = None
    """Of the provider, on the button of the sign-in page."""
    issuer: Issuer | None = None
    """Like `client_id`, empty only while single sign-on is off."""
    client_id: ClientId | None = None
    client_secret: Annotated[SecretStr, Field(max_length=1000)] | None = None
    """An empty one takes it away: then the client is a public one, with PKCE alone."""
    scopes: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e ]{1,255}$")] | None = None
    groups_claim: Claim | None = None
    """The claim that lists a person's groups; empty: roles do not come with the sign-in."""
    creates_agents: bool | None = None
    """Whether somebody unknown becomes an agent, if a group of theirs stands for a role."""
    domains: Domains | None = None
    """Domains of the addresses that the provider vouches for, separated by blanks; empty: all."""
    trusts_addresses: bool | None = None
    """Whether addresses count as verified though the provider does not say so (`email_verified`)."""
    second_factor: ProviderFactor | None = None
    passwords: PasswordUse | None = None


class NewProvider(SingleSignOnPatch):
    """Another provider; it is off until it is switched on."""

    name: ShortLine
    issuer: Issuer
    client_id: ClientId


class SingleSignOnView(View):
    """A provider's connection, without its secret."""

    provider: int = FIRST
    """Its number: 1 is the one that settings may fix, and whose groups are SCIM's as well."""
    is_enabled: bool = False
    name: str = "your organisation"
    issuer: str = ""
    client_id: str = ""
    has_client_secret: bool = False
    scopes: str = "openid profile email"
    groups_claim: str = "groups"
    creates_agents: bool = False
    domains: str = ""
    trusts_addresses: bool = False
    second_factor: ProviderFactor = ProviderFactor.BY_AMR
    passwords: PasswordUse = PasswordUse.ALLOWED
    is_fixed: bool = False
    """Whether issuer, client and secret come from the settings and cannot be changed here."""
    redirect_uri: str = ""
    """To register at the provider."""
    back_channel_uri: str = ""
    """To register at the provider for back-channel logout."""
    version: int = 0

    @property
    def id(self) -> str:
        """What the audit log calls it."""
        return "single-sign-on" if self.provider == FIRST else f"single-sign-on-{self.provider}"


class ConnectionCheck(View):
    """One thing that was looked at."""

    name: str
    outcome: Annotated[str, Field(pattern="^(ok|warning|failed)$")]
    detail: str


class ConnectionReport(View):
    """What a test of the connection found, up to the first thing without which the rest makes no sense."""

    works: bool
    checks: list[ConnectionCheck]


class ProviderLinkView(View):
    """That an agent is a person at the provider."""

    id: UUID
    """The agent's."""
    name: str
    issuer: str
    subject: str
    """What the provider calls them, for ever."""
    linked_at: Instant
    last_used_at: Instant
