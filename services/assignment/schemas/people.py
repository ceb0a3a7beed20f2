"""Sessions, agents, teams and roles: what the API takes and answers."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from services.assignment.schemas.service_tokens import ServiceTokenView
from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.contracts.vocabulary import Permission, Scope
from shared.kit.auth import PASSWORD_LENGTH
from shared.kit.http.inputs import Email, Input, Line, Slug


def _encodable(secret: SecretStr) -> SecretStr:
    try:
        secret.get_secret_value().encode()
    except UnicodeEncodeError:
        raise ValueError("must not contain unpaired surrogates") from None
    return secret


GivenPassword = Annotated[SecretStr, Field(min_length=1, max_length=1024)]
"""A password to be tried; whatever it is, it either fits or does not."""

NewPassword = Annotated[
    SecretStr, Field(min_length=PASSWORD_LENGTH[0], max_length=PASSWORD_LENGTH[1]), AfterValidator(_encodable)
]
Skill = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Skills = Annotated[tuple[Skill, ...], Field(max_length=50)]


class SignInInput(Input):
    """An agent's credentials."""

    email: Annotated[str, Field(min_length=1, max_length=254, examples=["ada@everdesk.example"])]
    password: GivenPassword


class MembershipView(View):
    """A team the agent belongs to, and as what."""

    team_id: UUID
    team: str
    team_name: str
    role_id: UUID
    role: str
    scope: Scope


class AgentView(View):
    """An agent."""

    id: UUID
    email: str
    name: str
    is_active: bool
    is_available: bool
    """Whether routing may give them tickets."""
    skills: list[str]
    memberships: list[MembershipView]
    version: int


class SessionView(View):
    """A new session; the token is told once."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the kind of token, not one
    expires_at: Instant
    agent: AgentView


class MeView(View):
    """The signed-in agent, or the program that asks."""

    agent: AgentView | None
    """Null where a program asks."""
    program: ServiceTokenView | None = None
    memberships: list[MembershipView]
    permissions: list[Permission]
    """Everything any of the memberships grants; what counts on a ticket is told with the ticket."""


class MembershipInput(Input):
    """A role in a team."""

    team_id: UUID
    role_id: UUID


class AgentInput(Input):
    """A new agent."""

    email: Email
    name: Line
    password: NewPassword | None = None
    """Without one the agent cannot sign in yet."""
    is_available: bool = True
    skills: Skills = ()
    memberships: Annotated[tuple[MembershipInput, ...], Field(max_length=100)] = ()


class AgentPatch(Input):
    """What to change; `memberships` replaces them all."""

    email: Email | None = None
    name: Line | None = None
    password: NewPassword | None = None
    is_active: bool | None = None
    is_available: bool | None = None
    skills: Skills | None = None
    memberships: Annotated[tuple[MembershipInput, ...], Field(max_length=100)] | None = None


class TeamView(View):
    """A team."""

    id: UUID
    slug: str
    name: str
    lead_id: UUID | None
    is_fallback: bool
    """Whether tickets go here that no rule matches."""
    is_active: bool = True
    successor_id: UUID | None = None
    """Of an inactive team: who has its tickets."""
    version: int


class TeamInputNew(Input):
    """A new team."""

    slug: Slug
    name: Line
    lead_id: UUID | None = None


class TeamPatch(Input):
    """What to change; `is_fallback: true` takes the mark from the team that had it.

    An inactive team gets no tickets. Whatever points to it goes to `reassign_to`, which only an unused team can spare.
    """

    slug: Slug | None = None
    name: Line | None = None
    lead_id: UUID | None = None
    is_fallback: Literal[True] | None = None
    is_active: bool | None = None
    reassign_to: UUID | None = None
    """Who has its open tickets, its routing rules and its places in escalations from now on."""


class RoleView(View):
    """A role."""

    id: UUID
    name: str
    scope: Scope
    permissions: list[Permission]
    requires_second_factor: bool
    """Whether whoever has it must sign in with more than a password."""
    version: int


class RoleInput(Input):
    """A new role."""

    name: Line
    scope: Scope
    permissions: Annotated[frozenset[Permission], Field(max_length=100)]
    requires_second_factor: bool = False
    """Whoever has the role and no second factor has to set one up before they can do anything else."""


class RolePatch(Input):
    """What to change."""

    name: Line | None = None
    scope: Scope | None = None
    permissions: Annotated[frozenset[Permission], Field(max_length=100)] | None = None
    requires_second_factor: bool | None = None
