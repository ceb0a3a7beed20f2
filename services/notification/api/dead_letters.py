"""Dead letters of every service: list, read and replay."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Path as InPath
from fastapi import Query, Response

from services.notification.deps import State
from services.notification.schemas import DeadLetterDetail, DeadLetterView
from shared.kit.bus import BusUnavailable
from shared.kit.bus.connection import REFUSED
from shared.kit.http.idempotency import IdempotencyKey, fingerprint, idempotent_transaction
from shared.kit.http.paging import Cursor, Limit, Page, decode_cursor, encode_cursor
from shared.kit.http.problems import not_found, unavailable
from shared.kit.http.routers import HttpRouter

router = HttpRouter(prefix="/dead-letters", tags=["dead letters"])
ANSWER_SECONDS = 5.0

Sequence = Annotated[int, InPath(ge=1, le=2**63 - 1)]
OfConsumer = Annotated[
    str | None, Query(pattern=r"^[a-z0-9_-]{1,64}$", description="Only those of this consumer, such as `notification`")
]


@router.get("")
async def list_all(
    state: State, consumer: OfConsumer = None, limit: Limit = 50, cursor: Cursor = None
) -> Page[DeadLetterView]:
    """Lists dead letters of every service, oldest first."""
    position = decode_cursor(cursor, int)
    after = int(position[0]) if position else 0
    async with _answering():
        found = await state.dead_letters.list(after, limit + 1, consumer)
    page = found[:limit]
    more = encode_cursor(page[-1].sequence) if len(found) > limit else None
    return Page(items=[DeadLetterView.model_validate(letter) for letter in page], next_cursor=more)


@router.get("/{sequence}")
async def get_one(sequence: Sequence, state: State) -> DeadLetterDetail:
    """Returns one dead letter with its event, personal data included."""
    async with _answering():
        return DeadLetterDetail.of(await state.dead_letters.get(sequence))


@router.post("/{sequence}/replay", response_model=DeadLetterView)
async def replay(sequence: Sequence, state: State, key: IdempotencyKey = None) -> Response:
    """Replays the event to the consumer that failed, and to no other."""
    async with idempotent_transaction(state.database, "replay-dead-letter", key, fingerprint(str(sequence))) as guarded:
        if guarded.stored is not None:
            return guarded.stored
        async with _answering():
            letter = await state.dead_letters.replay(sequence)
        body = DeadLetterView.model_validate(letter).model_dump_json().encode()
        await guarded.store(body)
    return Response(body, media_type="application/json")


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    """Raises Problem 503 if NATS does not answer in time, 404 for an unknown sequence."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            yield
    except LookupError:
        raise not_found("dead letter") from None
    except (BusUnavailable, *REFUSED) as error:
        raise unavailable("the event bus does not answer; send the same request again") from error
