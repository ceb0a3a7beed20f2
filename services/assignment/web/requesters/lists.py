"""The list of requesters, with a search."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query, Request, Response

from services.assignment.deps import State
from services.assignment.queries.people.requester_lists import list_requesters
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import holds
from shared.kit.http.paging import Cursor
from shared.kit.http.routers import HttpRouter

PER_PAGE = 50
router = HttpRouter(prefix="/requesters", route_class=DeskPageRoute)


@router.get("")
async def show_requesters(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: DeskAgent,
    q: Annotated[str, Query(max_length=254)] = "",
    cursor: Cursor = None,
) -> Response:
    """People by name; those whom the agent may see."""
    words = q.strip() if q.isprintable() else ""
    async with context.database.begin() as session:
        page = await list_requesters(session, caller, words, PER_PAGE, cursor)
    following = {"q": words, "cursor": page.next_cursor} if page.next_cursor else None
    return desk.render(
        request,
        "requesters/list.html",
        caller,
        people=page.items,
        words=words,
        is_first=cursor is None,
        next_url=f"/requesters?{urlencode(following)}" if following else None,
        may_add=holds(caller.principal, Permission.TICKET_CREATE),
    )
