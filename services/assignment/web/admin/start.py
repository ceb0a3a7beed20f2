"""The administration's first page: what there is to administer."""

from fastapi import Request, Response

from services.assignment.deps import State
from services.assignment.errors import not_permitted
from services.assignment.setup.progress import get_progress
from services.assignment.web.admin.sections import sections_of
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk
from shared.contracts.vocabulary import Permission
from shared.kit.http.routers import HttpRouter

router = HttpRouter(route_class=DeskPageRoute)


@router.get("/admin")
async def show_start(request: Request, desk: TheDesk, context: State, caller: DeskAgent) -> Response:
    """A card per section that the agent may use. Raises Problem 403 for whoever administers nothing."""
    if not sections_of(caller):
        raise not_permitted(Permission.ADMIN_AGENTS)
    async with context.database.begin() as session:
        progress = await get_progress(session)
    return desk.render(
        request, "admin/start.html", caller, is_unfinished=progress is not None and progress.is_under_way
    )
