"""The support centre: the two things people come for."""

from fastapi import APIRouter, Request, Response

from services.intake.deps import Parts
from services.intake.web.route import PageRoute

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/")
async def home(request: Request, parts: Parts) -> Response:
    """Open a request, or look one up."""
    return parts.pages.render(request, "home.html", topics=await parts.topics.active())
