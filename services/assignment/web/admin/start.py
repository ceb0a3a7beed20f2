"""The administration's first page: what there is to administer."""

from fastapi import APIRouter, Request, Response

from services.assignment.errors import not_permitted
from services.assignment.web.admin.sections import sections_of
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk
from shared.contracts.vocabulary import Permission

router = APIRouter(route_class=DeskPageRoute)


@router.get("/admin")
async def show_start(request: Request, desk: TheDesk, caller: DeskAgent) -> Response:
    """A card per section that the agent may use. Raises Problem 403 for whoever administers nothing."""
    if not sections_of(caller):
        raise not_permitted(Permission.ADMIN_AGENTS)
    return desk.render(request, "admin/start.html", caller)
