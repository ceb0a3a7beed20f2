"""What calendars and SLA policies have in common: a change makes the next version, one at a time."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from sqlalchemy import func, select

from shared.kit.db import Session
from shared.kit.http.problems import Problem, invalid

Whole = TypeVar("Whole", bound=BaseModel)


async def lock(session: Session, name: str) -> None:
    """One change of this thing at a time."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def merged(model: type[Whole], body: dict[str, Any], changes: dict[str, Any]) -> Whole:
    """The stored value with changes; checked as if it had been sent whole. Raises Problem 422."""
    try:
        return model.model_validate_json(to_json({**body, **changes}))
    except ValidationError as error:
        first = error.errors()[0]
        message = str(first["msg"]).removeprefix("Value error, ")
        raise invalid("/" + "/".join(map(str, first["loc"])), message) from error


def is_same(value: BaseModel, body: dict[str, Any]) -> bool:
    """Whether a value says what is stored already, however old the stored form; then no version is due."""
    try:
        return type(value).model_validate_json(to_json(body)) == value
    except ValidationError:
        return False


def restored(model: type[Whole], body: dict[str, Any], version: int) -> Whole:
    """An old version's value, checked by today's rules. Raises Problem 409."""
    try:
        return model.model_validate_json(to_json(body))
    except ValidationError as error:
        first = error.errors()[0]
        where = "/" + "/".join(map(str, first["loc"]))
        message = f"version {version} is not valid any more: {where}: {first['msg']}"
        raise Problem(409, "version_not_valid", message) from error


def check_not_newest(version: int, newest: int) -> None:
    """Restoring what is already the case would only make history longer. Raises Problem 409."""
    if version == newest:
        raise Problem(409, "already_newest", f"version {version} is the newest; restore an earlier one")
