"""Which mails a person gets: a page behind a link of their mails, and the one click of mail programs (RFC 8058).

Following the link changes nothing, for programs that check mails follow links too.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from services.intake.access.link_access import link_not_valid
from services.intake.commands.mail_preferences import Wanted, choose_mails, find_wanted, leave, unsubscribe
from services.intake.commands.participants import find_participant
from services.intake.deps import State
from services.intake.web.forms import check, read_form
from services.intake.web.link_deps import Token
from services.intake.web.route import PortalPageRoute
from shared.contracts.vocabulary import ParticipantState
from shared.kit.clock import utc_now
from shared.kit.http.inputs import Input
from shared.kit.mail_preferences import PreferenceLink, recipient_key

ONE_CLICK = ("List-Unsubscribe", "One-Click")
"""What a mail program posts; it has no cookie, and the signed address is proof enough."""
router = APIRouter(prefix="/mail-preferences", route_class=PortalPageRoute, include_in_schema=False)


class PreferenceForm(Input):
    """What was chosen."""

    wanted: Wanted


def chosen_by(token: Token, state: State) -> PreferenceLink:
    """The address that the link is about. Raises Problem 404."""
    link = state.preference_links.read(token)
    if link is None:
        raise link_not_valid()
    return link


Link = Annotated[PreferenceLink, Depends(chosen_by)]


@router.get("/{token}")
async def show(
    request: Request, token: Token, link: Link, state: State, done: Annotated[str, Query(max_length=10)] = ""
) -> Response:
    """The choice, and what is chosen now."""
    async with state.database.begin() as session:
        wanted = await find_wanted(session, link.email)
        participant = await find_participant(session, link.ticket_id, link.email)
    return state.pages.render(
        request,
        "mail_preferences.html",
        token=token,
        email=link.email,
        wanted=wanted,
        takes_part=participant is not None and participant.state is ParticipantState.JOINED,
        done=done,
        page_class="narrow",
    )


@router.post("/{token}")
async def choose(request: Request, token: Token, link: Link, state: State) -> Response:
    """Records the choice, or what a mail program's one click means.

    Clicks are limited by address, not by network: one provider's programs click for all who have their mail there.
    """
    if (await request.form(max_files=0, max_fields=10)).get(ONE_CLICK[0]) == ONE_CLICK[1]:
        await state.form_limiter.check(None, f"one-click:{recipient_key(link.email)}")
        async with state.database.begin() as session:
            await unsubscribe(session, link, utc_now())
        return Response(status_code=200)
    values = await read_form(request, state)
    is_leaving = values.get("do") == "leave"
    async with state.database.begin() as session:
        if is_leaving:
            await leave(session, link, utc_now())
        else:
            await choose_mails(session, link, check(PreferenceForm, values).wanted, utc_now())
    return RedirectResponse(f"/mail-preferences/{token}?done={'left' if is_leaving else 'saved'}", 303)
