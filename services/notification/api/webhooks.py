"""Routes of webhooks: endpoints, their secrets, test deliveries, and the ledger of what they were sent."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from starlette.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from services.notification.deps import By, State
from services.notification.webhooks.commands import WebhookCommands, get_delivery, get_webhook
from services.notification.webhooks.queries import WebhookDeliveryFilter, list_deliveries_of, list_webhooks
from services.notification.webhooks.schemas import (
    ChangeWebhook,
    CreateWebhook,
    ReplayEvents,
    ReplayResult,
    RotateSecret,
    WebhookDeliveryView,
    WebhookTestResult,
    WebhookView,
    WebhookWithSecret,
)
from services.notification.webhooks.signing import written
from services.notification.webhooks.status import WebhookDeliveryStatus
from services.notification.webhooks.trials import send_test
from shared.kit.db import Session
from shared.kit.http.app import canonical
from shared.kit.http.etags import IfMatch, etag_of
from shared.kit.http.idempotency import IdempotencyKey, fingerprint, idempotent_transaction
from shared.kit.http.idempotent_commands import CreatedResource, KeyedRequest, once
from shared.kit.http.inputs import Input
from shared.kit.http.paging import Cursor, Limit, Page, decode_cursor, encode_cursor
from shared.kit.http.problems import invalid
from shared.kit.http.public_addresses import OutgoingRefused
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/webhooks", tags=["webhooks"], route_class=StrictJsonRoute)

InStatus = Annotated[WebhookDeliveryStatus | None, Query(description="Only deliveries in this state")]
OfEvent = Annotated[str | None, Query(max_length=200, description="Only the delivery of this event")]


@router.post("", status_code=HTTP_201_CREATED, response_model=WebhookWithSecret)
async def create(request: CreateWebhook, by: By, state: State, key: IdempotencyKey = None) -> Response:
    """Adds an endpoint. Its secret is in this answer only."""
    await _check_url(state, request.url)
    content = _content(request)
    async with idempotent_transaction(state.database, f"{by.id}:webhook", key, content) as guarded:
        if guarded.stored is not None:
            return guarded.stored
        made, secret = await WebhookCommands(guarded.session, by, state.webhook_secrets).create(request)
        await guarded.store(_json(WebhookWithSecret.of(made, None)), HTTP_201_CREATED)
    return _answer(WebhookWithSecret.of(made, written(secret)), HTTP_201_CREATED)


@router.get("")
async def list_all(state: State) -> Page[WebhookView]:
    """Lists all endpoints, by name."""
    async with state.database.begin() as session:
        return Page(items=await list_webhooks(session))


@router.get("/{webhook_id}")
async def get_one(webhook_id: UUID, state: State, response: Response) -> WebhookView:
    """Returns an endpoint, never its secret."""
    async with state.database.begin() as session:
        found = await get_webhook(session, webhook_id)
    response.headers["ETag"] = etag_of(found.version)
    return found


@router.patch("/{webhook_id}")
async def change(
    webhook_id: UUID, request: ChangeWebhook, by: By, state: State, response: Response, if_match: IfMatch = None
) -> WebhookView:
    """Changes its name, address or events; events that wait go to the new address."""
    if request.url is not None:
        await _check_url(state, request.url)
    async with state.database.begin() as session:
        changed = await WebhookCommands(session, by, state.webhook_secrets).change(webhook_id, request, if_match)
    response.headers["ETag"] = etag_of(changed.version)
    return changed


@router.delete("/{webhook_id}", status_code=HTTP_204_NO_CONTENT)
async def remove(webhook_id: UUID, by: By, state: State) -> None:
    """Removes an endpoint with its deliveries."""
    async with state.database.begin() as session:
        await WebhookCommands(session, by, state.webhook_secrets).remove(webhook_id)


@router.post("/{webhook_id}/pause")
async def pause(webhook_id: UUID, by: By, state: State) -> WebhookView:
    """Sends nothing until it is enabled; events wait for it."""
    async with state.database.begin() as session:
        return await WebhookCommands(session, by, state.webhook_secrets).pause(webhook_id)


@router.post("/{webhook_id}/enable")
async def enable(webhook_id: UUID, by: By, state: State) -> WebhookView:
    """Sends again. What came while it was disabled is sent by a replay."""
    async with state.database.begin() as session:
        enabled = await WebhookCommands(session, by, state.webhook_secrets).enable(webhook_id)
    state.wake_webhooks()
    return enabled


@router.post("/{webhook_id}/rotate-secret", response_model=WebhookWithSecret)
async def rotate(
    webhook_id: UUID, by: By, state: State, request: RotateSecret | None = None, key: IdempotencyKey = None
) -> Response:
    """Gives it a new secret, shown in this answer only; until the overlap ends deliveries are signed with both."""
    asked = request or RotateSecret()
    content, scope = _content(asked), f"{by.id}:rotate:{webhook_id}"
    async with idempotent_transaction(state.database, scope, key, content) as guarded:
        if guarded.stored is not None:
            return guarded.stored
        overlap = timedelta(seconds=asked.overlap_seconds)
        commands = WebhookCommands(guarded.session, by, state.webhook_secrets)
        changed, secret = await commands.rotate(webhook_id, overlap)
        await guarded.store(_json(WebhookWithSecret.of(changed, None)))
    return _answer(WebhookWithSecret.of(changed, written(secret)))


@router.post("/{webhook_id}/test")
async def test(webhook_id: UUID, _: By, state: State) -> WebhookTestResult:
    """Sends a test event at once, and says what the endpoint answered."""
    return await send_test(state.webhook_ledger, state.outgoing, webhook_id)


@router.get("/{webhook_id}/deliveries")
async def list_deliveries(
    webhook_id: UUID,
    state: State,
    status: InStatus = None,
    event_id: OfEvent = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[WebhookDeliveryView]:
    """Lists what it was sent, newest first."""
    position = decode_cursor(cursor, int)
    before = int(position[0]) if position else None
    async with state.database.begin() as session:
        await get_webhook(session, webhook_id)
        found = await list_deliveries_of(
            session, webhook_id, WebhookDeliveryFilter(status, event_id), before, limit + 1
        )
    page = found[:limit]
    return Page(items=page, next_cursor=encode_cursor(page[-1].position) if len(found) > limit else None)


@router.get("/{webhook_id}/deliveries/{delivery_id}")
async def get_one_delivery(webhook_id: UUID, delivery_id: UUID, state: State) -> WebhookDeliveryView:
    """Returns one delivery."""
    async with state.database.begin() as session:
        return await get_delivery(session, webhook_id, delivery_id)


@router.post("/{webhook_id}/deliveries/{delivery_id}/replay", response_model=WebhookDeliveryView)
async def replay_one(webhook_id: UUID, delivery_id: UUID, by: By, state: State, key: IdempotencyKey = None) -> Response:
    """Sends one event again, under the same id."""

    async def make(session: Session) -> CreatedResource:
        commands = WebhookCommands(session, by, state.webhook_secrets)
        return CreatedResource(await commands.replay_one(webhook_id, delivery_id))

    asked = KeyedRequest(f"{by.id}:replay-webhook", key, fingerprint(str(webhook_id), str(delivery_id)))
    answer = await once(state.database, asked, 200, make)
    state.wake_webhooks()
    return answer


@router.post("/{webhook_id}/replay", response_model=ReplayResult)
async def replay(webhook_id: UUID, request: ReplayEvents, by: By, state: State, key: IdempotencyKey = None) -> Response:
    """Sends a range of events again, each under the same id, in the order of the feed."""

    async def make(session: Session) -> CreatedResource:
        commands = WebhookCommands(session, by, state.webhook_secrets)
        return CreatedResource(ReplayResult(count=await commands.replay(webhook_id, request)))

    asked = KeyedRequest(f"{by.id}:replay-webhook:{webhook_id}", key, _content(request))
    answer = await once(state.database, asked, 200, make)
    state.wake_webhooks()
    return answer


async def _check_url(state: State, url: str) -> None:
    """Raises Problem 422 for an address that may not be asked."""
    try:
        await state.outgoing.check(url)
    except OutgoingRefused as error:
        raise invalid("/url", str(error)) from error


def _content(request: Input) -> bytes:
    return fingerprint(canonical(request.model_dump(mode="json")))


def _json(view: WebhookWithSecret) -> bytes:
    return view.model_dump_json().encode()


def _answer(view: WebhookWithSecret, status: int = 200) -> Response:
    return Response(
        _json(view), status, {"ETag": etag_of(view.version), "Cache-Control": "no-store"}, media_type="application/json"
    )
