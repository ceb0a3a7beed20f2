"""What a request can be about, and what each topic's form asks for."""

from fastapi import APIRouter

from services.intake.api.authentication import AnyKey
from services.intake.api.route import ApiRoute
from services.intake.deps import State
from services.intake.schemas import TopicView
from services.intake.topic_cache import TopicEntry
from shared.kit.http.paging import Page

router = APIRouter(prefix="/v1", route_class=ApiRoute, tags=["topics"])


@router.get("/topics")
async def list_all(_key: AnyKey, state: State) -> Page[TopicView]:
    """The topics to choose from, in their order, each with the fields to send."""
    return Page(items=[topic_view(entry) for entry in await state.topics.active()])


def topic_view(entry: TopicEntry) -> TopicView:
    """A topic with its form."""
    return TopicView(
        id=entry.id,
        slug=entry.slug,
        name=entry.name,
        description=entry.description,
        priority=entry.priority,
        form=entry.form.fields,
    )
