"""What a request can be about."""

from fastapi import APIRouter

from services.intake.api.access import AnyKey
from services.intake.api.route import ApiRoute
from services.intake.deps import Parts
from services.intake.schemas import TopicView
from shared.kit.http.paging import Page

router = APIRouter(prefix="/v1", route_class=ApiRoute, tags=["topics"])


@router.get("/topics")
async def list_all(_key: AnyKey, parts: Parts) -> Page[TopicView]:
    """The topics to choose from, in their order."""
    entries = await parts.topics.active()
    return Page(items=[TopicView(id=e.id, slug=e.slug, name=e.name, description=e.description) for e in entries])
