"""The ledger of deliveries, and what was not sent sent again."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from services.notification.commands import retry_delivery
from services.notification.delivery.channels import DeliveryChannel
from services.notification.delivery.status import DeliveryStatus
from services.notification.delivery_replay import DeliveryReplayResult, ReplayDeliveries, replay_deliveries
from services.notification.deps import By, State
from services.notification.models import Delivery
from services.notification.queries import DeliveryFilter, list_deliveries
from services.notification.recipient_addresses import clear_bounce, standings_of
from services.notification.schemas import DeliveryView
from shared.kit.db import Session
from shared.kit.http.app import canonical
from shared.kit.http.idempotency import IdempotencyKey, fingerprint, idempotent_transaction
from shared.kit.http.idempotent_commands import CreatedResource, KeyedRequest, once
from shared.kit.http.paging import Cursor, Limit, Page, decode_cursor, encode_cursor
from shared.kit.http.problems import Problem, not_found
from shared.kit.http.routers import HttpRouter

router = HttpRouter(prefix="/deliveries", tags=["deliveries"])

AboutTicket = Annotated[UUID | None, Query(description="Only what was said about this ticket")]
InStatus = Annotated[DeliveryStatus | None, Query(description="Only deliveries in this state")]

ByChannel = Annotated[DeliveryChannel | None, Query(description="Only what goes by this channel")]


@router.get("")
async def list_all(
    state: State,
    ticket_id: AboutTicket = None,
    status: InStatus = None,
    channel: ByChannel = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[DeliveryView]:
    """Lists deliveries, newest first."""
    async with state.database.begin() as session:
        found = await list_deliveries(
            session, DeliveryFilter(ticket_id, status, channel), position_in(cursor), limit + 1
        )
        page = found[:limit]
        standings = await standings_of(session, {one.address for one in page if one.address})
    bouncing = {address for address, standing in standings.items() if standing.is_bouncing}
    more = encode_cursor(str(page[-1].id)) if len(found) > limit else None
    return Page(items=[DeliveryView.of(one, is_bouncing=one.address in bouncing) for one in page], next_cursor=more)


@router.post("/replay", response_model=DeliveryReplayResult)
async def replay(request: ReplayDeliveries, by: By, state: State, key: IdempotencyKey = None) -> Response:
    """Sends deliveries again that were not sent: named by id, or all of a range. Count them first with `dry_run`."""

    async def make(session: Session) -> CreatedResource:
        return CreatedResource(await replay_deliveries(session, by, request))

    content = fingerprint(canonical(request.model_dump(mode="json")))
    answer = await once(state.database, KeyedRequest(f"{by.id}:replay-deliveries", key, content), 200, make)
    state.wake_sender()
    state.wake_targets()
    return answer


@router.post("/{delivery_id}/retry", response_model=DeliveryView)
async def retry(delivery_id: UUID, by: By, state: State, key: IdempotencyKey = None) -> Response:
    """Queues a failed delivery again under its Message-ID."""
    async with idempotent_transaction(state.database, "retry-delivery", key, fingerprint(str(delivery_id))) as guarded:
        if guarded.stored is not None:
            return guarded.stored
        view = DeliveryView.of(await retry_delivery(guarded.session, by, delivery_id))
        body = view.model_dump_json().encode()
        await guarded.store(body)
    state.wake_sender()
    state.wake_targets()
    return Response(body, media_type="application/json")


@router.post("/{delivery_id}/clear-bounce")
async def clear(delivery_id: UUID, state: State, by: By, ticket_id: AboutTicket = None) -> DeliveryView:
    """Lets mail go again to the address of a delivery to which it bounced."""
    async with state.database.begin() as session:
        delivery = await session.get(Delivery, delivery_id)
        if delivery is None or delivery.address is None or ticket_id not in (None, delivery.ticket_id):
            raise not_found("delivery")
        await clear_bounce(session, by, delivery.address)
        return DeliveryView.of(delivery)


def position_in(cursor: str | None) -> UUID | None:
    """Returns the id that a cursor stands for. Raises Problem 422 for a cursor that is not ours."""
    position = decode_cursor(cursor, str)
    if position is None:
        return None
    try:
        return UUID(str(position[0]))
    except ValueError:
        raise Problem(422, "invalid_cursor", "use next_cursor of the page before") from None
