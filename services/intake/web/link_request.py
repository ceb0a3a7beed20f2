"""Looking up a request: by mail, so that only its requester gets to see it."""

from fastapi import APIRouter, Request, Response

from services.intake.app_state import AppState
from services.intake.commands.request_access_link import request_access_link
from services.intake.deps import State
from services.intake.web.forms import TRAP, FormNotValid, LinkRequest, Values, check, form_id_of, key_of, read_form
from services.intake.web.route import PortalPageRoute
from shared.kit.clock import utc_now
from shared.kit.http.idempotency import idempotent_transaction

router = APIRouter(route_class=PortalPageRoute, include_in_schema=False)


@router.get("/tickets/status")
async def blank_form(request: Request, state: State) -> Response:
    """Address and number, please."""
    return _form(request, state, {}, {}, 200)


@router.post("/tickets/status")
async def send_form(request: Request, state: State) -> Response:
    """The same answer whether the two belong together or not: nobody can find out who has asked for help."""
    values = await read_form(request, state)
    try:
        wanted = check(LinkRequest, values)
    except FormNotValid as wrong:
        return _form(request, state, values, wrong.errors, 422)
    if not values.get(TRAP):
        await _announce_request(state, wanted, key_of(values, wanted))
    return state.pages.render(request, "link_sent.html", email=wanted.email, page_class="narrow")


async def _announce_request(state: AppState, wanted: LinkRequest, key: str) -> None:
    """Commits in either case that a link was asked for, so that the right ones take no longer."""
    async with idempotent_transaction(state.database, "portal:status", key, b"") as guarded:
        if not guarded.stored:
            await request_access_link(guarded.session, wanted.email, wanted.number, utc_now())
            await guarded.store(b"")


def _form(request: Request, state: AppState, values: Values, errors: Values, status: int) -> Response:
    shown = {"values": values, "errors": errors, "form_id": form_id_of(values)}
    return state.pages.render(request, "status.html", status, **shown, page_class="narrow")
