"""An organisation's page for agents: its people, their tickets, its SLA policy and who speaks for it."""

from urllib.parse import urlencode
from uuid import UUID

from fastapi import Request, Response

from services.assignment.deps import State
from services.assignment.queries.administration.configuration import list_policies
from services.assignment.queries.people.organisation_members import list_members, list_organisation_tickets
from services.assignment.queries.people.organisations import get_organisation
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import holds
from shared.kit.http.paging import Cursor
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

PER_PAGE = 25
SHARING = {
    "nobody": _("With nobody"),
    "managers": _("With its managers"),
    "members": _("With all its people"),
}
router = HttpRouter(prefix="/organisations", route_class=DeskPageRoute)


@router.get("/{organisation_id}")
async def show_organisation(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: DeskAgent,
    organisation_id: UUID,
    people: Cursor = None,
    tickets: Cursor = None,
) -> Response:
    """The page. Raises Problem 404."""
    async with context.database.begin() as session:
        organisation = await get_organisation(session, organisation_id)
        members = await list_members(session, caller, organisation_id, PER_PAGE, people)
        sent = await list_organisation_tickets(session, caller, organisation_id, PER_PAGE, tickets)
        policies = {policy.id: policy.name for policy in await list_policies(session)}
    url = f"/organisations/{organisation_id}"
    return desk.render(
        request,
        "requesters/organisation.html",
        caller,
        organisation=organisation,
        members=members.items,
        more_members=f"{url}?{urlencode({'people': members.next_cursor})}" if members.next_cursor else None,
        tickets=sent.items,
        more_tickets=f"{url}?{urlencode({'tickets': sent.next_cursor})}#tickets" if sent.next_cursor else None,
        is_first=people is None and tickets is None,
        policy=policies.get(organisation.policy_id, gettext("As for anybody"))
        if organisation.policy_id
        else gettext("As for anybody"),
        sharing=gettext(SHARING[organisation.ticket_sharing]),
        may_administer=holds(caller.principal, Permission.ADMIN_SLA),
    )
