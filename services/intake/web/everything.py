"""What people may have of themselves: everything, once a link out of their own mailbox has led them here."""

from fastapi import APIRouter, Request, Response

from services.intake.deps import Parts
from services.intake.privacy.download import handed_out
from services.intake.privacy.holdings import find_holdings
from services.intake.web.route import PageRoute
from services.intake.web.visiting import Visited, household
from shared.kit.http.problems import Problem
from shared.kit.requester_ids import RequesterIds

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/t/{token}/everything")
async def everything(request: Request, visit: Visited, parts: Parts) -> Response:
    """All that is held of the address the link was mailed to. Raises Problem 403 for links that were not mailed.

    A link to one ticket, such as client programs are given, proves nothing about the mailbox.
    """
    await parts.form_limiter.check(None, household(request, parts))
    if not visit.link.is_mailed:
        raise Problem(
            403,
            "address_not_proved",
            "this link did not come by mail; have one mailed to you under “Check ticket status” and use that",
        )
    async with parts.database.begin() as session:
        found = await find_holdings(session, RequesterIds(parts.settings), visit.link.email)
    return handed_out(parts, found)
