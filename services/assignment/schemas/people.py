"""Sessions, agents, teams and roles: what the API takes and answers."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr, model_validator

from services.assignment.schemas.routing import (
    Absences,
    AbsenceView,
    CalendarSlug,
    Capacity,
    HoldSeconds,
    OfferSeconds,
    OfferView,
    PriorityWeights,
    SkillLevels,
    Skills,
    Weight,
)
from services.assignment.schemas.service_tokens import ServiceTokenView
from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.contracts.vocabulary import Availability, Handover, Permission, Priority, Scope, Strategy
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


class SignInInput(Input):
    """An agent's credentials."""

    email: Annotated[str, Field(min_length=1, max_length=254, examples=["ada@everdesk.example"])]
    password: GivenPassword
    code: Annotated[SecretStr, Field(min_length=1, max_length=64)] | None = None
    """Of the second factor, where the agent has one: what the authenticator app shows now, or a recovery code."""


class PasswordInput(Input):
    """A new password."""

    password: NewPassword


class MembershipView(View):
    """A team the agent belongs to, and as what."""

    team_id: UUID
    team: str
    team_name: str
    role_id: UUID
    role: str
    scope: Scope


ONLY_SHOWN = MembershipView.model_fields.keys() - {"team_id", "role_id"}
"""What a membership is read with and is not changed by."""


class AgentView(View):
    """An agent."""

    id: UUID
    email: str
    name: str
    is_active: bool
    is_available: bool
    """Whether routing may give them tickets: whether `availability` is `online`."""
    availability: Availability = Availability.ONLINE
    out_of_office: list[AbsenceView] = Field(default_factory=list)
    calendar: str | None = None
    """The slug of the calendar in whose hours they get tickets; null: at any hour."""
    skills: list[str]
    skill_levels: dict[str, int] = Field(default_factory=dict)
    """The level of each skill, from 1 to 5."""
    capacity: int | None = None
    """The load routing may give them; null: any."""
    priority_weights: dict[Priority, int] = Field(default_factory=dict)
    """How much of the capacity a ticket of each priority takes, where that is not 1."""
    weight: int = 1
    """Their share of the tickets of teams whose strategy is `weighted`."""
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
    offers: list[OfferView] = Field(default_factory=list)
    """Tickets the agent is asked to take, the one that lapses first in front."""


class MembershipInput(Input):
    """A role in a team. The names that it is shown with may be sent back, and change nothing."""

    team_id: UUID
    role_id: UUID

    @model_validator(mode="before")
    @classmethod
    def _without_names(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        return {name: value for name, value in given.items() if name not in ONLY_SHOWN}


class AgentInput(Input):
    """A new agent."""

    email: Email
    name: Line
    password: NewPassword | None = None
    """Without one the agent cannot sign in yet."""
    invite: bool = True
    """Whether an agent without a password is mailed a link to choose one."""
    is_available: bool = True
    availability: Availability | None = None
    """Says more than `is_available`, which then is left out."""
    out_of_office: Absences = ()
    calendar: CalendarSlug | None = None
    skills: Skills = ()
    skill_levels: SkillLevels = Field(default_factory=dict)
    """Levels of skills; a skill named here need not be in `skills`. One without a level has the lowest, 1."""
    capacity: Capacity | None = None
    priority_weights: PriorityWeights = Field(default_factory=dict)
    weight: Weight = 1
    memberships: Annotated[tuple[MembershipInput, ...], Field(max_length=100)] = ()


class AgentPatch(Input):
    """What to change; `memberships` replaces them all."""

    email: Email | None = None
    name: Line | None = None
    password: NewPassword | None = None
    is_active: bool | None = None
    is_available: bool | None = None
    availability: Availability | None = None
    out_of_office: Absences | None = None
    calendar: CalendarSlug | None = None
    skills: Skills | None = None
    skill_levels: SkillLevels | None = None
    """Replaces all levels; left out, skills that stay keep theirs."""
    capacity: Capacity | None = None
    priority_weights: PriorityWeights | None = None
    weight: Weight | None = None
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
    strategy: Strategy = Strategy.LEAST_LOADED
    """How its tickets are given to agents."""
    offer_seconds: int | None = None
    """How long an agent has for taking an offered ticket; null: tickets are assigned at once."""
    handover: Handover = Handover.TEAM
    """What becomes of tickets that lost their agent: they wait in the `team`, or the next agent is chosen (`route`)."""
    parent_id: UUID | None = None
    """The team that this one is part of: whoever works there with scope `teams` reaches this one's tickets too."""
    policy_id: UUID | None = None
    """The SLA policy of its tickets where no routing rule names one; null: the default policy."""
    calendar: str | None = None
    """The slug of its hours, used where no routing rule names a policy; null: those that the policy names."""
    hold_seconds: int | None = None
    """How long it may hold a ticket, in open time of its hours; null: it has no target of its own."""
    version: int


class TeamInputNew(Input):
    """A new team."""

    slug: Slug
    name: Line
    lead_id: UUID | None = None
    strategy: Strategy = Strategy.LEAST_LOADED
    offer_seconds: OfferSeconds | None = None
    handover: Handover = Handover.TEAM
    parent_id: UUID | None = None
    policy_id: UUID | None = None
    calendar: Slug | None = None
    hold_seconds: HoldSeconds | None = None


class TeamPatch(Input):
    """What to change; `is_fallback: true` takes the mark from the team that had it, `false` only fits one without it.

    An inactive team gets no tickets. Whatever points to it goes to `reassign_to`, which only an unused team can spare.
    """

    slug: Slug | None = None
    name: Line | None = None
    lead_id: UUID | None = None
    strategy: Strategy | None = None
    offer_seconds: OfferSeconds | None = None
    handover: Handover | None = None
    parent_id: UUID | None = None
    policy_id: UUID | None = None
    calendar: Slug | None = None
    hold_seconds: HoldSeconds | None = None
    is_fallback: bool | None = None
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
