"""Client of intake's admin API for the signed-in administrator."""

from collections.abc import Mapping
from typing import Any

from services.assignment.app_state import AppState
from services.assignment.queries.access.callers import Caller
from shared.kit.administrator_passes import Administrator
from shared.kit.http.sibling_service import SiblingAnswer

MOST_PAGES = 50
ADMIN = "/v1/admin"


def administrator(caller: Caller) -> Administrator:
    """The signed-in agent as other services' audit logs identify them."""
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
    """Sends a request below /v1/admin; `key` makes a retry safe, `version` detects concurrent changes.

    Raises the Problem that intake answers, and Problem 503 if it is down.
    """
    headers = {"Idempotency-Key": key} if key else {}
    if version is not None:
        headers["If-Match"] = f'"{version}"'
    who = administrator(caller)
    return await context.siblings.intake.call(who, method, f"{ADMIN}{path}", body, query=query, headers=headers)


async def every(context: AppState, caller: Caller, path: str) -> list[dict[str, Any]]:
    """Collects all items of a paged list."""
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
    """Converts a `datetime-local` value (UTC on these pages) to the API's format."""
    return f"{text}:00Z" if len(text) == 16 else f"{text}Z" if text else None


def as_local(instant: str | None) -> str:
    """Converts an instant to a `datetime-local` value."""
    return instant[:16] if instant else ""
