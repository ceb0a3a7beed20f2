"""The sections of the administration area, and the permission that each one asks for."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from services.assignment.errors import not_permitted
from services.assignment.queries.access.callers import Caller
from services.assignment.web.page_base import DeskAgent
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import holds
from shared.kit.i18n.messages import marked as _


@dataclass(frozen=True, slots=True)
class Section:
    """One entry of the administrator's navigation."""

    path: str
    name: str
    text: str
    """What can be done there, in one line."""
    permission: Permission
    group: str = _("System")
    """The heading that it stands under."""


SECTIONS: tuple[Section, ...] = (
    Section(
        "/admin/agents",
        _("Agents"),
        _("Who works here, in which teams and with which role. Add people, deactivate those who left."),
        Permission.ADMIN_AGENTS,
        _("People"),
    ),
    Section(
        "/admin/teams",
        _("Teams"),
        _("Groups that tickets go to, their leads, and the team for whatever no rule matches."),
        Permission.ADMIN_TEAMS,
        _("People"),
    ),
    Section(
        "/admin/roles",
        _("Roles"),
        _("What agents may see and do, and how far it reaches: all tickets, their teams', or their own."),
        Permission.ADMIN_AGENTS,
        _("People"),
    ),
    Section(
        "/admin/sla-policies",
        _("SLA policies"),
        _("Targets per priority, warnings, escalations, reminders and automatic closing."),
        Permission.ADMIN_SLA,
        _("Time"),
    ),
    Section(
        "/admin/calendars",
        _("Calendars"),
        _("Business hours and holidays, in which SLA time counts."),
        Permission.ADMIN_SLA,
        _("Time"),
    ),
    Section(
        "/admin/topics",
        _("Topics"),
        _("What requests can be about, and the questions that each form asks."),
        Permission.ADMIN_INTAKE,
        _("Tickets"),
    ),
    Section(
        "/admin/organisations",
        _("Organisations"),
        _("Companies whose people write to us, by domain, and the SLA policy of their tickets."),
        Permission.ADMIN_SLA,
    ),
    Section(
        "/admin/routing-rules",
        _("Routing rules"),
        _("Which team, policy and priority a new ticket gets."),
        Permission.ADMIN_ROUTING,
        _("Tickets"),
    ),
    Section(
        "/admin/installation",
        _("Organisation name"),
        _("What stands in the head of the pages and as the sender of mails."),
        Permission.ADMIN_AGENTS,
    ),
    Section(
        "/admin/single-sign-on",
        _("Single sign-on"),
        _("Let agents in with your organisation's identity provider, and say what its groups stand for."),
        Permission.ADMIN_AGENTS,
    ),
    Section(
        "/admin/service-tokens",
        _("Service tokens"),
        _("What programs may do without a person, since when and until when. Revoke what is not used."),
        Permission.ADMIN_AGENTS,
    ),
    Section(
        "/admin/canned-responses",
        _("Canned responses"),
        _("Texts that agents begin a reply with, for everybody or for a team."),
        Permission.ADMIN_CANNED,
        _("Tickets"),
    ),
    Section(
        "/admin/announcements",
        _("Announcements"),
        _("What everybody should know before they ask, on the support centre's first page."),
        Permission.ADMIN_INTAKE,
        _("Tickets"),
    ),
    Section(
        "/admin/bans",
        _("Bans"),
        _("Addresses, domains and networks that may not write to us."),
        Permission.ADMIN_INTAKE,
    ),
    Section(
        "/admin/api-keys",
        _("API keys"),
        _("Keys of the client programs that submit tickets."),
        Permission.ADMIN_INTAKE,
    ),
    Section(
        "/admin/notification",
        _("Notification"),
        _("Outgoing mail, notification types, and failed mails."),
        Permission.ADMIN_NOTIFICATION,
    ),
    Section(
        "/admin/webhooks",
        _("Webhooks"),
        _("Programs that are told of events, and tokens of programs that read them."),
        Permission.ADMIN_NOTIFICATION,
    ),
    Section(
        "/admin/audit",
        _("Audit log"),
        _("Who changed what, when and from where, with the values before and after."),
        Permission.ADMIN_AGENTS,
    ),
)


GROUPS = (_("People"), _("Tickets"), _("Time"), _("System"))
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
