"""The sections of the administration area, and the permission that each one asks for."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from services.assignment.errors import not_permitted
from services.assignment.queries.access.callers import Caller
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
    group: str = "System"
    """The heading that it stands under."""


SECTIONS: tuple[Section, ...] = (
    Section(
        "/admin/agents",
        "Agents",
        "Who works here, in which teams and with which role. Add people, deactivate those who left.",
        Permission.ADMIN_AGENTS,
        "People",
    ),
    Section(
        "/admin/teams",
        "Teams",
        "Groups that tickets go to, their leads, and the team for whatever no rule matches.",
        Permission.ADMIN_TEAMS,
        "People",
    ),
    Section(
        "/admin/roles",
        "Roles",
        "What agents may see and do, and how far it reaches: all tickets, their teams', or their own.",
        Permission.ADMIN_AGENTS,
        "People",
    ),
    Section(
        "/admin/sla-policies",
        "SLA policies",
        "Targets per priority, warnings, escalations, reminders and automatic closing.",
        Permission.ADMIN_SLA,
        "Time",
    ),
    Section(
        "/admin/calendars",
        "Calendars",
        "Business hours and holidays, in which SLA time counts.",
        Permission.ADMIN_SLA,
        "Time",
    ),
    Section(
        "/admin/topics",
        "Topics",
        "What requests can be about, and the questions that each form asks.",
        Permission.ADMIN_INTAKE,
        "Tickets",
    ),
    Section(
        "/admin/organisations",
        "Organisations",
        "Companies whose people write to us, by domain, and the SLA policy of their tickets.",
        Permission.ADMIN_SLA,
    ),
    Section(
        "/admin/routing-rules",
        "Routing rules",
        "Which team, policy and priority a new ticket gets.",
        Permission.ADMIN_ROUTING,
        "Tickets",
    ),
    Section(
        "/admin/single-sign-on",
        "Single sign-on",
        "Let agents in with your organisation's identity provider, and say what its groups stand for.",
        Permission.ADMIN_AGENTS,
    ),
    Section(
        "/admin/service-tokens",
        "Service tokens",
        "What programs may do without a person, since when and until when. Revoke what is not used.",
        Permission.ADMIN_AGENTS,
    ),
    Section(
        "/admin/canned-responses",
        "Canned responses",
        "Texts that agents begin a reply with, for everybody or for a team.",
        Permission.ADMIN_CANNED,
        "Tickets",
    ),
    Section(
        "/admin/announcements",
        "Announcements",
        "What everybody should know before they ask, on the support centre's first page.",
        Permission.ADMIN_INTAKE,
        "Tickets",
    ),
    Section(
        "/admin/bans",
        "Bans",
        "Addresses, domains and networks that may not write to us.",
        Permission.ADMIN_INTAKE,
    ),
    Section(
        "/admin/api-keys",
        "API keys",
        "Keys of the client programs that submit tickets.",
        Permission.ADMIN_INTAKE,
    ),
    Section(
        "/admin/notification",
        "Notification",
        "Outgoing mail, notification types, and failed mails.",
        Permission.ADMIN_NOTIFICATION,
    ),
    Section(
        "/admin/webhooks",
        "Webhooks",
        "Programs that are told of events, and tokens of programs that read them.",
        Permission.ADMIN_NOTIFICATION,
    ),
    Section(
        "/admin/audit",
        "Audit log",
        "Who changed what, when and from where, with the values before and after.",
        Permission.ADMIN_AGENTS,
    ),
)


GROUPS = ("People", "Tickets", "Time", "System")
"""The headings of the navigation, in order."""


def groups_of(caller: Caller | None) -> list[tuple[str, list[Section]]]:
    """The sections an agent may use, under their headings; a heading without any is left out."""
    allowed = sections_of(caller)
    grouped = [(name, [one for one in allowed if one.group == name]) for name in GROUPS]
    return [(name, sections) for name, sections in grouped if sections]


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
NotificationPageCaller = Annotated[Caller, Depends(AllowedAgent(Permission.ADMIN_NOTIFICATION))]
IntakePageCaller = Annotated[Caller, Depends(AllowedAgent(Permission.ADMIN_INTAKE))]
CannedPageCaller = Annotated[Caller, Depends(AllowedAgent(Permission.ADMIN_CANNED))]
RoutingPageCaller = Annotated[Caller, Depends(AllowedAgent(Permission.ADMIN_ROUTING))]
