"""Request and response models of group mappings and provisioning."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.assignment.schemas.single_sign_on import FIRST
from services.assignment.schemas.tickets import View
from shared.kit.http.inputs import Input, Line


class GroupRoleInput(Input):
    """What a group of the directory stands for."""

    group: Line
    """The group's name, or its id at the directory, in any case."""
    team_id: UUID
    role_id: UUID


class GroupRolesInput(Input):
    """All of them, in the order in which they count."""

    group_roles: Annotated[tuple[GroupRoleInput, ...], Field(max_length=200)]
    version: str | None = None
    """What you were shown; refused when somebody changed it since. Nothing is compared without it."""


class GroupRoleView(View):
    """The role in a team that a group stands for."""

    group: str
    team_id: UUID
    team_name: str
    role_id: UUID
    role: str


class GroupRolesView(View):
    """What the directory's groups stand for; of several for one team, the first counts.

    A team that is named here is kept by groups alone: who is in none of its groups has no role in it.
    """

    provider: int = FIRST
    """The number of the provider whose groups these are; those of the first are SCIM's as well."""
    group_roles: list[GroupRoleView]
    version: str

    @property
    def id(self) -> str:
        """What the audit log calls it."""
        return "group-roles" if self.provider == FIRST else f"group-roles-{self.provider}"

    @property
    def name(self) -> str:
        """What the audit log calls it."""
        return "Roles of directory groups"


class DirectoryUserView(View):
    """A user of the directory, as the audit log shows them."""

    id: UUID
    name: str
    user_name: str
    external_id: str | None
    is_deleted: bool


class DirectoryGroupView(View):
    """A group of the directory, as the audit log shows it: of a change of members, who came and who left."""

    id: UUID
    name: str
    external_id: str | None
    members: int
    added: list[UUID] = Field(default_factory=list)
    removed: list[UUID] = Field(default_factory=list)
