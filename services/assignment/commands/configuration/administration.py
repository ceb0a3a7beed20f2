"""What every administrative change has in common: one transaction, a safe retry, refusals for clashes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError
from starlette.status import HTTP_201_CREATED

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.audit import set_actor
from services.assignment.errors import already_exists
from services.assignment.models import Base
from services.assignment.queries.access.callers import Caller
from shared.kit.db import Session
from shared.kit.http.idempotent_commands import CreatedResource, KeyedRequest, once
from shared.kit.http.problems import invalid, not_found

Stored = TypeVar("Stored", bound=Base)
UNIQUE_VIOLATION, FOREIGN_KEY_VIOLATION = "23505", "23503"


@dataclass(frozen=True, slots=True)
class Keyed:
    """A POST that makes something: who sends it and what makes its retry recognisable."""

    caller: Caller
    path: str
    key: str | None
    request_hash: bytes

    @property
    def request(self) -> KeyedRequest:
        """The same, for whoever does not ask who the caller is."""
        return KeyedRequest(f"{self.caller.agent_id}:{self.path}", self.key, self.request_hash)


async def create(
    context: AppState, call: Keyed, make: Callable[[Session], Awaitable[BaseModel]], status: int = HTTP_201_CREATED
) -> Response:
    """Makes something once per idempotency key and answers with it."""

    async def make_as_caller(session: Session) -> CreatedResource:
        set_actor(session, call.caller)
        async with refusing_clashes():
            return CreatedResource(await make(session))

    response = await once(context.database, call.request, status, make_as_caller)
    context.rollouts.wake()
    return response


@asynccontextmanager
async def changing(context: AppState, by: Caller | None) -> AsyncIterator[Session]:
    """One transaction for a change, by an administrator or by Everdesk itself; what it announces leaves at once."""
    async with refusing_clashes(), context.database.begin() as session:
        if by is not None:
            set_actor(session, by)
        yield session


@asynccontextmanager
async def refusing_clashes() -> AsyncIterator[None]:
    """Turns the database's own refusals into Problem 409 and 422."""
    try:
        yield
    except IntegrityError as error:
        state = getattr(error.orig, "sqlstate", None)
        if state == UNIQUE_VIOLATION:
            raise already_exists("", "something with this name, address or position exists already") from error
        if state == FOREIGN_KEY_VIOLATION:
            raise invalid("", "it refers to an agent, team or role that does not exist") from error
        raise


async def get_locked(session: Session, model: type[Stored], key: UUID, what: str) -> Stored:
    """A row about to be changed. Raises Problem 404."""
    row = await session.get(model, key, with_for_update={"key_share": True})
    if row is None:
        raise not_found(what)
    return row


def apply_changes(row: Base, changes: Mapping[str, Any]) -> bool:
    """Sets a row's columns. Returns whether any of them now has another value: only then is it a new version."""
    columns = {name: _stored(value) for name, value in changes.items()}
    differing = {name: value for name, value in columns.items() if getattr(row, name) != value}
    for name, value in differing.items():
        setattr(row, name, value)
    return bool(differing)


def _stored(value: Any) -> Any:
    """As a row holds it, so that the same value compares as equal."""
    if isinstance(value, StrEnum):
        return value.value
    return list(value) if isinstance(value, tuple) else value


def changes_of(body: BaseModel, nullable: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The fields that were sent. Raises Problem 422 for a null where something must be."""
    sent: Mapping[str, Any] = {name: getattr(body, name) for name in body.model_fields_set}
    for name, value in sent.items():
        if value is None and name not in nullable:
            raise invalid(f"/{name}", "must not be null; leave it out to keep it as it is")
    return dict(sent)
