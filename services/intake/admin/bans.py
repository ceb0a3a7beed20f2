"""Banning addresses, domains and networks, and lifting the ban."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from starlette.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from services.intake.abuse.bans import lift_ban, page_of_bans, put_ban
from services.intake.abuse.patterns import MAX_PATTERN, read_pattern
from services.intake.admin.administrators import Admin, By
from services.intake.admin.idempotent_commands import KeyedCall, run_once
from services.intake.api.route import ApiRoute
from services.intake.deps import State
from services.intake.models import Ban
from services.intake.schemas import PageRequest
from shared.kit.configuration_changes import record_change
from shared.kit.db import Session
from shared.kit.http.idempotent_commands import CreatedResource
from shared.kit.http.inputs import Input, Line, WrittenInstant
from shared.kit.http.paging import Page, decode_cursor, encode_cursor, unusable_cursor
from shared.kit.http.problems import not_found

Pattern = Annotated[
    str,
    StringConstraints(min_length=2, max_length=MAX_PATTERN),
    AfterValidator(read_pattern),
    Field(description="`dana@bank.example`, `@bank.example` with all domains below it, or `203.0.113.0/24`"),
]
router = APIRouter(prefix="/v1/admin/bans", route_class=ApiRoute, tags=["abuse"])


class PutBan(Input):
    """Whom not to let in."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"pattern": "@spam.example", "reason": "Only spam"}]})

    pattern: Pattern
    reason: Line
    expires_at: WrittenInstant | None = None


class BanView(BaseModel):
    """A ban; one that has expired has no effect."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "pattern": "@spam.example",
                    "reason": "Only spam",
                    "created_at": "2026-11-24T09:00:00Z",
                    "expires_at": None,
                }
            ]
        }
    )

    pattern: str
    reason: str
    created_at: datetime
    expires_at: datetime | None

    @classmethod
    def of(cls, ban: Ban) -> "BanView":
        """The view of a stored ban."""
        return cls(**{name: getattr(ban, name) for name in cls.model_fields})


@router.post("", status_code=HTTP_201_CREATED, response_model=BanView)
async def put(by: By, call: KeyedCall, state: State, request: PutBan) -> Response:
    """Ban an address, a domain or a network, or change the ban that is there. Takes effect within seconds."""

    async def make(session: Session) -> CreatedResource:
        stored = await session.get(Ban, request.pattern)
        before = BanView.of(stored) if stored else None
        after = BanView.of(await put_ban(session, request.pattern, request.reason, request.expires_at))
        await record_change(session, by, _subject(after.pattern), before, after)
        return CreatedResource(after)

    made = await run_once(state, call, HTTP_201_CREATED, make)
    state.admission.bans.forget()
    return made


@router.get("")
async def list_all(_: Admin, page: Annotated[PageRequest, Query()], state: State) -> Page[BanView]:
    """Every ban, by pattern."""
    after = decode_cursor(page.cursor, str)
    async with state.database.begin() as session:
        bans = await page_of_bans(session, page.limit + 1, _printable(str(after[0])) if after else None)
    shown = bans[: page.limit]
    next_cursor = encode_cursor(shown[-1].pattern) if len(bans) > len(shown) else None
    return Page(items=[BanView.of(ban) for ban in shown], next_cursor=next_cursor)


@router.delete("/{pattern:path}", status_code=HTTP_204_NO_CONTENT)
async def lift(by: By, pattern: Annotated[str, Path(max_length=MAX_PATTERN)], state: State) -> None:
    """Let them in again. Takes effect within seconds."""
    async with state.database.begin() as session:
        stored = await session.get(Ban, _kept(pattern)) if pattern.isprintable() else None
        before = BanView.of(stored) if stored else None
        is_lifted = before is not None and await lift_ban(session, before.pattern)
        if before is not None and is_lifted:
            await record_change(session, by, _subject(before.pattern), before, None)
    if not is_lifted:
        raise not_found("ban")
    state.admission.bans.forget()


def _subject(pattern: str) -> tuple[str, str, str]:
    return "ban", pattern, pattern


def _kept(pattern: str) -> str:
    try:
        return read_pattern(pattern)
    except ValueError:
        return pattern.strip().lower()


def _printable(pattern: str) -> str:
    if not pattern.isprintable():
        raise unusable_cursor()
    return pattern
