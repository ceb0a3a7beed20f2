"""The account page: sessions, second factors and password."""

from typing import Annotated
from uuid import UUID

from fastapi import Form, Request, Response
from pydantic import SecretStr, ValidationError

from services.assignment.access.own_password import change_own_password
from services.assignment.access.passkeys import list_passkeys
from services.assignment.access.revocation import revoke_session
from services.assignment.access.second_factors import find_factors, is_second_factor_required
from services.assignment.access.sessions import list_sessions, session_info, sign_out_everywhere
from services.assignment.app_state import AppState
from services.assignment.deps import State
from services.assignment.models import Agent
from services.assignment.queries.access.callers import Caller
from services.assignment.schemas.people import PasswordInput
from services.assignment.web.browsers import browser_of
from services.assignment.web.forms import errors_of
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, DeskPages, TheDesk
from services.assignment.web.refusal_texts import refusal_text
from services.assignment.web.session_proofs import PROOFS
from services.assignment.web.sign_in import desk_visit
from shared.kit.http.form_tokens import check_form_token
from shared.kit.http.problems import Problem
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext

PATH = "/account"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)
Token = Annotated[str, Form()]


@router.get("")
async def show_account(request: Request, desk: TheDesk, context: State, caller: DeskAgent) -> Response:
    """Renders the account page."""
    return await _page(request, desk, context, caller)


@router.post("/sessions/others/end")
async def post_end_others(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, csrf_token: Token = ""
) -> Response:
    """Ends every session except the current one."""
    check_form_token(request, csrf_token)
    await sign_out_everywhere(context, caller.agent_id, but=caller.session_digest)
    return desk.redirect(PATH, ("success", gettext("All your other sessions have ended.")))


@router.post("/sessions/{session_id}/end")
async def post_end_session(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, session_id: UUID, csrf_token: Token = ""
) -> Response:
    """Ends one session of one's own."""
    check_form_token(request, csrf_token)
    try:
        await revoke_session(context, caller, session_id, is_own=True)
    except Problem:
        return desk.redirect(PATH, ("info", gettext("That session was over already.")))
    return desk.redirect(PATH, ("success", gettext("The session has ended.")))


@router.post("/password")
async def post_password(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: DeskAgent,
    current: Annotated[SecretStr, Form(max_length=1024)] = SecretStr(""),
    password: Annotated[SecretStr, Form(max_length=1024)] = SecretStr(""),
    csrf_token: Token = "",
) -> Response:
    """Sets a new password: ends all sessions and opens a new one for this browser."""
    check_form_token(request, csrf_token)
    try:
        new = PasswordInput(password=password).password.get_secret_value()
        visit = desk_visit(request, desk, context.settings)
        signed_in = await change_own_password(context, caller, current.get_secret_value(), new, visit)
    except ValidationError as error:
        return await _page(request, desk, context, caller, {"password": errors_of(error)[0][1]})
    except Problem as problem:
        field = "current" if problem.code in {"wrong_credentials", "locked_out"} else "password"
        return await _page(request, desk, context, caller, {field: refusal_text(problem.detail)}, problem.status)
    response = desk.redirect(
        PATH, ("success", gettext("Your password is changed, and your other sessions have ended."))
    )
    desk.open_session(response, signed_in)
    return response


async def _page(
    request: Request,
    desk: DeskPages,
    context: AppState,
    caller: Caller,
    errors: dict[str, str] | None = None,
    status: int = 422,
) -> Response:
    async with context.database.begin() as session:
        agent = await session.get_one(Agent, caller.agent_id)
        sessions = await list_sessions(session, caller.agent_id, context.settings.session_idle)
        factors = await find_factors(session, caller.agent_id)
        passkeys = await list_passkeys(session, caller.agent_id)
        is_required = await is_second_factor_required(session, caller.agent_id)
    return desk.render(
        request,
        "account/account.html",
        caller,
        status if errors else 200,
        agent=agent,
        sessions=[(session_info(one, caller.session_digest), browser_of(one.user_agent)) for one in sessions],
        factors=factors,
        passkeys=passkeys,
        proofs=PROOFS,
        is_required=is_required,
        errors=errors or {},
    )
