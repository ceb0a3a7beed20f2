"""Making, rotating and revoking the keys of client programs over HTTP."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from services.intake.admin.administrators import Admin, By
from services.intake.admin.key_views import ApiKeyView, CreateKey, KeyWithSecret, RotateKey
from services.intake.api.route import ApiRoute, answer
from services.intake.commands.keys import find_key, page_of_keys, put_key, revoke_key, rotate_key
from services.intake.deps import State
from services.intake.queries.tickets import cursor_after, position_of
from services.intake.schemas import NoContent, PageRequest
from shared.kit.auth import ApiKey
from shared.kit.clock import utc_now
from shared.kit.configuration_changes import record_change
from shared.kit.db import Session
from shared.kit.http.app import canonical
from shared.kit.http.idempotency import IdempotencyKey, IdempotentTransaction, fingerprint, idempotent_transaction
from shared.kit.http.paging import Page
from shared.kit.http.problems import Problem, not_found

KeyId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", description="The 16 characters after `hd_`")]
router = APIRouter(prefix="/v1/admin", route_class=ApiRoute, tags=["api keys"])


@router.post("/api-keys", status_code=201, response_model=KeyWithSecret)
async def create(
    request: CreateKey, admin: Admin, by: By, state: State, idempotency_key: IdempotencyKey = None
) -> Response:
    """Make a key. It is shown in this answer only: a repetition of the answer is without it."""
    scope, content = f"{admin.key_id}:key", fingerprint(canonical(request.model_dump(mode="json")))
    async with idempotent_transaction(state.database, scope, idempotency_key, content) as guarded:
        if guarded.stored:
            return guarded.stored
        key = ApiKey.make()
        await put_key(
            guarded.session,
            key,
            request.name,
            request.scopes,
            per_minute=request.per_minute or state.settings.api_key_per_minute,
            cidrs=request.cidrs,
            expires_at=request.expires_at,
        )
        made = await _view(guarded.session, key.key_id, utc_now())
        await record_change(guarded.session, by, _subject(made), None, made)
        return await _shown_once(guarded, key, 201)


@router.get("/api-keys")
async def list_all(page: Annotated[PageRequest, Query()], _admin: Admin, state: State) -> Page[ApiKeyView]:
    """Every key, oldest first, revoked ones too; never a secret."""
    async with state.database.begin() as session:
        keys = await page_of_keys(session, page.limit + 1, position_of(page.cursor))
    shown = keys[: page.limit]
    next_cursor = cursor_after(shown[-1].created_at, shown[-1].key_id) if len(keys) > len(shown) else None
    return Page(items=[ApiKeyView.of(key, utc_now()) for key in shown], next_cursor=next_cursor)


@router.get("/api-keys/{key_id}")
async def read(key_id: KeyId, _admin: Admin, state: State) -> ApiKeyView:
    """One key."""
    async with state.database.begin() as session:
        return await _view(session, key_id, utc_now())


@router.post("/api-keys/{key_id}/rotate", response_model=KeyWithSecret)
async def rotate(
    key_id: KeyId,
    admin: Admin,
    by: By,
    state: State,
    request: RotateKey | None = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Give a key a new secret, shown in this answer only. The one before works until the overlap is over."""
    asked = request or RotateKey()
    content = fingerprint(canonical(asked.model_dump(mode="json")))
    async with idempotent_transaction(
        state.database, f"{admin.key_id}:rotate:{key_id}", idempotency_key, content
    ) as guarded:
        if guarded.stored:
            return guarded.stored
        before = await _view(guarded.session, key_id, utc_now())
        key = await rotate_key(guarded.session, key_id, utc_now(), asked.overlap)
        if key is None:
            raise Problem(409, "not_rotatable", "a revoked key, or one of another system, cannot be rotated")
        after = await _view(guarded.session, key_id, utc_now())
        await record_change(guarded.session, by, _subject(after), before, after, note="new secret")
        shown = await _shown_once(guarded, key, 200)
    state.keys.forget(key_id)
    return shown


@router.post("/api-keys/{key_id}/revoke", response_model=ApiKeyView)
async def revoke(
    key_id: KeyId,
    by: By,
    state: State,
    request: NoContent | None = None,  # noqa: ARG001 - only checked
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001 - doing it again changes nothing
) -> Response:
    """Switch a key off for good; it stops working within seconds."""
    async with state.database.begin() as session:
        before = await _view(session, key_id, utc_now())
        if not await revoke_key(session, key_id):
            raise not_found("key")
        view = await _view(session, key_id, utc_now())
        if view.state != before.state:
            await record_change(session, by, _subject(view), before, view, note="revoked")
    state.keys.forget(key_id)
    return answer(view)


def _subject(view: ApiKeyView) -> tuple[str, str, str]:
    return "api-key", view.key_id, view.name


async def _view(session: Session, key_id: str, now: datetime) -> ApiKeyView:
    """Raises Problem 404."""
    stored = await find_key(session, key_id)
    if stored is None:
        raise not_found("key")
    return ApiKeyView.of(stored, now)


async def _shown_once(guarded: IdempotentTransaction, key: ApiKey, status: int) -> Response:
    """The answer with the secret; what is stored for repetitions is without."""
    await guarded.session.flush()
    view = await _view(guarded.session, key.key_id, utc_now())
    shown = KeyWithSecret(**view.model_dump(), key=str(key))
    await guarded.store(shown.model_copy(update={"key": None}).model_dump_json().encode(), status)
    return answer(shown, status, Cache_Control="no-store")
