"""The sections of the administration area, and the permission that each one asks for."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from services.assignment.errors import not_permitted
from services.assignment.queries.callers import Caller
from services.assignment.web.page_base import DeskAgent
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import holds


@dataclass(frozen=True, slots=True)
class Section:
    """One entry of the administrator's navigation."""

    path: str
    name: str
    text: str
    """What can be done there, in one line."""
    permission: Permission


SECTIONS = (
    Section(
        "/admin/agents",
        "Agents",
        "Who works here, in which teams and with which role. Add people, deactivate those who left.",
        Permission.ADMIN_AGENTS,
    ),
    Section(
        "/admin/teams",
        "Teams",
        "Groups that tickets go to, their leads, and the team for whatever no rule matches.",
        Permission.ADMIN_TEAMS,
    ),
    Section(
        "/admin/roles",
        "Roles",
        "What agents may see and do, and how far it reaches: all tickets, their teams', or their own.",
        Permission.ADMIN_AGENTS,
    ),
    Section(
        "/admin/sla-policies",
        "SLA policies",
        "Targets per priority, warnings, escalations, reminders and automatic closing.",
        Permission.ADMIN_SLA,
    ),
    Section(
        "/admin/calendars",
        "Calendars",
        "Business hours and holidays, in which SLA time counts.",
        Permission.ADMIN_SLA,
    ),
    Section(
        "/admin/routing-rules",
        "Routing rules",
        "Which team, policy and priority a new ticket gets.",
        Permission.ADMIN_ROUTING,
    ),
    Section(
        "/admin/service-tokens",
        "Service tokens",
        "What programs may do without a person, since when and until when. Revoke what is not used.",
        Permission.ADMIN_AGENTS,
    ),
    Section(
        "/admin/audit-log",
        "Audit log",
        "Who changed what, when and from where, with the values before and after.",
        Permission.ADMIN_AGENTS,
    ),
)


def sections_of(caller: Caller | None) -> tuple[Section, ...]:
    """The sections an agent may use: none for whoever administers nothing."""
    return tuple(section for section in SECTIONS if caller and holds(caller.principal, section.permission))


class AllowedAgent:
    """A dependency of pages: the signed-in agent, if they hold a permission anywhere."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    async def __call__(self, caller: DeskAgent) -> Caller:
        """Raises NotSignedIn, and Problem 403 without the permission."""
        if not holds(caller.principal, self.permission):
            raise not_permitted(self.permission)
        return caller


AgentsPageCaller = Annotated[Caller, Depends(AllowedAgent(Permission.ADMIN_AGENTS))]
TeamsPageCaller = Annotated[Caller, Depends(AllowedAgent(Permission.ADMIN_TEAMS))]
SlaPageCaller = Annotated[Caller, Depends(AllowedAgent(Permission.ADMIN_SLA))]
RoutingPageCaller = Annotated[Caller, Depends(AllowedAgent(Permission.ADMIN_ROUTING))]
