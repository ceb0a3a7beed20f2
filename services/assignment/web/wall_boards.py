"""Pages of wall boards: the list of their links, and the board itself, which needs no log-in."""

from typing import Annotated
from uuid import UUID

from fastapi import Form, Request, Response

from services.assignment.deps import State
from services.assignment.errors import not_permitted
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.people import list_teams
from services.assignment.reporting.wall_boards import create_board, list_boards, revoke_board, show_board
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import holds
from shared.kit.http.form_tokens import check_form_token
from shared.kit.http.problems import not_found
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext

router = HttpRouter(route_class=DeskPageRoute)
PATH = "/reports/boards"
REFRESH_SECONDS = 30
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}


@router.get(PATH)
async def show_boards(request: Request, desk: TheDesk, context: State, caller: DeskAgent) -> Response:
    """The boards that work, and a form for another."""
    return await _list(request, desk, context, caller)


@router.post(PATH)
async def post_board(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: DeskAgent,
    name: Annotated[str, Form(max_length=100)] = "",
    team: Annotated[str, Form(max_length=64)] = "",
    csrf_token: Annotated[str, Form()] = "",
) -> Response:
    """Makes a board, and shows its link this once."""
    check_form_token(request, csrf_token)
    _check(caller)
    name = " ".join(name.split())
    if not name or not name.isprintable():
        return await _list(request, desk, context, caller, error=gettext("Give the board a name"))
    board, token = await create_board(context, caller, name, team)
    link = f"{context.settings.desk_url.rstrip('/')}/board/{token}"
    return await _list(request, desk, context, caller, made=board.name, link=link)


@router.post(PATH + "/{board_id}/revoke")
async def post_revoke_board(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: DeskAgent,
    board_id: UUID,
    csrf_token: Annotated[str, Form()] = "",
) -> Response:
    """Ends a board's link."""
    check_form_token(request, csrf_token)
    _check(caller)
    name = await revoke_board(context, caller, board_id)
    return desk.redirect(PATH, ("success", gettext("The link of %(name)s was revoked.", name=name)))


@router.get("/board/{token}")
async def show_wall_board(request: Request, desk: TheDesk, context: State, token: str) -> Response:
    """The board of a link: large figures, read anew every half minute. Raises Problem 404."""
    if len(token) > 128:
        raise not_found("wall board")
    async with context.database.begin() as session:
        board = await show_board(session, token, context.settings.time_zone)
    page = desk.pages.render(request, "reports/board.html", 200, caller=None, board=board, refresh=REFRESH_SECONDS)
    page.headers.update(PRIVATE)
    return page


async def _list(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: Caller,
    error: str = "",
    made: str = "",
    link: str = "",
) -> Response:
    _check(caller)
    async with context.database.begin() as session:
        boards = await list_boards(session, caller)
        teams = [(one.slug, one.name) for one in await list_teams(session)]
    status = 400 if error else 200
    page = desk.render(
        request, "reports/boards.html", caller, status, boards=boards, teams=teams, error=error, made=made, link=link
    )
    page.headers["Cache-Control"] = "no-store"
    return page


def _check(caller: Caller) -> None:
    if not holds(caller.principal, Permission.REPORT_VIEW):
        raise not_permitted(Permission.REPORT_VIEW)
