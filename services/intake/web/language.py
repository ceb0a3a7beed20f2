"""The language switch of the portal: remembers the reader's choice in a cookie."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from services.intake.deps import State
from services.intake.web.route import PortalPageRoute
from shared.kit.http.form_tokens import check_form_token
from shared.kit.http.language_choice import COOKIE, COOKIE_SECONDS, place_before

router = APIRouter(route_class=PortalPageRoute, include_in_schema=False)


@router.post("/language")
async def choose_language(request: Request, state: State) -> Response:
    """Shows the page again, and all later ones, in the chosen language; an unknown one changes nothing."""
    form = await request.form(max_files=0, max_fields=10)
    check_form_token(request, str(form.get("csrf_token", "")))
    response = RedirectResponse(place_before(request), 303)
    chosen = state.languages.offered.find(str(form.get("language", ""))[:35])
    if chosen is not None:
        state.pages.set_cookie(response, COOKIE, chosen.tag, COOKIE_SECONDS)
    return response
