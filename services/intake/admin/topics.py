"""Administration of topics and their forms."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from starlette.status import HTTP_200_OK, HTTP_201_CREATED

from services.intake.admin.administrators import Admin, By
from services.intake.admin.idempotent_commands import KeyedCall, run_once
from services.intake.admin.schemas import AdminTopicView, TopicInput, TopicOrder
from services.intake.api.route import ApiRoute, answer
from services.intake.app_state import AppState
from services.intake.commands.topics import (
    create_topic,
    get_topic,
    list_topics,
    order_topics,
    page_of_topics,
    replace_topic,
    switch_topic,
)
from services.intake.deps import State
from services.intake.models import Topic
from services.intake.schemas import NoContent, PageRequest
from shared.contracts.vocabulary import BodyFormat
from shared.kit.administrator_passes import Administrator
from shared.kit.configuration_changes import record_change
from shared.kit.db import Session
from shared.kit.http.body_check import check_body
from shared.kit.http.etags import IfMatch, etag_of, revision_of
from shared.kit.http.idempotent_commands import CreatedResource, KeyedRequest
from shared.kit.http.paging import Page

Name = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The topic's slug or id")]
router = APIRouter(prefix="/v1/admin", route_class=ApiRoute, tags=["topic administration"])


@router.get("/topics")
async def list_all(_: Admin, page: Annotated[PageRequest, Query()], state: State) -> Page[AdminTopicView]:
    """Every topic in its order, active or not."""
    async with state.database.begin() as session:
        topics, next_cursor = await page_of_topics(session, page.limit, page.cursor)
    return Page(items=[AdminTopicView.of(topic) for topic in topics], next_cursor=next_cursor)


@router.post("/topics", status_code=HTTP_201_CREATED, response_model=AdminTopicView)
async def create(by: By, call: KeyedCall, state: State, request: TopicInput) -> Response:
    """Add a topic at the end of the list; it can be chosen at once."""
    await check_body(state.renderer, request.thanks, BodyFormat.MARKDOWN, "/thanks")

    async def make(session: Session) -> CreatedResource:
        topic = await create_topic(session, request.content())
        await _record(session, by, None, topic)
        return _made(topic)

    return await run_once(state, call, HTTP_201_CREATED, make)


@router.put("/topic-order")
async def order(by: By, state: State, request: TopicOrder) -> TopicOrder:
    """Say which topics come first. The answer names all of them in their order."""
    async with state.database.begin() as session:
        before = [topic.slug for topic in await list_topics(session)]
        topics = await order_topics(session, request.topics)
        subject = ("topic-order", "topic-order", "Order of the topics")
        order = {"topics": [topic.slug for topic in topics]}
        await record_change(session, by, subject, {"topics": before}, order)
    state.topics.forget()
    return TopicOrder(topics=[topic.slug for topic in topics])


@router.get("/topics/{name}", response_model=AdminTopicView)
async def read(_: Admin, state: State, name: Name) -> Response:
    """One topic, active or not."""
    async with state.database.begin() as session:
        return _answer(await get_topic(session, name))


@router.put("/topics/{name}", response_model=AdminTopicView)
async def replace(by: By, state: State, name: Name, request: TopicInput, if_match: IfMatch = None) -> Response:
    """Say everything about a topic anew. Fields you leave out of its form go; answers given to them stay readable."""
    await check_body(state.renderer, request.thanks, BodyFormat.MARKDOWN, "/thanks")
    async with state.database.begin() as session:
        before = AdminTopicView.of(await get_topic(session, name))
        topic = await replace_topic(session, name, request.content(), revision_of(if_match))
        await _record(session, by, before, topic)
        replaced = _answer(topic)
    state.topics.forget()
    return replaced


@router.post("/topics/{name}/deactivate", response_model=AdminTopicView)
async def deactivate(
    by: By,
    call: KeyedCall,
    state: State,
    name: Name,
    request: NoContent | None = None,  # noqa: ARG001 - only checked
) -> Response:
    """Take a topic out of the list. Tickets that name it keep it."""
    return await _switch(state, by, call, name, is_active=False)


@router.post("/topics/{name}/reactivate", response_model=AdminTopicView)
async def reactivate(
    by: By,
    call: KeyedCall,
    state: State,
    name: Name,
    request: NoContent | None = None,  # noqa: ARG001 - only checked
) -> Response:
    """Take a topic back into the list."""
    return await _switch(state, by, call, name, is_active=True)


async def _switch(state: AppState, by: Administrator, call: KeyedRequest, name: str, *, is_active: bool) -> Response:
    async def make(session: Session) -> CreatedResource:
        before = AdminTopicView.of(await get_topic(session, name))
        topic = await switch_topic(session, name, is_active=is_active)
        await _record(session, by, before, topic)
        return _made(topic)

    return await run_once(state, call, HTTP_200_OK, make)


async def _record(session: Session, by: Administrator, before: AdminTopicView | None, topic: Topic) -> None:
    await record_change(session, by, ("topic", str(topic.id), topic.name), before, AdminTopicView.of(topic))


def _made(topic: Topic) -> CreatedResource:
    return CreatedResource(AdminTopicView.of(topic), etag_of(topic.version))


def _answer(topic: Topic) -> Response:
    return answer(AdminTopicView.of(topic), etag=etag_of(topic.version))
