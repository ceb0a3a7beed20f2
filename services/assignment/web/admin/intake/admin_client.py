"""Calls of intake's administration for the signed-in administrator."""

from collections.abc import Mapping
from typing import Any

from services.assignment.app_state import AppState
from services.assignment.queries.callers import Caller
from shared.kit.administrator_passes import Administrator
from shared.kit.http.sibling_service import SiblingAnswer

MOST_PAGES = 50
ADMIN = "/v1/admin"


def administrator(caller: Caller) -> Administrator:
    """The signed-in agent as the other services' audit logs name them."""
    return Administrator(str(caller.agent_id), caller.name, caller.address)


async def ask(
    context: AppState,
    caller: Caller,
    method: str,
    path: str,
    body: Any = None,
    *,
    query: Mapping[str, str] | None = None,
    key: str | None = None,
    version: int | None = None,
) -> SiblingAnswer:
    """One request below /v1/admin; `key` makes sending it twice harmless, `version` refuses what was changed since.

    Raises the Problem that intake answers, and Problem 503 if it is away.
    """
    headers = {"Idempotency-Key": key} if key else {}
    if version is not None:
        headers["If-Match"] = f'"{version}"'
    who = administrator(caller)
    return await context.siblings.intake.call(who, method, f"{ADMIN}{path}", body, query=query, headers=headers)


async def every(context: AppState, caller: Caller, path: str) -> list[dict[str, Any]]:
    """All items of a list, page after page."""
    items: list[dict[str, Any]] = []
    query = {"limit": "200"}
    for _ in range(MOST_PAGES):
        page = (await ask(context, caller, "GET", path, query=query)).body
        items += page["items"]
        if not page.get("next_cursor"):
            break
        query |= {"cursor": page["next_cursor"]}
    return items


def instant_in(text: str) -> str | None:
    """The value of a `datetime-local` input, which is in UTC on these pages, as the API takes it."""
    return f"{text}:00Z" if len(text) == 16 else f"{text}Z" if text else None


def as_local(instant: str | None) -> str:
    """The same the other way round."""
    return instant[:16] if instant else ""
