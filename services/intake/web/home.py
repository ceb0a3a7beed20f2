"""The support centre: what is announced, what can be found, and the two things people come for."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.intake.deps import State
from services.intake.forms import Audience
from services.intake.forms.fields import BaseChoiceField
from services.intake.models import Announcement
from services.intake.queries.announcements import current_announcements
from services.intake.text_search import MAX_QUERY, SearchableText, find
from services.intake.topic_cache import TopicEntry
from services.intake.web.route import PortalPageRoute
from shared.kit.clock import utc_now
from shared.kit.http.client_address import address_of, network_of

router = APIRouter(route_class=PortalPageRoute, include_in_schema=False)


@router.get("/")
async def home(request: Request, state: State) -> Response:
    """Open a request, or look one up; first what everybody should know."""
    async with state.database.begin() as session:
        announcements = await current_announcements(session, utc_now())
    prose = await state.renderer.prose(one.body for one in announcements)
    topics = await state.topics.public()
    return state.pages.render(request, "home.html", topics=topics, announcements=announcements, prose=prose)


@router.get("/search")
async def search(request: Request, state: State, q: Annotated[str, Query(max_length=1000)] = "") -> Response:
    """Topics and announcements that speak of it. Raises Problem 429."""
    await state.search_limiter.check(None, network_of(address_of(request, state.settings.trusted_proxies)))
    async with state.database.begin() as session:
        announcements = await current_announcements(session, utc_now())
    query = q.strip()[:MAX_QUERY]
    found = find(query, [_searched_announcement(announcement) for announcement in announcements])
    return state.pages.render(
        request,
        "search.html",
        query=query,
        topics=find(query, [_searched_topic(topic) for topic in await state.topics.public()]),
        announcements=found,
        prose=await state.renderer.prose(one.body for one in found),
    )


def _searched_topic(topic: TopicEntry) -> SearchableText[TopicEntry]:
    fields = list(topic.form.fields_for(Audience.EVERYONE))
    labels = [field.label for field in fields]
    choices = [choice.label for field in fields if isinstance(field, BaseChoiceField) for choice in field.choices]
    return SearchableText.of(topic, topic.name, topic.description, *labels, *choices)


def _searched_announcement(announcement: Announcement) -> SearchableText[Announcement]:
    return SearchableText.of(announcement, announcement.title, announcement.body)
