"""Rating a resolution: by the links of the mail, and on the ticket's page.

Following a link records nothing, for programs that check mails follow links too. The page has the answer chosen; its
button records it, and its script presses that as soon as a person uses the page.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field

from services.intake.access.link_access import link_not_valid
from services.intake.commands.satisfaction import MAX_COMMENT, SatisfactionAnswer, find_survey, rate
from services.intake.deps import State
from services.intake.models import SatisfactionSurvey, Ticket
from services.intake.web.forms import FormNotValid, Values, check, read_form
from services.intake.web.link_deps import Token, VerifiedLink
from services.intake.web.route import PortalPageRoute
from services.intake.web.status_actions import back, only_requester
from shared.kit.clock import utc_now
from shared.kit.http.inputs import Body, Input
from shared.kit.satisfaction import SCORES

router = APIRouter(route_class=PortalPageRoute, include_in_schema=False)


class RatingForm(Input):
    """The score that was chosen, and what was written with it."""

    score: Annotated[str, Field(pattern="^[1-5]$")]
    comment: Annotated[Body, Field(max_length=MAX_COMMENT)] | None = None

    @property
    def answer(self) -> SatisfactionAnswer:
        """What the requester says."""
        return SatisfactionAnswer(int(self.score), self.comment)


async def rated_by(token: Token, state: State) -> tuple[Ticket, SatisfactionSurvey]:
    """The ticket and the question of a mail's link. Raises Problem 404, the same for every link that is of no use."""
    rated = state.rating_links.read(token)
    async with state.database.begin() as session:
        survey = await find_survey(session, rated.ticket_id, rated.resolution) if rated else None
        ticket = await session.get(Ticket, survey.ticket_id) if survey else None
        if survey is None or ticket is None or ticket.erased_at is not None:
            raise link_not_valid()
        return ticket, survey


Rated = Annotated[tuple[Ticket, SatisfactionSurvey], Depends(rated_by)]


@router.get("/rate/{token}")
async def ask(
    request: Request,
    token: Token,
    rated: Rated,
    state: State,
    score: Annotated[str, Query(max_length=10)] = "",
    done: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """The question with the mail's answer chosen, or thanks for the one that is recorded. Records nothing."""
    chosen = {} if done else {"score": score}
    return _page(request, state, token, rated, chosen, {}, is_done=bool(done))


@router.post("/rate/{token}")
async def answer(request: Request, token: Token, rated: Rated, state: State) -> Response:
    """Records the answer; it can be changed on the same page for a while."""
    values = await read_form(request, state)
    try:
        form = check(RatingForm, values)
    except FormNotValid as wrong:
        return _page(request, state, token, rated, values, wrong.errors, is_done=False)
    ticket, survey = rated
    async with state.database.begin() as session:
        await rate(session, ticket.id, survey.resolution, form.answer, utc_now())
    return RedirectResponse(f"/rate/{token}?done=1", 303)


@router.post("/t/{token}/rate")
async def answer_on_thread(request: Request, token: Token, visit: VerifiedLink, state: State) -> Response:
    """Records the requester's answer about the ticket's newest resolution that they were asked about."""
    form = check(RatingForm, await read_form(request, state))
    only_requester(visit)
    async with state.database.begin() as session:
        survey = await find_survey(session, visit.ticket.id)
        if survey is None:
            raise link_not_valid()
        await rate(session, visit.ticket.id, survey.resolution, form.answer, utc_now())
    return back(token, "rated")


def _page(
    request: Request,
    state: State,
    token: str,
    rated: tuple[Ticket, SatisfactionSurvey],
    values: Values,
    errors: Values,
    *,
    is_done: bool,
) -> Response:
    ticket, survey = rated
    chosen = values.get("score", "")
    return state.pages.render(
        request,
        "rate.html",
        422 if errors else 200,
        ticket=ticket,
        token=token,
        survey=survey,
        scores=SCORES,
        chosen=int(chosen) if chosen in map(str, SCORES) else survey.score,
        comment=values.get("comment", survey.comment or ""),
        errors=errors,
        is_done=is_done and survey.score is not None,
        is_open=utc_now() < survey.open_until,
        page_class="narrow",
    )
